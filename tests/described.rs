//! Requests as `diff` describes and shows them: the words for whole sets, and one plain request of each.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::diff::diff;
use serde_json::Value;

const MESH: &str = "
{kind: Namespace, apiVersion: v1, metadata: {name: shop, labels: {istio-injection: enabled}}}
---
{kind: Pod, apiVersion: v1, metadata: {name: web-0, namespace: shop, labels: {app: web}}, spec: {serviceAccountName: web}}
---
{kind: Pod, apiVersion: v1, metadata: {name: api-0, namespace: shop, labels: {app: api}}, spec: {serviceAccountName: api}}
";

/// What rules allow at a pod with a sidecar where nothing was: `WHAT | THE REQUEST THAT IS SHOWN`, of that only what a plain
/// request has not.
fn described(settings: &str, rules: &str) -> Vec<String> {
    let side = |rules: &str| {
        let spec = format!("{{selector: {{matchLabels: {{app: web}}}}, rules: [{rules}]}}");
        analysis(&format!("{MESH}{}", policy("p", &spec)), settings)
    };
    let nothing = "{from: [{source: {principals: [none]}}]}";
    let found = diff(&side(nothing), &side(rules));
    assert!(found.not_compared.is_empty(), "{}", found.json());
    let told = serde_json::to_value(&found.granted).expect("changes");
    let told = told.as_array().expect("a list").iter();
    told.map(|one| {
        let text = one["text"].as_str().expect("a text");
        let text = text
            .replace(" may now ", ": ")
            .replace(" to pod shop/web-0", "");
        let mut shown = Vec::new();
        for (key, value) in one["witness"].as_object().expect("a request") {
            let plain = match key.as_str() {
                "from" => "shop/api",
                "to" => continue,
                "port" => "80",
                "method" => "GET",
                "path" => "/",
                "host" => "web-0.shop",
                _ => "",
            };
            let value = match value {
                Value::Null => "nobody".to_owned(),
                Value::String(text) => text.clone(),
                Value::Object(from) if key == "from" => {
                    let part = |key: &str| from[key].as_str().expect("a name").to_owned();
                    format!("{}/{}", part("namespace"), part("serviceAccount"))
                }
                other => other.to_string(),
            };
            if value != plain {
                shown.push(format!("{key} {value}"));
            }
        }
        format!("{text} | {}", shown.join(", "))
    })
    .collect()
}

#[track_caller]
fn check(cases: &[(&str, &[&str])]) {
    for (rules, expected) in cases {
        assert_eq!(described("", rules), *expected, "{rules}");
    }
}

#[test]
fn clients() {
    check(&[
        (
            "{from: [{source: {namespaces: [sa]}}]}",
            &["clients like */ns/sa/*: connect | from ns/a"],
        ),
        (
            "{from: [{source: {principals: ['cluster.local/ns/cos/sa/*']}}]}",
            &["anyone in namespace cos: connect | from cos/a"],
        ),
        (
            "{from: [{source: {principals: ['cluster.local/ns/cos/sa/x*']}}]}",
            &["clients like cluster.local/ns/cos/sa/x*: connect | from cos/x"],
        ),
        (
            "{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}",
            &["shop/web: connect | from shop/web"],
        ),
        (
            "{from: [{source: {principals: [cluster.local/ns/shop/sa/web, cluster.local/ns/cos/sa/x]}}]}",
            &["cos/x and shop/web: connect | from shop/web"],
        ),
        (
            "{from: [{source: {principals: ['cluster.local/ns/cos/*']}}]}",
            &["clients like cluster.local/ns/cos/*: connect | from cos/a"],
        ),
        (
            "{from: [{source: {principals: ['cluster.local/ns/cos/*'], notPrincipals: [cluster.local/ns/cos/sa/x]}}]}",
            &["clients like cluster.local/ns/cos/* except cos/x: connect | from cos/a"],
        ),
        (
            "{from: [{source: {principals: ['*/sa/x']}}]}",
            &["clients like */sa/x: connect | from a/x"],
        ),
        (
            "{from: [{source: {principals: ['*']}}]}",
            &["anyone in the mesh: connect | "],
        ),
        (
            "{from: [{source: {notPrincipals: ['*']}}]}",
            &["anyone outside the mesh: connect | from nobody"],
        ),
        (
            "{from: [{source: {namespaces: [cos]}}]}",
            &["anyone in namespace cos: connect | from cos/a"],
        ),
        (
            "{from: [{source: {namespaces: [cos, far]}}]}",
            &["anyone in namespace cos and anyone in namespace far: connect | from cos/a"],
        ),
        (
            "{from: [{source: {namespaces: ['c*']}}]}",
            &["clients like */ns/c*/*: connect | from c/a"],
        ),
        (
            "{from: [{source: {notNamespaces: [shop]}}]}",
            &[
                "anyone in the mesh except anyone in namespace shop and anyone outside the mesh: connect | from a/a",
            ],
        ),
        (
            "{from: [{source: {notPrincipals: [cluster.local/ns/shop/sa/api]}}]}",
            &[
                "anyone in the mesh except shop/api and anyone outside the mesh: connect | from shop/web",
            ],
        ),
        (
            "{from: [{source: {serviceAccounts: [cos/x]}}]}",
            &["cos/x: connect | from cos/x"],
        ),
    ]);
}

