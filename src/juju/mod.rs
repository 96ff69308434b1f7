//! Juju's side: charms, relations and the policies that follow from them.

pub mod bundle;
pub mod charm;
pub mod consumer;
pub mod databags;
pub mod deployment;
pub mod hook;
mod keys;
pub mod kinds;
pub mod lint;
pub mod mesh_policies;
pub mod ownership;
pub mod provider;
pub mod relations;
pub mod request;
pub mod template;
mod url;
pub mod when;
