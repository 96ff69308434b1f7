//! The entry points that take text, what an input to them may take, and ways to make inputs. Two
//! programs use it: random mutation (`main.rs`) and coverage guidance (`coverage/`).

mod allocations;
pub mod bounds;
pub mod corpus;
mod growth;
mod hooks;
mod mesh;
pub mod mutate;
pub mod random;
pub mod shrink;
pub mod targets;