#[test]
fn ports_methods_and_paths() {
    check(&[
        (
            "{to: [{operation: {ports: ['8080']}}]}",
            &["anyone in or outside the mesh: connect on port 8080 | port 8080"],
        ),
        (
            "{to: [{operation: {ports: ['7', '9', '8', '9090']}}]}",
            &["anyone in or outside the mesh: connect on ports 7-9, 9090 | port 9090"],
        ),
        (
            "{to: [{operation: {ports: ['7', '8', '9']}}]}",
            &["anyone in or outside the mesh: connect on ports 7-9 | port 7"],
        ),
        (
            "{to: [{operation: {notPorts: ['80']}}]}",
            &["anyone in or outside the mesh: connect on ports 1-79, 81-65535 | port 8080"],
        ),
        (
            "{to: [{operation: {notPorts: ['80', '8080', '443', '8443', '9090']}}]}",
            &[
                "anyone in or outside the mesh: connect on ports 1-79, 81-442, 444-8079, 8081-8442, 8444-9089, 9091-65535 | port 1",
            ],
        ),
        (
            "{to: [{operation: {methods: [PUT, DELETE]}}]}",
            &["anyone in or outside the mesh: send DELETE or PUT | method PUT"],
        ),
        (
            "{to: [{operation: {notMethods: [GET]}}]}",
            &["anyone in or outside the mesh: send anything but GET | method POST"],
        ),
        (
            "{to: [{operation: {methods: ['P*']}}]}",
            &["anyone in or outside the mesh: send P* | method POST"],
        ),
        (
            "{to: [{operation: {methods: ['P*'], notMethods: [PUT]}}]}",
            &["anyone in or outside the mesh: send P* but not PUT | method POST"],
        ),
        (
            "{to: [{operation: {paths: [/a, '/b/*', '*.js']}}]}",
            &["anyone in or outside the mesh: request /a, /b/* or *.js | path /a"],
        ),
        (
            "{to: [{operation: {paths: ['/b/*'], notPaths: ['/b/c*', '/b/d']}}]}",
            &["anyone in or outside the mesh: request /b/* but not /b/c* or /b/d | path /b/"],
        ),
        (
            "{to: [{operation: {notPaths: [/]}}]}",
            &["anyone in or outside the mesh: request anything but / | path /other"],
        ),
        (
            "{to: [{operation: {paths: ['/a/{*}/b', '/c/{**}']}}]}",
            &["anyone in or outside the mesh: request /a/{*}/b or /c/{**} | path /c/"],
        ),
        (
            "{to: [{operation: {methods: [GET], paths: [/a], ports: ['80']}}]}",
            &["anyone in or outside the mesh: GET /a on port 80 | path /a"],
        ),
        (
            "{to: [{operation: {methods: [GET], paths: [/a]}}, {operation: {methods: [PUT], paths: [/b]}}]}",
            &[
                "anyone in or outside the mesh: GET /a | path /a",
                "anyone in or outside the mesh: PUT /b | method PUT, path /b",
            ],
        ),
        (
            "{when: [{key: 'request.headers[:path]', values: ['/a?x*', /b]}]}",
            &["anyone in or outside the mesh: request /a?x* or /b (query included) | path /b"],
        ),
        (
            "{when: [{key: 'request.headers[:path]', values: ['/a?x*']}], to: [{operation: {paths: [/a, '/c*']}}]}",
            &["anyone in or outside the mesh: request /a?x* | path /a?x"],
        ),
        (
            "{when: [{key: 'request.headers[:path]', notValues: ['/a?x*']}], to: [{operation: {paths: [/a, '/c*']}}]}",
            &["anyone in or outside the mesh: request /a or /c* but not /a?x* | path /a"],
        ),
        (
            "{when: [{key: 'request.headers[:method]', values: [PUT]}]}",
            &["anyone in or outside the mesh: send PUT | method PUT"],
        ),
    ]);
}

