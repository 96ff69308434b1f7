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
- {when: config open=true, name: '{app}-raw', spec: {rules: [{}]}}
- {when: something else, name: '{app}-maybe', spec: {rules: [{}]}}
";
    let source = |file, text: &'static str, model| Source {
        file,
        bytes: text.as_bytes(),
        model,
        overlay: false,
    };
    let bundle: &'static str = bundle.leak();
    compile(&Input {
        bundles: vec![source("bundle.yaml", bundle, Some("shop"))],
        charms: vec![source("charm.yaml", charm, None)],
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
