//! Juju's side: charms, relations and the policies that follow from them.

pub mod mesh_policies;
