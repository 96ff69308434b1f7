//! A policy compiler for service meshes.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod analysis;
pub mod compile;
pub mod conformance;
pub mod diagnostic;
pub mod istio;
pub mod juju;
pub mod kube;
pub mod labels;
pub mod managers;
pub mod map;
pub mod mesh;
pub mod model;
pub mod names;
pub mod order;
pub mod output;
pub mod python;
pub mod suggest;
pub mod text;
#[cfg(target_arch = "wasm32")]
pub mod wasm;
