//! What policies mean: who enforces them, and what they let through.

pub mod envoy;
pub mod expectation;
pub mod rules;
pub mod symbolic;
pub mod ztunnel;
