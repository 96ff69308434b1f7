//! Juju's side: charms, relations and the policies that follow from them.

pub mod bundle;
pub mod charm;
pub mod databags;
pub mod deployment;
pub mod mesh_policies;
pub mod relations;
pub mod template;
pub mod when;
