//! What policies mean: who enforces them, and what they let through.

pub mod answer;
mod asker;
mod binding;
pub mod decide;
pub mod diff;
pub mod envoy;
pub mod exact_lints;
pub mod expect;
pub mod expectation;
pub mod headers;
mod held;
mod index;
pub mod lint;
pub mod matching;
pub mod overview;
pub mod path;
pub mod plan;
pub mod points;
pub mod reach;
pub mod request;
pub mod rules;
pub mod safety;
pub mod sendable;
mod sender;
pub mod symbolic;
pub mod trace;
pub mod verdict;
pub mod ways;
pub mod ztunnel;

pub use decide::Analysis;
pub use request::{Request, Target};
pub use verdict::{Doubts, Verdict};
pub use ways::Answer;
