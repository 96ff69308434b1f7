//! Random meshes, policies and requests, small enough to collide.

use serde_json::{Value, json};

/// A generator of random numbers: xorshift.
pub struct Random(u64);

impl Random {
    /// From a seed; equal seeds give equal numbers.
    pub fn new(seed: u64) -> Self {
        let mixed = seed
            .wrapping_add(0x9e37_79b9_7f4a_7c15)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Random(mixed ^ (mixed >> 31) | 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 16) % limit as u64) as usize
    }

    /// True in one of `n` cases.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of a list.
    pub fn pick<'t, T: ?Sized>(&mut self, list: &[&'t T]) -> &'t T {
        list[self.below(list.len())]
    }
}

const PRINCIPALS: &[&str] = &[
    "cluster.local/ns/shop/sa/web",
    "cluster.local/ns/shop/sa/db",
    "cluster.local/ns/cos/sa/grafana",
    "cluster.local/ns/shop/*",
    "*/sa/web",
    "*",
    "cluster.local/ns/*",
    "spiffe://cluster.local/ns/shop/sa/web",
    "*b",
    "td/ns/shop/sa/web",
    "old/ns/cos/sa/grafana",
    "td/*",
    "*/ns/shop/sa/db",
];
const SOURCE_NAMESPACES: &[&str] = &["shop", "cos", "sh*", "*s", "*", "sa", "*a", "s*p"];
const ACCOUNTS: &[&str] = &["web", "shop/db", "cos/grafana", "shop/web"];
const PORTS: &[&str] = &["80", "8080", "9090", "443", "0", "65535"];
const METHODS: &[&str] = &["GET", "POST", "P*", "*", "*T", "DELETE", "get"];
const PATHS: &[&str] = &[
    "/", "/a", "/a/*", "/a/b", "*/b", "*.png", "*", "/a*", "/a/{*}", "/{*}/b", "/a/{**}",
    "/{**}/b", "/a/{*}/b", "/x/../a", "/a?x=1", "/a//b", "/%2F", "/a%20*",
];
const HOSTS: &[&str] = &[
    "web.shop",
    "WEB.*",
    "*.shop",
    "*",
    "web.shop:80",
    "*:8080",
    "other",
];
const BLOCKS: &[&str] = &[
    "10.0.0.0/8",
    "10.1.2.3",
    "10.1.0.0/16",
    "0.0.0.0/0",
    "192.168.0.0/24",
    "::/0",
    "2001:db8::/32",
];
const HEADER_VALUES: &[&str] = &["prod", "p*", "*d", "*", "dev", "", "é*", "p\tq"];
const HEADERS: &[&str] = &["request.headers[X-Env]", "request.headers[x-b]"];

const TARGETS: &[&str] = &[
    "/a", "/a?*", "/a*", "*?x=1", "/a?x=1", "*b", "*", "/A", "*%41", "/a/b?*",
];
const AUTHORITIES: &[&str] = &["web.shop", "WEB.shop", "W*", "*.shop", "*:80", "*", "Other"];
const FORWARDED: &[&str] = &[
    "10.1.2.3",
    "10.*",
    "*",
    "*, 8.8.8.8",
    "8.8.8.8,*",
    "10.1.2.3, 8.8.8.8",
    "unknown",
    "u*",
    "2001:db8::2",
    "*.8.8",
];
const SERVER_NAMES: &[&str] = &["web.example", "*.example", "w*", "*"];
const CLAIMS: &[&str] = &["admin", "a*", "*n", "*", "*é", " a"];
const TOKENS: &[&str] = &["issuer/ann", "issuer/*", "*/ann", "*", "i*"];
/// What no request tells: Envoy sets it.
const UNTOLD: &[&str] = &[
    "request.headers[:scheme]",
    "request.headers[X-Request-Id]",
    "request.headers[x-envoy-internal]",
];
const AGENTS: &[&str] = &["curl*", "*bot", "curl/8", "*", "x,*"];

fn list(random: &mut Random, pool: &[&str]) -> Value {
    let many = 1 + random.below(2);
    (0..many).map(|_| json!(random.pick(pool))).collect()
}

