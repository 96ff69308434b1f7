//! A policy compiler for service meshes.

#![forbid(unsafe_code)]

pub mod text;
