//! What a set of policies means.

pub mod symbolic;
