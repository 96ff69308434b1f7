//! What `diff` and the proof of a plan claim of an input that leaves things unsaid holds in every mesh that
//! says them: the readiness of a waypoint, the addresses of pods, waypoints and Services, the numbers of
//! named ports, the labels of pods.
//!
//! `MESH_POLICY_SEED` repeats a run, `MESH_POLICY_CASES` sets how many cases there are.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use common::{analysis, policy};
use mesh_policy::analysis::Analysis;
use mesh_policy::analysis::diff::diff;
use mesh_policy::analysis::safety::{Harm, Phase, Write, prove};
use serde_json::{Value, json};

struct Random(u64);

impl Random {
    fn below(&mut self, many: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % many
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

fn seed() -> u64 {
    let given = std::env::var("MESH_POLICY_SEED").ok();
    let seed = given.and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH);
        since.expect("after 1970").as_nanos() as u64 % 1_000_000_007
    });
    println!("MESH_POLICY_SEED={seed}");
    seed
}

fn cases() -> usize {
    let asked = std::env::var("MESH_POLICY_CASES").ok();
    asked
        .and_then(|text| text.parse().ok())
        .unwrap_or(if cfg!(debug_assertions) { 60 } else { 300 })
}

/// What surrounds policies: which of it the input says.
#[derive(Clone, Copy, Debug)]
struct Shape {
    waypoint: bool,
    named: bool,
    pod: bool,
}

/// A mesh that says everything: a number for each answer.
#[derive(Clone, Copy, Debug)]
struct World {
    ready: bool,
    pod_ip: usize,
    service_ip: usize,
    waypoint_ip: usize,
    port: usize,
    tier: usize,
}

fn ip(which: usize) -> &'static str {
    ["10.0.0.1", "10.0.0.2"][which]
}

fn objects(shape: Shape, world: Option<World>) -> Vec<Value> {
    let mut all = vec![json!({"kind": "Namespace", "apiVersion": "v1",
        "metadata": {"name": "shop", "labels": {"istio.io/dataplane-mode": "ambient"}}})];
    if shape.waypoint {
        let mut gateway = json!({"kind": "Gateway", "apiVersion": "gateway.networking.k8s.io/v1",
            "metadata": {"name": "wp", "namespace": "shop"},
            "spec": {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]}});
        if let Some(world) = world {
            let address = json!([{"value": "10.255.0.1"}]);
            gateway["status"] = json!({"addresses": if world.ready { address } else { json!([]) }});
            all.push(json!({"kind": "Pod", "apiVersion": "v1",
                "metadata": {"name": "wp-0", "namespace": "shop", "labels": {"gateway.networking.k8s.io/gateway-name": "wp", "istio.io/dataplane-mode": "none"}},
                "spec": {"serviceAccountName": "wp"},
                "status": {"podIP": ip(world.waypoint_ip)}}));
        }
        all.push(gateway);
    }
    let target = if shape.named {
        json!("http")
    } else {
        json!(8080)
    };
    let mut service = json!({"kind": "Service", "apiVersion": "v1",
        "metadata": {"name": "web", "namespace": "shop", "labels": {}},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "name": "http", "targetPort": target}]}});
    if shape.waypoint {
        service["metadata"]["labels"] = json!({"istio.io/use-waypoint": "wp"});
    }
    if let Some(world) = world {
        service["spec"]["clusterIP"] = json!(ip(world.service_ip));
    }
    all.push(service);
    if shape.pod || world.is_some() {
        let mut pod = json!({"kind": "Pod", "apiVersion": "v1",
            "metadata": {"name": "web-0", "namespace": "shop", "labels": {"app": "web"}},
            "spec": {"serviceAccountName": "web"}});
        if let Some(world) = world {
            pod["status"] = json!({"podIP": ip(world.pod_ip)});
            pod["spec"]["containers"] = json!([{"name": "web", "ports": [{"name": "http", "containerPort": 8080 + 1010 * world.port}]}]);
            if !shape.pod && world.tier > 0 {
                pod["metadata"]["labels"]["tier"] = json!(["", "a", "b"][world.tier]);
            }
        }
        all.push(pod);
    }
    all
}

