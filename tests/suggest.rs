//! What `explain` suggests for a denied request: each suggestion is written into the files and asked again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mesh_policy::analysis::{Analysis, Request, Verdict};
use mesh_policy::compile::{Input, Source};
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use mesh_policy::suggest::{Suggestion, suggest};
use mesh_policy::text::insert::apply;

const BUNDLE: &str = "
applications:
  web: {charm: web}
  api: {charm: api}
  db: {charm: db}
  beacon: {charm: istio-beacon-k8s}
relations:
- [web:api, api:api]
- - web:service-mesh
  - beacon:service-mesh
- [api:service-mesh, beacon:service-mesh]
- [db:service-mesh, beacon:service-mesh]
";
const WEB: &str = "
charm: web
requires: {api: {interface: http}, db: {interface: sql}, service-mesh: {interface: service_mesh}}
mesh: {service_mesh_consumer: true}
";
const API: &str = "
charm: api
provides: {api: {interface: http}, metrics: {interface: scrape}}
requires: {db: {interface: sql}, service-mesh: {interface: service_mesh}}
peers: {replicas: {interface: api_replicas}}
policies:
  - kind: app
    relation: api
    endpoints:
      - methods: [GET]
        paths: [/v1/*]
        ports: [8080]
  # what scrapes
  - {kind: unit, relation: metrics, ports: [9100]}
";
const DB: &str = "
charm: db
provides: {db: {interface: sql}}
requires: {service-mesh: {interface: service_mesh}}
policies: [{kind: unit, relation: db, ports: [5432]}]
";

struct Files(Vec<(&'static str, String)>);

fn files(bundle: &str) -> Files {
    let charms = [("web.yaml", WEB), ("api.yaml", API), ("db.yaml", DB)];
    let all = [("bundle.yaml", bundle)].into_iter().chain(charms);
    Files(all.map(|(name, text)| (name, text.to_owned())).collect())
}

impl Files {
    fn with(mut self, file: &str, change: impl Fn(&str) -> String) -> Files {
        for (name, text) in &mut self.0 {
            if *name == file {
                *text = change(text);
            }
        }
        self
    }

    fn ask<T>(&self, ask: impl Fn(&MeshInput<'_>) -> T) -> T {
        let files = self.0.iter();
        let sources: Vec<Source<'_>> = files.map(|(file, text)| Source::new(file, text)).collect();
        let (bundle, charms) = sources.split_first().unwrap();
        let bundle = Source {
            model: Some("shop"),
            ..*bundle
        };
        ask(&MeshInput {
            juju: Input {
                bundles: vec![bundle],
                charms: charms.to_vec(),
                databags: Vec::new(),
            },
            ..MeshInput::default()
        })
    }

    fn suggest(&self, request: &str) -> Option<Suggestion> {
        let request = Request::read(request).unwrap();
        self.ask(|input| suggest(&Analysis::new(read_mesh(input).0), input, &request))
    }

    fn verdict(&self, request: &str) -> Verdict {
        let request = Request::read(request).unwrap();
        self.ask(|input| {
            let (mesh, diagnostics) = read_mesh(input);
            assert!(
                diagnostics.iter().all(|one| !one.bad_input),
                "{diagnostics:?}"
            );
            Analysis::new(mesh).decide(&request).verdict
        })
    }

    /// Denied before; allowed with what is suggested. Gives the files with the change.
    fn follow(self, request: &str) -> (Suggestion, Files) {
        assert_eq!(self.verdict(request), Verdict::Denied);
        let found = self.suggest(request).unwrap();
        assert!(found.possible, "{found:?}");
        let edits = &found.edits;
        let changed = Files(
            self.0
                .into_iter()
                .map(|(name, text)| {
                    let here: Vec<_> = edits
                        .iter()
                        .filter(|edit| edit.file == name)
                        .map(|edit| &edit.insertion)
                        .collect();
                    (name, apply(&text, &here))
                })
                .collect(),
        );
        assert_eq!(changed.verdict(request), Verdict::Allowed);
        (found, changed)
    }

    fn text(&self, file: &str) -> &str {
        self.0
            .iter()
            .find(|(name, _)| *name == file)
            .map_or("", |(_, text)| text)
    }
}

fn request(from: &str, to: &str, rest: &str) -> String {
    format!(r#"{{"from": {{"namespace": "shop", "serviceAccount": "{from}"}}, "to": {to}{rest}}}"#)
}

const TO_API: &str = r#"{"service": "shop/api"}"#;

#[test]
fn one_more_endpoint_of_a_policy_that_is_there() {
    let asked = request(
        "web",
        TO_API,
        r#", "port": 8080, "method": "POST", "path": "/v1/orders?x=1""#,
    );
    let (found, changed) = files(BUNDLE).follow(&asked);
    assert_eq!(
        found.text,
        "add an endpoint to the `app` policy for `api` in the charm `api`: POST /v1/orders on port 8080"
    );
    assert!(changed.text("api.yaml").contains(
        "        ports: [8080]\n      - ports: [8080]\n        methods: [POST]\n        paths: [/v1/orders]\n  # what scrapes\n"
    ));
    // Nothing more than was asked.
    for other in [
        request(
            "web",
            TO_API,
            r#", "port": 8080, "method": "POST", "path": "/v1/other""#,
        ),
        request(
            "web",
            TO_API,
            r#", "port": 8081, "method": "POST", "path": "/v1/orders""#,
        ),
        request(
            "db",
            TO_API,
            r#", "port": 8080, "method": "POST", "path": "/v1/orders""#,
        ),
    ] {
        assert_eq!(changed.verdict(&other), Verdict::Denied, "{other}");
    }
}

#[test]
fn pods_need_a_unit_policy() {
    let asked = request(
        "web",
        r#"{"pod": "shop/api-0"}"#,
        r#", "port": 8080, "method": "GET", "path": "/v1/x""#,
    );
    let (found, changed) = files(BUNDLE).follow(&asked);
    assert_eq!(
        found.text,
        "declare `kind: unit` for `api` in the charm `api`: on port 8080"
    );
    assert!(changed.text("api.yaml").ends_with(
        "  - {kind: unit, relation: metrics, ports: [9100]}\n  - kind: unit\n    relation: api\n    ports: [8080]\n"
    ));
}

#[test]
fn a_relation_where_the_policy_is_there() {
    let asked = request("web", r#"{"pod": "shop/db-0"}"#, r#", "port": 5432"#);
    let (found, changed) = files(BUNDLE).follow(&asked);
    assert_eq!(
        found.text,
        "add the relation `web:db` – `db:db` to the bundle"
    );
    assert!(
        changed
            .text("bundle.yaml")
            .ends_with("\n- [web:db, db:db]\n")
    );
    // With both: the relation, and a port.
    let asked = request("web", r#"{"pod": "shop/db-0"}"#, r#", "port": 9187"#);
    let (found, changed) = files(BUNDLE).follow(&asked);
    assert_eq!(found.edits.len(), 2, "{found:?}");
    assert!(changed.text("db.yaml").contains(
        "policies: [{\"kind\": \"unit\", \"relation\": \"db\", \"ports\": [9187]}, {kind"
    ));
}

#[test]
fn units_of_one_application_by_their_peer_relation() {
    let asked = request("api", r#"{"pod": "shop/api-1"}"#, r#", "port": 7000"#);
    let (found, _) = files(BUNDLE).follow(&asked);
    assert_eq!(
        found.text,
        "declare `kind: unit` for `replicas` in the charm `api`: on port 7000"
    );
}

#[test]
fn a_client_beside_the_mesh_joins_it() {
    let without = BUNDLE.replace("- - web:service-mesh\n  - beacon:service-mesh\n", "");
    let asked = request(
        "web",
        TO_API,
        r#", "port": 8080, "method": "GET", "path": "/v1/x""#,
    );
    let (found, _) = files(&without).follow(&asked);
    assert_eq!(
        found.text,
        "add the relation `web:service-mesh` – `beacon:service-mesh` to the bundle"
    );
}

#[test]
fn says_why_nothing_can_be_declared() {
    let deny = |text: &str| {
        format!(
            "{text}raw_policies:\n  - name: never\n    spec: {{action: DENY, selector: {{matchLabels: {{app.kubernetes.io/name: api}}}}, rules: [{{}}]}}\n"
        )
    };
    for (files, asked, why) in [
        (
            files(BUNDLE),
            r#"{"from": null, "to": {"service": "shop/api"}, "port": 8080}"#.to_owned(),
            "no identity",
        ),
        (
            files(BUNDLE),
            request(
                "stranger",
                TO_API,
                r#", "port": 8080, "method": "GET", "path": "/v1/x""#,
            ),
            "`shop/stranger` is no application",
        ),
        (
            files(BUNDLE).with("api.yaml", |text| {
                text.replace("db: {interface: sql}, ", "")
            }),
            request(
                "db",
                TO_API,
                r#", "port": 8080, "method": "GET", "path": "/v1/x""#,
            ),
            "have no endpoints that fit each other",
        ),
        (
            files(BUNDLE),
            request(
                "web",
                TO_API,
                r#", "port": 8080, "method": "GET", "path": "/v1/x#y""#,
            ),
            "400",
        ),
        (
            files(BUNDLE).with("api.yaml", deny),
            request(
                "web",
                TO_API,
                r#", "port": 8080, "method": "GET", "path": "/v1/x""#,
            ),
            "only make ALLOW policies",
        ),
    ] {
        let found = files.suggest(&asked).unwrap_or_else(|| panic!("{asked}"));
        assert!(!found.possible && found.edits.is_empty(), "{found:?}");
        assert!(found.text.contains(why), "{}: {why}", found.text);
    }
}

#[test]
fn is_silent_where_nothing_is_denied() {
    let allowed = request(
        "web",
        TO_API,
        r#", "port": 8080, "method": "GET", "path": "/v1/x""#,
    );
    assert_eq!(files(BUNDLE).suggest(&allowed), None);
    let unknown = request("web", r#"{"service": "shop/nobody"}"#, "");
    assert_eq!(files(BUNDLE).suggest(&unknown), None);
}

/// From every application of the examples to some other ones, on ports that policies name and one that none does:
/// what is suggested is what it claims, and whatever the answer, there is one.
#[test]
fn holds_for_the_examples() {
    for (example, step) in [("bookinfo", 2), ("cos", 11)] {
        let root = format!("{}/examples/{example}", env!("CARGO_MANIFEST_DIR"));
        let read = |path: &std::path::Path| std::fs::read(path).unwrap();
        let bundle = read(format!("{root}/bundle.yaml").as_ref());
        let mut charms: Vec<(String, Vec<u8>)> = std::fs::read_dir(format!("{root}/charms"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.display().to_string(), read(&path)))
            .collect();
        charms.sort();
        let input = MeshInput {
            juju: Input {
                bundles: vec![Source {
                    model: Some(example),
                    ..Source::new("bundle.yaml", &bundle)
                }],
                charms: charms
                    .iter()
                    .map(|(file, bytes)| Source::new(file, bytes))
                    .collect(),
                databags: Vec::new(),
            },
            ..MeshInput::default()
        };
        let (mesh, _) = read_mesh(&input);
        let names: Vec<String> = mesh.workloads.iter().map(|one| one.name.clone()).collect();
        let analysis = Analysis::new(mesh);
        let (mut possible, mut not) = (0, 0);
        for (at, from) in names.iter().enumerate() {
            for to in names.iter().skip(at % step).step_by(step) {
                for kind in ["service", "pod"] {
                    let asked = format!(
                        r#"{{"from": {{"namespace": "{example}", "serviceAccount": "{from}"}}, "to": {{"{kind}": "{example}/{to}"}}, "port": 3100, "method": "PUT", "path": "/x"}}"#
                    );
                    let request = Request::read(&asked).unwrap();
                    match suggest(&analysis, &input, &request) {
                        Some(found) if found.possible => {
                            assert!(!found.edits.is_empty());
                            possible += 1;
                        }
                        Some(found) => {
                            assert!(!found.text.is_empty());
                            not += 1;
                        }
                        None => {}
                    }
                }
            }
        }
        assert!(possible > 1 && not > 0, "{example}: {possible} {not}");
    }
}
