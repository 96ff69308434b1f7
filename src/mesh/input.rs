//! A mesh from all kinds of input together.

use super::manifests::read_manifests;
use super::{Mesh, finish, from_bundle};
use crate::compile::{Input, Source, compile};
use crate::diagnostic::{Diagnostic, bound, code};
use crate::juju::bundle::is_bundle;
use crate::text::{Position, decode_utf8, parse_json};

/// What a mesh is read from.
#[derive(Debug, Clone, Default)]
pub struct MeshInput<'a> {
    /// Bundles or manifests: each file tells which it is.
    pub files: Vec<Source<'a>>,
    /// Charm files and databags; bundles may be given here or among `files`.
    pub juju: Input<'a>,
    /// Manifests.
    pub manifests: Vec<Source<'a>>,
    /// Settings, which win over what the other input says.
    pub settings: Vec<Source<'a>>,
}

/// Reads a mesh. Diagnostics that mark bad input mean that it is not whole.
pub fn read_mesh(input: &MeshInput<'_>) -> (Mesh, Vec<Diagnostic>) {
    let mut mesh = Mesh::default();
    let mut diagnostics = Vec::new();
    let mut juju = input.juju.clone();
    let mut manifests = Vec::new();
    for source in &input.files {
        if is_juju(source) {
            juju.bundles.push(*source);
        } else {
            manifests.push(*source);
        }
    }
    manifests.extend_from_slice(&input.manifests);
    if !juju.bundles.is_empty() || !juju.databags.is_empty() {
        let compiled = compile(&juju);
        from_bundle::add(&mut mesh, &compiled);
        diagnostics = compiled.diagnostics;
        mesh.lints = compiled.lints;
    } else if let Some(first) = juju.charms.first() {
        let text = "charm files are given, and no bundle that they are for";
        let warning = Diagnostic::warning(code::UNUSED_CHARM_FILES, text)
            .at(first.file, Position::new(1, 1))
            .help("give the bundle too, or leave the charm files out");
        diagnostics.push(warning);
    }
    read_manifests(&mut mesh, &manifests, &mut diagnostics);
    mesh.settings.read_all(&input.settings, &mut diagnostics);
    finish(&mut mesh);
    bound(&mut diagnostics);
    (mesh, diagnostics)
}

/// Whether a file is a bundle or an overlay, which belongs to the bundle before it.
pub(crate) fn is_juju(source: &Source<'_>) -> bool {
    source.overlay || source.model.is_some() || looks_like_bundle(source.bytes)
}

/// Whether a file is a bundle rather than manifests: a key `applications` (or `services`) at the
/// top, without reading all of it where that is not needed.
fn looks_like_bundle(bytes: &[u8]) -> bool {
    let Ok(text) = decode_utf8(bytes) else {
        return false;
    };
    let start = text.trim_start();
    if start.starts_with(['{', '[']) {
        // A key is written as it is, or with escapes.
        let may_be = ["\"applications\"", "\"services\"", "\\u"];
        return may_be.iter().any(|key| text.contains(key))
            && parse_json(text).is_ok_and(|document| is_bundle(&document.root));
    }
    text.lines()
        .any(|line| line.starts_with("applications:") || line.starts_with("services:"))
}
