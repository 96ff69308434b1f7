//! The core in a real browser, through the door that JavaScript uses.
#![cfg(target_arch = "wasm32")]

use js_sys::{JSON, Reflect};
use mesh_policy::wasm::{CompileInput, compile_js};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn input(text: &str) -> CompileInput {
    JSON::parse(text)
        .expect("the test's input is JSON")
        .unchecked_into()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("is text")
}

#[wasm_bindgen_test]
fn compiles_a_bundle() {
    let compilation = compile_js(&input(&format!(
        r#"{{"bundles": [{{"file": "b.yaml", "model": "shop", "text": {}}}],
            "charms": [{{"file": "api.yaml", "text": {}}}]}}"#,
        quoted(
            "
applications: {web: {charm: web}, api: {charm: api}, beacon: {charm: istio-beacon-k8s}}
relations: [[web:api, api:api], [api:service-mesh, beacon:service-mesh]]"
        ),
        quoted(
            "
charm: api
provides: {api: {interface: http}}
requires: {service-mesh: {interface: service_mesh}}
policies: [{kind: unit, relation: api, ports: [8080]}]"
        ),
    )))
    .expect("compiles");
    assert!(!compilation.dropped());
    let yaml = String::from(compilation.yaml().expect("one string holds it"));
    assert!(yaml.contains("cluster.local/ns/shop/sa/web"));
    let policies = compilation.mesh_policies().expect("converts");
    let first = Reflect::get_u32(&policies, 0).expect("has one");
    let source = Reflect::get(&first, &JsValue::from_str("source_app_name")).expect("reads");
    assert_eq!(source.as_string().as_deref(), Some("web"));
}

#[wasm_bindgen_test]
fn a_wrong_argument_is_a_type_error() {
    let error =
        compile_js(&input(r#"{"bundles": [{"file": 1, "text": ""}]}"#)).expect_err("refused");
    assert!(error.is_instance_of::<js_sys::TypeError>());
}

#[wasm_bindgen_test]
fn broken_text_is_a_diagnostic() {
    let compilation = compile_js(&input(
        r#"{"bundles": [{"file": "b.yaml", "text": "applications: ["}]}"#,
    ))
    .expect("answers");
    assert!(compilation.bad_input());
}