#[test]
fn hosts_and_server_names() {
    check(&[
        (
            "{to: [{operation: {hosts: [example.com, '*.example.org']}}]}",
            &[
                "anyone in or outside the mesh: connect, host example.com or *.example.org | host example.com",
            ],
        ),
        ("{to: [{operation: {notHosts: ['*']}}]}", &[]),
        (
            "{to: [{operation: {notHosts: [web-0.shop]}}]}",
            &[
                "anyone in or outside the mesh: connect, host anything but web-0.shop | host other-0.example",
            ],
        ),
        (
            "{when: [{key: connection.sni, values: [a.example, '*.b']}]}",
            &["anyone in or outside the mesh: connect, server name a.example or *.b | sni b.b"],
        ),
        (
            "{when: [{key: connection.sni, notValues: [b]}]}",
            &["anyone in or outside the mesh: connect, server name anything but b | "],
        ),
        (
            "{when: [{key: connection.sni, notValues: ['*']}]}",
            &["anyone in or outside the mesh: connect, server name anything but * | "],
        ),
    ]);
}

#[test]
fn addresses() {
    check(&[
        (
            "{from: [{source: {ipBlocks: [10.1.0.0/16, 10.2.0.1]}}]}",
            &[
                "anyone in or outside the mesh: connect, from 10.1.0.0/16, 10.2.0.1 | sourceIp 10.1.0.0",
            ],
        ),
        (
            "{from: [{source: {ipBlocks: ['2001:db8::/32']}}]}",
            &["anyone in or outside the mesh: connect, from 2001:db8::/32 | sourceIp 2001:db8::1"],
        ),
        (
            "{from: [{source: {notIpBlocks: ['10.0.0.0/8', '::/0']}}]}",
            &[
                "anyone in or outside the mesh: connect, from 0.0.0.1-9.255.255.255, 11.0.0.0-255.255.255.255 | sourceIp 192.0.2.1",
            ],
        ),
        (
            "{from: [{source: {ipBlocks: [10.1.0.0/17], notIpBlocks: [10.1.0.0]}}]}",
            &[
                "anyone in or outside the mesh: connect, from 10.1.0.1-10.1.127.255 | sourceIp 10.1.0.1",
            ],
        ),
        (
            "{from: [{source: {remoteIpBlocks: [10.1.0.0/16]}}]}",
            &[
                "anyone in or outside the mesh: connect, forwarded for 10.1.0.0/16 | headers {\"x-forwarded-for\":[\"10.1.0.0\"]}",
            ],
        ),
        (
            "{from: [{source: {notRemoteIpBlocks: ['10.0.0.0/8']}}]}",
            &[
                "anyone in or outside the mesh: connect, forwarded for 0.0.0.0-9.255.255.255, 11.0.0.0-255.255.255.255, ::/0 | headers {\"x-forwarded-for\":[\"192.0.2.1\"]}",
            ],
        ),
        (
            "{from: [{source: {ipBlocks: ['10.0.0.0/8'], remoteIpBlocks: [192.0.2.0/24]}}]}",
            &[
                "anyone in or outside the mesh: connect, from 10.0.0.0/8, forwarded for 192.0.2.0/24 | headers {\"x-forwarded-for\":[\"192.0.2.1\"]}, sourceIp 10.0.0.1",
            ],
        ),
        (
            "{when: [{key: 'request.headers[x-forwarded-for]', values: ['10.1.*', 'unknown']}]}",
            &[
                "anyone in or outside the mesh: connect, with header x-forwarded-for: 10.1.* or unknown | headers {\"x-forwarded-for\":[\"10.1.\"]}",
            ],
        ),
        (
            "{when: [{key: 'request.headers[x-forwarded-for]', values: ['10.1.*']}], from: [{source: {remoteIpBlocks: [10.0.0.0/8, 192.0.2.0/24]}}]}",
            &[
                "anyone in or outside the mesh: connect, from 0.0.0.1-9.255.255.255, 11.0.0.0-192.0.1.255, 192.0.3.0-255.255.255.255, ::/0, with header x-forwarded-for: some, such as 10.1.,10.0.0.1 or 10.1.,192.0.2.1 | headers {\"x-forwarded-for\":[\"10.1.,10.0.0.1\"]}, sourceIp 198.51.100.1",
                "anyone in or outside the mesh: connect, from 10.0.0.0/8, 192.0.2.0/24, with header x-forwarded-for: some, such as 10.1., 10.1.,10.0.0.1 or 10.1.,192.0.2.1 | headers {\"x-forwarded-for\":[\"10.1.,10.0.0.1\"]}, sourceIp 10.0.0.1",
            ],
        ),
        (
            "{when: [{key: 'request.headers[x-forwarded-for]', notValues: ['10.1.*']}], from: [{source: {remoteIpBlocks: [10.0.0.0/8, 192.0.2.0/24]}}]}",
            &[
                "anyone in or outside the mesh: connect, from 0.0.0.1-9.255.255.255, 11.0.0.0-192.0.1.255, 192.0.3.0-255.255.255.255, ::/0, with header x-forwarded-for: anything but 10.1.*, last entry 0.0.0.0-9.255.255.255, last entry 11.0.0.0-192.0.1.255, last entry 192.0.3.0-255.255.255.255, last entry ::/0 or no address | headers {\"x-forwarded-for\":[\"10.0.0.1\"]}, sourceIp 198.51.100.1",
                "anyone in or outside the mesh: connect, from 10.0.0.0/8, 192.0.2.0/24, without header x-forwarded-for: 10.1.*, last entry 0.0.0.0-9.255.255.255, last entry 11.0.0.0-192.0.1.255, last entry 192.0.3.0-255.255.255.255 or last entry ::/0 | sourceIp 10.0.0.1",
            ],
        ),
        (
            "{when: [{key: 'request.headers[x-forwarded-for]', values: ['a, 10.1.1.1', 'b*'] }], from: [{source: {notRemoteIpBlocks: [10.0.0.0/8]}}]}",
            &[
                "anyone in or outside the mesh: connect, from 0.0.0.1-9.255.255.255, 11.0.0.0-255.255.255.255, ::/0, with header x-forwarded-for: b* but not last entry 10.0.0.0/8 | headers {\"x-forwarded-for\":[\"b,0.0.0.0\"]}, sourceIp 192.0.2.1",
                "anyone in or outside the mesh: connect, from 10.0.0.0/8, with header x-forwarded-for: some, such as b,0.0.0.0, b,192.0.2.1 or b,2001:db8::1 | headers {\"x-forwarded-for\":[\"b,0.0.0.0\"]}, sourceIp 10.0.0.1",
            ],
        ),
    ]);
}

