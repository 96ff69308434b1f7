//! A policy compiler for service meshes.

#![forbid(unsafe_code)]

pub mod conformance;
pub mod istio;
pub mod juju;
pub mod labels;
pub mod model;
pub mod python;
pub mod text;
