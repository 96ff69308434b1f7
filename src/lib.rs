//! A policy compiler for service meshes: what Juju charms ask of a mesh becomes AuthorizationPolicies ([`compile`]), these
//! and what Kubernetes objects say become a [`mesh`], and [`analysis`] says what it lets through.
//!
//! ```
//! use mesh_policy::analysis::{Analysis, reach::reach, request::Request};
//! use mesh_policy::compile::{Input, Source, compile};
//! use mesh_policy::mesh::input::{MeshInput, read_mesh};
//!
//! let bundle = "
//! applications: {web: {charm: web}, api: {charm: api}, beacon: {charm: istio-beacon-k8s}}
//! relations: [[web:api, api:api], [web:service-mesh, beacon:service-mesh], [api:service-mesh, beacon:service-mesh]]
//! ";
//! let charms = "
//! {charm: web, requires: {api: http, service-mesh: service_mesh}, mesh: {service_mesh_consumer: true}}
//! ---
//! charm: api
//! provides: {api: http}
//! requires: {service-mesh: service_mesh}
//! policies: [{kind: app, relation: api, endpoints: [{ports: [8080], methods: [GET]}]}]
//! ";
//! let juju = Input {
//!     bundles: vec![Source { model: Some("shop"), ..Source::new("bundle.yaml", bundle) }],
//!     charms: vec![Source::new("charms.yaml", charms)],
//!     ..Input::default()
//! };
//! let compiled = compile(&juju);
//! assert!(compiled.yaml().contains("kind: AuthorizationPolicy"));
//!
//! let (mesh, diagnostics) = read_mesh(&MeshInput { juju, ..MeshInput::default() });
//! assert!(diagnostics.iter().all(|one| !one.bad_input));
//! let analysis = Analysis::new(mesh);
//! let request = Request::read(
//!     r#"{"from": {"namespace": "shop", "serviceAccount": "web"}, "to": {"service": "shop/api"}, "port": 8080, "method": "PUT"}"#,
//! )
//! .map_err(|(_, why)| why)?;
//! assert!(analysis.explain(&request).starts_with("denied: shop/web to send PUT"));
//! assert!(reach(&analysis).json().contains("shop/web"));
//! # Ok::<(), String>(())
//! ```
//!
//! Text goes in, JSON or YAML; every node of it knows its place, and what is wrong with it is a
//! [`diagnostic::Diagnostic`]. [`analysis::diff`], [`analysis::expect`] and [`analysis::lint`] ask further questions of an
//! [`analysis::Analysis`]; [`kube`] writes policies to a cluster, as programs that a host drives. Nothing here does I/O.

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