fn add(random: &mut Random, map: &mut serde_json::Map<String, Value>, key: &str, pool: &[&str]) {
    let name = if random.one_in(3) {
        format!("not{}{}", key[..1].to_uppercase(), &key[1..])
    } else {
        key.to_owned()
    };
    map.insert(name, list(random, pool));
}

fn source(random: &mut Random) -> Value {
    let mut map = serde_json::Map::new();
    for _ in 0..=random.below(2) {
        match random.below(7) {
            0 | 1 => add(random, &mut map, "principals", PRINCIPALS),
            5 => add(
                random,
                &mut map,
                "trustDomains",
                &["td", "cluster.local", "old", "*", "c*"],
            ),
            2 => add(random, &mut map, "namespaces", SOURCE_NAMESPACES),
            3 => add(random, &mut map, "ipBlocks", BLOCKS),
            4 => add(random, &mut map, "remoteIpBlocks", BLOCKS),
            _ if map.is_empty() => {
                add(random, &mut map, "serviceAccounts", ACCOUNTS);
                break;
            }
            _ => {}
        }
    }
    json!({ "source": map })
}

fn operation(random: &mut Random, l7: bool) -> Value {
    let mut map = serde_json::Map::new();
    for _ in 0..=random.below(2) {
        match random.below(if l7 { 5 } else { 1 }) {
            0 => add(random, &mut map, "ports", PORTS),
            1 => add(random, &mut map, "methods", METHODS),
            2 | 3 => add(random, &mut map, "paths", PATHS),
            _ => add(random, &mut map, "hosts", HOSTS),
        }
    }
    json!({ "operation": map })
}

fn condition(random: &mut Random) -> Value {
    let (key, pool) = match random.below(21) {
        0 | 1 => (random.pick(HEADERS), HEADER_VALUES),
        2 => ("source.principal", PRINCIPALS),
        3 => ("source.namespace", SOURCE_NAMESPACES),
        4 => ("source.ip", BLOCKS),
        5 => ("remote.ip", BLOCKS),
        6 => ("destination.port", PORTS),
        7 => (
            "source.serviceAccount",
            &["shop/web", "cos/grafana", "db"][..],
        ),
        8 => ("request.headers[:method]", METHODS),
        9 | 10 => ("request.headers[:path]", TARGETS),
        11 => (
            random.pick(&["request.headers[:authority]", "request.headers[Host]"]),
            AUTHORITIES,
        ),
        12 => ("request.headers[X-Forwarded-For]", FORWARDED),
        13 | 14 => ("destination.ip", BLOCKS),
        15 => ("connection.sni", SERVER_NAMES),
        16 => ("request.auth.claims[groups]", CLAIMS),
        17 => ("request.auth.principal", TOKENS),
        18 => (random.pick(UNTOLD), HEADER_VALUES),
        _ => ("request.headers[User-Agent]", AGENTS),
    };
    let values: Vec<&str> = (0..=random.below(2)).map(|_| random.pick(pool)).collect();
    let values: Vec<&str> = values
        .into_iter()
        .filter(|value| !value.is_empty())
        .collect();
    let values = if values.is_empty() { vec!["x"] } else { values };
    let name = if random.one_in(3) {
        "notValues"
    } else {
        "values"
    };
    json!({ "key": key, name: values })
}