fn mesh(shape: Shape, world: Option<World>, policies: &[String]) -> Analysis {
    let objects: Vec<String> = objects(shape, world).iter().map(Value::to_string).collect();
    analysis(
        &format!("{}\n{}", objects.join("\n---\n"), policies.concat()),
        "",
    )
}

fn rule(random: &mut Random, http: bool) -> String {
    let mut from = Vec::new();
    let mut to = Vec::new();
    let mut when = Vec::new();
    for _ in 0..=random.below(2) {
        match random.below(if http { 6 } else { 5 }) {
            0 => from.push(format!(
                "{}: [cluster.local/ns/shop/sa/{}]",
                random.pick(&["principals", "notPrincipals"]),
                random.pick(&["wp", "client"])
            )),
            1 => from.push(format!(
                "{}: [10.0.0.1]",
                random.pick(&["ipBlocks", "notIpBlocks"])
            )),
            2 | 3 => when.push(format!(
                "{{key: destination.ip, {}: [10.0.0.1]}}",
                random.pick(&["values", "notValues"])
            )),
            4 => to.push(format!(
                "{}: ['{}']",
                random.pick(&["ports", "notPorts"]),
                random.pick(&["80", "8080", "9090"])
            )),
            _ => to.push(format!("methods: [{}]", random.pick(&["GET", "POST"]))),
        }
    }
    let list = |entry: &str, parts: Vec<String>, name: &str| match parts.first() {
        Some(first) => format!("{name}: [{{{entry}: {{{first}}}}}], "),
        None => String::new(),
    };
    let when = match when.first() {
        Some(first) => format!("when: [{first}]"),
        None => String::new(),
    };
    format!(
        "{{{}{}{when}}}",
        list("source", from, "from"),
        list("operation", to, "to")
    )
}

fn spec(random: &mut Random, shape: Shape) -> String {
    let at = match random.below(if shape.waypoint { 5 } else { 3 }) {
        0 => "selector: {matchLabels: {app: web}}",
        1 => "selector: {matchLabels: {tier: a}}",
        2 => "selector: {matchLabels: {tier: b}}",
        _ => "targetRefs: [{kind: Service, group: '', name: web}]",
    };
    let http = at.starts_with("targetRefs");
    let action = random.pick(&["ALLOW", "ALLOW", "DENY"]);
    let rules: Vec<String> = (0..=random.below(2)).map(|_| rule(random, http)).collect();
    format!("{{{at}, action: {action}, rules: [{}]}}", rules.join(", "))
}

fn worlds(shape: Shape) -> Vec<World> {
    let mut all = Vec::new();
    for number in 0..96usize {
        let bit = |at: usize| number >> at & 1;
        let world = World {
            ready: bit(0) == 1,
            pod_ip: bit(1),
            service_ip: bit(2),
            waypoint_ip: bit(3),
            port: bit(4),
            tier: number >> 5,
        };
        let said = !shape.waypoint && world.ready || shape.pod && world.tier > 0;
        if !said {
            all.push(world);
        }
    }
    all
}

fn shape(random: &mut Random) -> Shape {
    Shape {
        waypoint: random.below(3) > 0,
        named: random.below(2) == 0,
        pod: random.below(2) == 0,
    }
}

/// Policies before, and after: another, one more or less, or one said otherwise.
fn change(random: &mut Random, shape: Shape) -> [Vec<(String, String)>; 2] {
    let many = random.below(3);
    let old: Vec<(String, String)> = (0..many)
        .map(|at| (format!("p{at}"), spec(random, shape)))
        .collect();
    let mut new = old.clone();
    match random.below(4) {
        0 if !new.is_empty() => {
            let at = random.below(new.len());
            new[at].1 = spec(random, shape);
        }
        1 if !new.is_empty() => {
            let at = random.below(new.len());
            new.remove(at);
        }
        2 if !new.is_empty() => {
            // The same under another name, and perhaps said twice.
            let at = random.below(new.len());
            new[at].0 = "renamed".to_owned();
            if random.below(2) == 0 {
                let again = new[at].1.clone();
                new.push(("again".to_owned(), again));
            }
        }
        _ => new.push(("more".to_owned(), spec(random, shape))),
    }
    [old, new]
}

