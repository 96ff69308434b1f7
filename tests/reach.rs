//! Who may reach whom, as rows: pods of which the same holds share theirs.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::reach::reach;
use serde_json::{Value, json};

fn pod(name: &str, app: &str) -> String {
    format!(
        "---\n{{kind: Pod, apiVersion: v1, metadata: {{name: {name}, namespace: shop, labels: {{app: {app}}}}}}}\n"
    )
}

#[test]
fn pods_alike_share_their_rows() {
    let allow = |app: &str, account: &str| {
        let spec = format!(
            "{{selector: {{matchLabels: {{app: {app}}}}}, rules: [{{from: [{{source: {{principals: [cluster.local/ns/shop/sa/{account}]}}}}]}}]}}"
        );
        policy(app, &spec)
    };
    let text = [
        "{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}\n".to_owned(),
        pod("web-0", "web"),
        pod("db-0", "db"),
        pod("web-1", "web"),
        pod("web-2", "web"),
        allow("web", "x"),
        allow("db", "y"),
    ];
    let told = reach(&analysis(&text.concat(), "")).json();
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let rows: Vec<Value> = told["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| json!([row["to"]["pod"], row["alsoTo"], row["who"], row["policies"]]))
        .collect();
    let web = [json!({"pod": "shop/web-1"}), json!({"pod": "shop/web-2"})];
    assert_eq!(
        rows,
        [
            json!(["shop/web-0", web, "shop/x", ["shop/web"]]),
            json!(["shop/db-0", null, "shop/y", ["shop/db"]]),
        ]
    );
    assert_eq!(told["notSolved"], json!([]));
}