#[test]
fn headers_and_claims() {
    check(&[
        (
            "{when: [{key: 'request.headers[:authority]', values: [Example.com, '80*']}], to: [{operation: {hosts: ['e*', '8*']}}]}",
            &[
                "anyone in or outside the mesh: connect, host 80* or Example.com (in this case) | host 80",
            ],
        ),
        (
            "{when: [{key: 'request.headers[:authority]', notValues: ['Ex*']}], to: [{operation: {hosts: [example.com]}}]}",
            &[
                "anyone in or outside the mesh: connect, host example.com but not Ex* (in this case) | host example.com",
            ],
        ),
        (
            "{when: [{key: 'request.headers[x-a]', values: [b, 'c*']}]}",
            &[
                "anyone in or outside the mesh: connect, without header x-a: b, with header x-a: c* | headers {\"x-a\":[\"c\"]}",
                "anyone in or outside the mesh: connect, with header x-a: b | headers {\"x-a\":[\"b\"]}",
            ],
        ),
        (
            "{when: [{key: 'request.headers[x-a]', values: ['*']}]}",
            &[
                "anyone in or outside the mesh: connect, with header x-a | headers {\"x-a\":[\"other-0\"]}",
            ],
        ),
        (
            "{when: [{key: 'request.headers[x-a]', notValues: ['*']}]}",
            &["anyone in or outside the mesh: connect, without header x-a | "],
        ),
        (
            "{when: [{key: 'request.headers[x-a]', notValues: [b]}]}",
            &["anyone in or outside the mesh: connect, without header x-a: b | "],
        ),
        (
            "{when: [{key: 'request.headers[x-a]', values: ['c*'], notValues: [cd]}]}",
            &[
                "anyone in or outside the mesh: connect, with header x-a: c* but not cd, without header x-a: cd | headers {\"x-a\":[\"c\"]}",
            ],
        ),
        (
            "{when: [{key: 'request.headers[accept]', values: [b], notValues: [c]}]}",
            &[
                "anyone in or outside the mesh: connect, with header accept: b | headers {\"accept\":[\"b\"]}",
            ],
        ),
        (
            "{when: [{key: 'request.headers[accept]', values: [b]}, {key: 'request.headers[accept]', values: [c]}]}",
            &[],
        ),
        (
            "{when: [{key: 'request.auth.claims[groups]', values: [b]}, {key: 'request.auth.claims[groups]', values: [c]}]}",
            &[
                "anyone in or outside the mesh: connect, with claim groups: b, with claim groups: c | claims {\"groups\":[\"b\",\"c\"]}",
            ],
        ),
        (
            "{when: [{key: 'request.auth.claims[groups]', values: [b], notValues: [c]}]}",
            &[
                "anyone in or outside the mesh: connect, with claim groups: b, without claim groups: c | claims {\"groups\":[\"b\"]}",
            ],
        ),
        (
            "{when: [{key: 'request.auth.claims[iss]', values: [b, 'c*']}]}",
            &[
                "anyone in or outside the mesh: connect, with claim iss: b or c* | claims {\"iss\":[\"b\"]}",
            ],
        ),
        (
            "{when: [{key: 'request.auth.principal', values: ['i/s', 'x/*']}]}",
            &[
                "anyone in or outside the mesh: connect, with claim iss: i, with claim sub: s | claims {\"iss\":[\"i\"],\"sub\":[\"s\"]}",
                "anyone in or outside the mesh: connect, with claim iss: x, with claim sub: * | claims {\"iss\":[\"x\"],\"sub\":[\"a\"]}",
            ],
        ),
        (
            "{from: [{source: {requestPrincipals: ['*']}}]}",
            &[
                "anyone in or outside the mesh: connect, with claim iss: *, with claim sub: * | claims {\"iss\":[\"a\"],\"sub\":[\"a\"]}",
            ],
        ),
        (
            "{from: [{source: {notRequestPrincipals: ['*']}}]}",
            &[
                "anyone in or outside the mesh: connect, without claim iss: * | ",
                "anyone in or outside the mesh: connect, with claim iss: *, without claim sub: * | claims {\"iss\":[\"a\"]}",
            ],
        ),
        (
            "{when: [{key: 'request.auth.audiences', values: [b]}, {key: request.auth.presenter, values: [c]}]}",
            &[
                "anyone in or outside the mesh: connect, with claim aud: b, with claim azp: c | claims {\"aud\":[\"b\"],\"azp\":[\"c\"]}",
            ],
        ),
    ]);
}

#[test]
fn all_of_it_together() {
    check(&[
        (
            "{from: [{source: {namespaces: [cos]}}], to: [{operation: {ports: ['9090'], methods: [GET], paths: [/metrics], hosts: [web]}}], when: [{key: 'request.headers[x-a]', values: [b]}, {key: connection.sni, values: [c]}, {key: source.ip, values: [10.0.0.9]}]}",
            &[
                "anyone in namespace cos: GET /metrics on port 9090, host web, server name c, from 10.0.0.9, with header x-a: b | from cos/a, headers {\"x-a\":[\"b\"]}, host web, path /metrics, port 9090, sni c, sourceIp 10.0.0.9",
            ],
        ),
        (
            "{from: [{source: {namespaces: [cos]}}]}, {to: [{operation: {ports: ['9090']}}]}",
            &[
                "anyone in the mesh except anyone in namespace cos and anyone outside the mesh: connect on port 9090 | port 9090",
                "anyone in namespace cos: connect | from cos/a",
            ],
        ),
    ]);
}