/// A policy of one of three targets: a Service, pods by label, or a namespace.
pub fn policy(random: &mut Random, number: usize) -> Value {
    let l7 = !random.one_in(3);
    let mut rules = Vec::new();
    for _ in 0..random.below(3) {
        let mut rule = serde_json::Map::new();
        if !random.one_in(3) {
            let from: Vec<Value> = (0..=random.below(2)).map(|_| source(random)).collect();
            rule.insert("from".into(), json!(from));
        }
        if !random.one_in(3) {
            let to: Vec<Value> = (0..=random.below(2))
                .map(|_| operation(random, l7))
                .collect();
            rule.insert("to".into(), json!(to));
        }
        if random.one_in(3) {
            rule.insert("when".into(), json!([condition(random)]));
        }
        rules.push(json!(rule));
    }
    let mut spec = serde_json::Map::new();
    let mut namespace = "shop";
    match random.below(9) {
        8 => {
            spec.insert(
                "targetRefs".into(),
                json!([{"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "edge"}]),
            );
        }
        0..=3 => {
            spec.insert(
                "targetRefs".into(),
                json!([{"kind": "Service", "group": "", "name": "web"}]),
            );
        }
        4 | 5 => {
            let label = if random.one_in(4) {
                json!({"tier": "canary"})
            } else {
                json!({"app": "web"})
            };
            spec.insert("selector".into(), json!({"matchLabels": label}));
        }
        6 => namespace = random.pick(&["shop", "istio-system"]),
        _ => {
            namespace = "istio-system";
            spec.insert(
                "targetRefs".into(),
                json!([{"kind": "GatewayClass", "group": "gateway.networking.k8s.io", "name": "istio-waypoint"}]),
            );
        }
    }
    let mut action =
        ["ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "AUDIT", "CUSTOM"][random.below(7)];
    if rules.is_empty() && action == "DENY" {
        action = "ALLOW";
    }
    if action == "CUSTOM" && !random.one_in(3) {
        action = "DENY";
        if rules.is_empty() {
            rules.push(json!({}));
        }
    }
    spec.insert("action".into(), json!(action));
    if action == "CUSTOM" {
        spec.insert("provider".into(), json!({"name": "ext"}));
    }
    spec.insert("rules".into(), json!(rules));
    let mut metadata = json!({"name": format!("p-{number}"), "namespace": namespace});
    if random.one_in(12) {
        metadata["annotations"] = json!({"istio.io/dry-run": "true"});
    } else if random.one_in(15) {
        metadata["annotations"] = json!({"mesh-policy/when": "config x=y"});
    }
    json!({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": metadata, "spec": spec,
    })
}

/// Everything but policies: two namespaces, two Services, pods, perhaps a waypoint.
pub fn surroundings(random: &mut Random) -> Vec<Value> {
    let sidecar = random.one_in(4);
    // Ambient clients come to sidecars through a waypoint as well.
    let waypoint = !sidecar || random.one_in(2);
    let mut shop = json!({"istio.io/dataplane-mode": "ambient"});
    if sidecar {
        shop = json!({"istio-injection": "enabled"});
        if waypoint {
            shop["istio.io/use-waypoint"] = json!("wp");
        }
    } else if !random.one_in(4) {
        shop["istio.io/use-waypoint"] = json!("wp");
    }
    // Whether the pods of `web` have one address, its Service as well, or two.
    let addresses = random.below(4);
    let pod = |namespace: &str, name: &str, account: &str| {
        let mut labels = json!({"app": name});
        if sidecar && namespace == "shop" {
            labels["security.istio.io/tlsMode"] = json!("istio");
        }
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("{name}-0"), "namespace": namespace, "labels": labels},
            "spec": {"serviceAccountName": account, "containers": [{"name": "c", "ports": [{"containerPort": 8080, "name": "http"}]}]},
            "status": {"phase": "Running"},
        });
        if addresses > 0 && name == "web" {
            pod["status"]["podIP"] = json!("10.1.2.3");
        }
        if addresses > 2 && name == "web" {
            pod["status"]["podIPs"] = json!([{"ip": "10.1.2.3"}, {"ip": "2001:db8::7"}]);
        }
        pod
    };
    let headless = random.one_in(8);
    let alone = random.one_in(8);
    let named = random.one_in(4);
    let past = random.one_in(4);
    let entry = alone && random.one_in(2);
    let service = |namespace: &str, name: &str| {
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"app": name}, "ports": [
                {"name": "http", "port": 80, "targetPort": 8080},
                {"name": "http-alt", "port": 9090},
                {"name": "tcp-db", "port": 443, "targetPort": 8443},
            ]},
        });
        if addresses > 1 {
            service["spec"]["clusterIP"] = json!("192.168.0.3");
        }
        if headless {
            service["spec"]["clusterIP"] = json!("None");
        }
        if past {
            service["metadata"]["labels"] = json!({"istio.io/ingress-use-waypoint": "true"});
        }
        if alone {
            service["spec"]["selector"] = json!({"app": "nobody"});
        }
        if named {
            service["spec"]["ports"][0]["targetPort"] = json!("http");
        }
        if entry {
            service = json!({
                "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"hosts": ["web.example"], "resolution": "DNS", "ports": [
                    {"name": "http", "number": 80, "protocol": "HTTP"}, {"name": "tls", "number": 443, "protocol": "TLS"},
                ]},
            });
        }
        service
    };
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": shop}}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cos", "labels": {"istio.io/dataplane-mode": "ambient"}}}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "off"}}),
        service("shop", "web"),
        pod("shop", "web", "web"),
        pod("shop", "db", "db"),
        pod("cos", "grafana", "grafana"),
        pod("off", "stranger", "stranger"),
    ];
    if random.one_in(3) {
        // A second pod behind the Service, with labels of its own.
        let mut second = pod("shop", "web", "web");
        second["metadata"]["name"] = json!("web-1");
        second["metadata"]["labels"]["tier"] = json!("canary");
        objects.push(second);
    }
    if waypoint {
        if random.one_in(2) {
            let mut gateway = pod("shop", "wp", "wp");
            gateway["metadata"]["labels"] = json!({"gateway.networking.k8s.io/gateway-name": "wp"});
            if random.one_in(2) {
                gateway["status"]["podIP"] = json!("10.1.0.9");
            }
            objects.push(gateway);
        }
        let addresses = if random.one_in(5) {
            json!([])
        } else {
            json!([{"value": "10.9.9.9"}])
        };
        objects.push(json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "wp", "namespace": "shop", "labels": {"istio.io/waypoint-for": random.pick(&["service", "service", "all", "workload"])}},
            "spec": {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]},
            "status": {"addresses": addresses},
        }));
    }
    if random.one_in(4) {
        ingress(random, &mut objects);
    }
    if random.one_in(4) {
        objects.push(json!({
            "apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
            "metadata": {"name": "default", "namespace": random.pick(&["shop", "istio-system"])},
            "spec": {"mtls": {"mode": random.pick(&["STRICT", "PERMISSIVE"])}},
        }));
    }
    objects
}

