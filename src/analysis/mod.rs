//! What policies mean: who enforces them, and what they let through.

pub mod envoy;
pub mod rules;
pub mod symbolic;
pub mod ztunnel;
