//! The text of a compilation in parts is the text of it at once.

use mesh_policy::compile::{Compiled, Input, Source, compile};
use mesh_policy::output::Format;
use std::fmt::Write;

fn compiled(relations: usize) -> Compiled {
    let mut applications =
        String::from("server: {charm: server}, beacon: {charm: istio-beacon-k8s}");
    let mut related = String::from("[server:service-mesh, beacon:service-mesh]");
    for at in 0..relations {
        let _ = write!(applications, ", client-{at}: {{charm: client}}");
        let _ = write!(related, ", [client-{at}:data, server:data]");
    }
    let bundle = format!("{{applications: {{{applications}}}, relations: [{related}]}}");
    let charm = "charm: server
provides: {data: {interface: data}}
requires: {service-mesh: {interface: service_mesh}}
policies: [{kind: app, relation: data, endpoints: [{ports: [8080], paths: [/é]}]}]
raw_policies:
- {name: '{app}-raw', spec: {rules: [{}]}}
- {when: something else, name: '{app}-maybe', spec: {rules: [{}]}}
";
    compile(&Input {
        bundles: vec![Source {
            model: Some("shop"),
            ..Source::new("bundle.yaml", &bundle)
        }],
        charms: vec![Source::new("charm.yaml", charm)],
        databags: Vec::new(),
    })
}

#[test]
fn parts_are_the_whole() {
    for relations in [0, 1, 3000] {
        let compiled = compiled(relations);
        for (format, whole) in [
            (Format::Json, compiled.json()),
            (Format::Yaml, compiled.yaml()),
        ] {
            let parts: Vec<String> = compiled.parts(format).collect();
            assert_eq!(parts.concat(), whole);
            assert!(parts.iter().all(|part| !part.is_empty()));
            // A part is some hundred kilobytes, however much there is.
            assert!(parts.iter().all(|part| part.len() < 300_000));
            assert_eq!(parts.len() > 3, relations == 3000, "{}", parts.len());
        }
    }
}

/// The policies are written by a way of their own, for it is faster; it must not differ from how one of them is written.
#[test]
fn each_policy_is_written_as_it_is_alone() {
    let compiled = compiled(3);
    let mut varied = compiled.clone();
    for (at, policy) in compiled.mesh_policies.iter().enumerate() {
        let mut other = policy.clone();
        other.source_app_name = "a\"b\\c\u{1}é".to_owned();
        other.target_app_name = None;
        other.target_type = mesh_policy::model::PolicyTargetType::Unit;
        other.target_selector_labels = (at > 0).then(|| vec![("k".to_owned(), "v\n".to_owned())]);
        other.target_service = (at > 1).then(|| "service".to_owned());
        let ports = mesh_policy::model::Endpoint {
            ports: Some(vec![at as i64]),
            ..Default::default()
        };
        other.endpoints = if at == 1 { Vec::new() } else { vec![ports] }.into();
        let built = mesh_policy::istio::build_policy_resources_istio("b", "m", &[other.clone()]);
        varied
            .authorization_policies
            .extend(built.into_iter().flatten());
        let mut of_app = other.clone();
        of_app.target_type = mesh_policy::model::PolicyTargetType::App;
        of_app.target_selector_labels = None;
        let built = mesh_policy::istio::build_policy_resources_istio("b", "m", &[of_app]);
        varied
            .authorization_policies
            .extend(built.into_iter().flatten());
        varied.mesh_policies.push(other);
    }
    assert_eq!(
        varied.authorization_policies.len(),
        compiled.authorization_policies.len() + 6
    );
    fn list<T: serde::Serialize>(items: &[T]) -> String {
        mesh_policy::text::to_json(items).expect("can be written")
    }
    let whole = format!(
        "{{\"meshPolicies\":{},\"authorizationPolicies\":{},\"diagnostics\":{}}}",
        list(&varied.mesh_policies),
        list(&varied.authorization_policies),
        list(&varied.diagnostics),
    );
    assert_eq!(varied.json(), whole);
}

#[test]
fn json_has_everything_in_its_list() {
    for relations in [0, 1, 3000] {
        let compiled = compiled(relations);
        let text: serde_json::Value = serde_json::from_str(&compiled.json()).expect("is JSON");
        let length = |name: &str| text[name].as_array().expect(name).len();
        assert_eq!(length("meshPolicies"), relations);
        assert_eq!(
            length("authorizationPolicies"),
            compiled.authorization_policies.len()
        );
        assert_eq!(length("diagnostics"), compiled.diagnostics.len());
        assert_eq!(text.as_object().expect("an object").len(), 3);
        let yaml = compiled.yaml();
        assert_eq!(
            yaml.matches("kind: AuthorizationPolicy").count(),
            compiled.authorization_policies.len()
        );
        assert_eq!(yaml.matches("# Only under the condition").count(), 1);
    }
}