/// Makes the pods of `web` those of an ingress gateway.
fn ingress(random: &mut Random, objects: &mut Vec<Value>) {
    let plane = random.pick(&["none", "none", "none", "ambient"]);
    for one in objects.iter_mut() {
        if one["kind"] == "Pod" && one["metadata"]["labels"]["app"] == "web" {
            let labels = &mut one["metadata"]["labels"];
            labels["gateway.networking.k8s.io/gateway-name"] = json!("edge");
            labels["istio.io/dataplane-mode"] = json!(plane);
        }
    }
    let protocol = random.pick(&["HTTP", "HTTP", "HTTPS", "TLS"]);
    objects.push(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"name": "edge", "namespace": "shop"},
        "spec": {"gatewayClassName": "istio", "listeners": [{"name": "all", "port": 80, "protocol": protocol}]},
    }));
}

/// MeshConfig, mostly as it is without.
pub fn settings(random: &mut Random) -> Value {
    let domain = if random.one_in(4) {
        "td"
    } else {
        "cluster.local"
    };
    let mut text = format!("trustDomain: {domain}\n");
    if random.one_in(4) {
        text.push_str("trustDomainAliases: [old]\n");
    }
    if random.one_in(4) {
        let mode = random.pick(&["NONE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"]);
        text.push_str(&format!("pathNormalization: {{normalization: {mode}}}\n"));
    }
    if random.one_in(5) {
        text.push_str("rootNamespace: shop\n");
    }
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "istio-system"}, "data": {"mesh": text},
    })
}