fn texts(policies: &[(String, String)]) -> Vec<String> {
    policies
        .iter()
        .map(|(name, spec)| policy(name, spec))
        .collect()
}

#[test]
fn what_is_equivalent_is_so_in_every_world() {
    let first = seed();
    let (mut equivalent, mut unknown) = (0, 0);
    for case in 0..cases() as u64 {
        let mut random = Random(first.wrapping_add(case).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let shape = shape(&mut random);
        let [old, new] = change(&mut random, shape).map(|policies| texts(&policies));
        let (before, after) = (mesh(shape, None, &old), mesh(shape, None, &new));
        let claimed = diff(&before, &after);
        let told: Value = serde_json::from_str(&claimed.json()).expect("JSON");
        let is_service = |list: &str| {
            let list = told[list].as_array().expect("a list");
            list.iter()
                .any(|one| one["to"] == json!({"service": "shop/web"}))
        };
        assert!(!is_service("notCompared"), "{told}");
        unknown += usize::from(is_service("unknown"));
        let is_told = is_service("unknown") || is_service("granted") || is_service("revoked");
        if is_told {
            continue;
        }
        equivalent += 1;
        for world in worlds(shape) {
            let found = diff(
                &mesh(shape, Some(world), &old),
                &mesh(shape, Some(world), &new),
            );
            let mut changes = found.granted.iter().chain(&found.revoked);
            let here = changes.find(|one| {
                serde_json::to_value(&one.to).is_ok_and(|to| to == json!({"service": "shop/web"}))
            });
            assert!(
                here.is_none(),
                "MESH_POLICY_SEED={} MESH_POLICY_CASES=1: {shape:?} {world:?}\n{}\n=>\n{}\n{}",
                first.wrapping_add(case),
                old.concat(),
                new.concat(),
                found.json()
            );
        }
    }
    println!("{equivalent} equivalent, {unknown} unknown");
    assert!(equivalent > 0 && unknown > 0);
}

#[test]
fn what_is_safe_is_so_in_every_world() {
    let first = seed();
    let (mut safe, mut other) = (0, 0);
    for case in 0..cases() as u64 {
        let mut random = Random(first.wrapping_add(case).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let shape = shape(&mut random);
        let [old, new] = change(&mut random, shape);
        // Writes that lead from the one to the other, one by one and in some order.
        let mut writes: Vec<(String, Option<String>)> = Vec::new();
        for (name, spec) in &new {
            if !old.contains(&(name.clone(), spec.clone())) {
                writes.push((name.clone(), Some(policy(name, spec))));
            }
        }
        for (name, _) in &old {
            if new.iter().all(|(other, _)| other != name) {
                writes.push((name.clone(), None));
            }
        }
        for at in (1..writes.len()).rev() {
            let other = random.below(at + 1);
            writes.swap(at, other);
        }
        let phases = || {
            let put = |(name, text): &(String, Option<String>)| match text {
                Some(text) => {
                    let mut policies = analysis(text, "").mesh.policies;
                    Write::Put(Box::new(policies.pop().expect("one")))
                }
                None => Write::Delete {
                    namespace: "shop".into(),
                    name: name.clone(),
                },
            };
            [Phase {
                title: "now".into(),
                one_by_one: case % 2 == 0,
                writes: writes.iter().map(put).collect(),
            }]
        };
        let old = texts(&old);
        let claimed = prove(&mesh(shape, None, &old).mesh, &phases());
        if !claimed.safe {
            other += 1;
            continue;
        }
        safe += 1;
        for world in worlds(shape) {
            let found = prove(&mesh(shape, Some(world), &old).mesh, &phases());
            let mut moments = found.moments.iter();
            // Of pods that the input does not describe nothing is claimed but through the Service.
            let here = moments
                .find(|one| one.harm == Harm::Exposes && one.text.contains("service shop/web"));
            assert!(
                here.is_none(),
                "MESH_POLICY_SEED={} MESH_POLICY_CASES=1: {shape:?} {world:?}\n{}\n{}",
                first.wrapping_add(case),
                old.concat(),
                found.json()
            );
        }
    }
    println!("{safe} safe, {other} not");
    assert!(safe > 0 && other > 0);
}
