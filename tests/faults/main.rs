//! Every fault at every step: each request of each program is answered by an error, not at all, or by
//! nonsense, or the host dies; then the program runs again, with the same wish or another. The end
//! state must be right, nothing may be orphaned, and what is foreign must be as it was.
//!
//! `cargo test --test faults -- --nocapture` prints how many runs there were. The library's count under
//! the same faults is `faults_upstream.py`'s.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may end so"
)]

mod labels;
mod policies;
mod world;
