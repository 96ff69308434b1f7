//! Every AuthorizationPolicy can be followed back to the text that asks for it.

use mesh_policy::compile::{Input, Source, compile};

const BUNDLE: &str = "\
applications:
  web: {charm: web}
  api: {charm: api}
  beacon: {charm: istio-beacon-k8s}
relations:
  - [web:api, api:api]
  - [api:service-mesh, beacon:service-mesh]
";

const CHARM: &str = "\
charm: api
provides: {api: {interface: http}}
requires: {service-mesh: {interface: service_mesh}}
policies:
  - {kind: unit, relation: api, ports: [8080]}
raw_policies:
  - {name: own, spec: {rules: [{}]}}
";

#[test]
fn an_origin_names_the_declaration_and_the_relation() {
    let compiled = compile(&Input {
        bundles: vec![Source {
            model: Some("shop"),
            ..Source::new("bundle.yaml", BUNDLE)
        }],
        charms: vec![Source::new("api.yaml", CHARM)],
        databags: vec![],
    });
    assert_eq!(
        compiled.origins.len(),
        compiled.authorization_policies.len()
    );
    let lines: Vec<_> = compiled
        .origins
        .iter()
        .map(|origin| {
            let line = |place: &Option<mesh_policy::diagnostic::Place>| {
                place
                    .as_ref()
                    .map(|place| (place.file.clone(), place.line, place.column))
            };
            (line(&origin.declared), line(&origin.related))
        })
        .collect();
    assert_eq!(
        lines,
        [
            (
                Some(("api.yaml".to_owned(), 5, 5)),
                Some(("bundle.yaml".to_owned(), 6, 5))
            ),
            (Some(("api.yaml".to_owned(), 7, 5)), None),
        ]
    );
}