/// A request line as `explain` reads it.
pub fn request(random: &mut Random) -> Value {
    let from = match random.below(8) {
        0 => Value::Null,
        1 => json!({"namespace": "ns", "serviceAccount": "sa"}),
        2 => json!({"namespace": "off", "serviceAccount": "stranger"}),
        3 => json!({"namespace": "shop", "serviceAccount": "db"}),
        4 => json!({"namespace": "cos", "serviceAccount": "grafana"}),
        5 => json!({"namespace": "nowhere", "serviceAccount": "b"}),
        _ => json!({"namespace": "shop", "serviceAccount": "web"}),
    };
    let to = if random.one_in(3) {
        json!({"pod": "shop/web-0"})
    } else {
        json!({"service": "shop/web"})
    };
    let ip = random.pick(&[
        "10.1.2.3",
        "10.2.0.1",
        "192.168.0.7",
        "8.8.8.8",
        "2001:db8::1",
        "fd00::1",
    ]);
    let mut headers = serde_json::Map::new();
    for name in ["x-env", "x-b"] {
        if random.one_in(2) {
            let many = 1 + random.below(2);
            let pool = &["prod", "dev", "p", "d", "", "prod,dev", "pd", "é", "p\tq"];
            let values: Vec<&str> = (0..many).map(|_| random.pick(pool)).collect();
            headers.insert(name.into(), json!(values));
        }
    }
    if random.one_in(2) {
        let pool = &[
            "10.1.2.3",
            "8.8.8.8",
            "2001:db8::2",
            "10.1.2.3, 8.8.8.8",
            "8.8.8.8,10.1.2.3",
            "unknown",
            "10.9",
            "",
            "u, 10.2.0.1",
            "8.8.8.8,  2001:db8::2",
        ];
        let values: Vec<&str> = (0..=random.below(2)).map(|_| random.pick(pool)).collect();
        headers.insert("x-forwarded-for".into(), json!(values));
    }
    if random.one_in(2) {
        let pool = &["curl/8", "curl/9", "a bot", "x,y", "curl bot", "", "x"];
        let values: Vec<&str> = (0..=random.below(2)).map(|_| random.pick(pool)).collect();
        headers.insert("user-agent".into(), json!(values));
    }
    let mut claims = serde_json::Map::new();
    for (name, pool) in [
        ("groups", &["admin", "a", "on", "x", "", "é", " a"][..]),
        ("iss", &["issuer", "i", "x"]),
        ("sub", &["ann", "bob", ""]),
    ] {
        if random.one_in(2) {
            // Issuer and subject are one text each.
            let many = if name == "groups" { random.below(2) } else { 0 };
            let values: Vec<&str> = (0..=many).map(|_| random.pick(pool)).collect();
            claims.insert(name.into(), json!(values));
        }
    }
    let sni = random.pick(&["", "web.example", "x.example", "w", "other"]);
    let port = [80, 9090, 443, 8080, 8443, 1][random.below(6)];
    json!({
        "id": "r", "from": from, "to": to, "sourceIp": ip,
        "port": port,
        "method": random.pick(&["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]),
        "path": random.pick(&[
            "/", "/a", "/a/", "/a/b", "/a/b/b", "/b", "/x/b", "/a.png", "/a/x.png", "/a//b", "/a/x/b", "/%2F", "/a%20b",
            "/ab", "/a/c/d", "/a?q=1", "/a?x=1", "/b?x=1", "/a/b?x=1", "/a?b", "/?", "/a?%41", "/A", "/x/../a/b", "/%61/b",
        ]),
        "host": random.pick(&["web.shop", "WEB.shop", "web.shop:80", "web.shop:8080", "other", "Other", "a.shop", "x", "W"]),
        "headers": headers, "claims": claims, "sni": sni,
    })
}

/// The plainest surroundings: one Service and its pod in an ambient namespace without waypoint.
pub fn plain() -> Vec<Value> {
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio.io/dataplane-mode": "ambient"}}}),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        }),
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "namespace": "shop", "labels": {"app": "web"}},
            "spec": {"serviceAccountName": "web", "containers": [{"name": "c"}]},
        }),
    ]
}
