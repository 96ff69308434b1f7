//! The exact engine: sets of requests.
//!
//! A policy set mentions finitely many strings, ports and addresses. They cut each field into
//! finitely many classes ([`strings`], [`intervals`]); a set of requests is a set of combinations
//! of classes ([`region`]), so that union, difference, emptiness and equality are exact, and
//! every class has a witness.

mod axis;
pub mod clients;
pub mod condition;
pub mod describe;
pub mod example;
pub mod forwarded;
pub mod glob;
pub mod intern;
pub mod intervals;
pub mod lower;
pub mod region;
pub mod routes;
pub mod solve;
pub mod solved;
pub mod space;
pub mod strings;
pub mod universe;
mod utf8;
pub mod verdict;
pub mod witness;
