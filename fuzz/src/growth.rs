//! Meshes of some size, of every shape: what is quadratic or worse shows here, where mutation of
//! small documents never gets. Each byte of the input is a number of things.

use crate::mesh;
use std::fmt::Write;

/// The size of input that the bound of time speaks of.
const MOST: usize = 100_000;

/// Takes numbers off the input; 0 after its end.
struct Numbers<'a>(std::slice::Iter<'a, u8>);

impl Numbers<'_> {
    fn next(&mut self) -> usize {
        self.0.next().map_or(0, |&byte| byte.into())
    }
}

/// Values of one field, each of another shape than the last.
fn values(field: &str, count: usize, salt: usize) -> String {
    let one = |n: usize| match field {
        "paths" | "notPaths" => match (n + salt) % 6 {
            0 => format!("\"/a{n}*\""),
            1 => format!("\"*b{n}\""),
            2 => format!("\"/{{*}}/c{n}/{{**}}\""),
            3 => format!("\"/d{n}\""),
            4 => format!("\"/{}x{n}\"", "{*}/".repeat(1 + n % 9)),
            _ => format!("\"/a{}*\"", "a".repeat(n)),
        },
        "hosts" | "notHosts" => match (n + salt) % 3 {
            0 => format!("\"*.h{n}\""),
            1 => format!("\"h{n}*\""),
            _ => format!("\"h{n}\""),
        },
        "methods" | "notMethods" => format!("\"M{n}*\""),
        "ports" | "notPorts" => format!("\"{}\"", 1 + (n * 7 + salt) % 65535),
        "principals" | "notPrincipals" => match (n + salt) % 3 {
            0 => format!("\"*/sa/s{n}\""),
            1 => format!("\"cluster.local/ns/n{n}*\""),
            _ => format!("\"cluster.local/ns/n/sa/s{n}\""),
        },
        "ipBlocks" | "notIpBlocks" => format!("\"10.{}.{}.0/{}\"", n % 256, salt % 256, 9 + n % 20),
        _ => format!("\"v{n}*\""),
    };
    (0..count).map(one).collect::<Vec<_>>().join(",")
}

const SOURCE: [&str; 6] = [
    "principals",
    "notPrincipals",
    "namespaces",
    "notNamespaces",
    "ipBlocks",
    "notIpBlocks",
];
const OPERATION: [&str; 8] = [
    "paths",
    "notPaths",
    "hosts",
    "notHosts",
    "methods",
    "notMethods",
    "ports",
    "notPorts",
];

/// A mesh of at most 100 KB.
fn manifests(numbers: &mut Numbers<'_>) -> String {
    let mut out = String::from(
        r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n","labels":{"istio.io/dataplane-mode":"ambient","istio.io/use-waypoint":"w"}}}
---
{"apiVersion":"gateway.networking.k8s.io/v1","kind":"Gateway","metadata":{"name":"w","namespace":"n"},"spec":{"gatewayClassName":"istio-waypoint"},"status":{"addresses":[{"value":"10.0.0.9"}]}}
"#,
    );
    let (pods, services, policies) = (numbers.next(), numbers.next(), numbers.next());
    let (labels, accounts) = (numbers.next() % 40, 1 + numbers.next());
    let selector: Vec<String> = (0..labels).map(|n| format!("\"l{n}\":\"v\"")).collect();
    let selector = selector.join(",");
    // Policies are what grows worst: they come first while there is room.
    let kinds = 1 + numbers.next() % 4;
    let shapes: Vec<[usize; 8]> = (0..kinds)
        .map(|_| std::array::from_fn(|_| numbers.next()))
        .collect();
    for at in 0..policies {
        let [
            action,
            target,
            rules,
            clauses,
            source,
            operation,
            count,
            headers,
        ] = shapes[at % shapes.len()];
        let action = ["ALLOW", "DENY", "CUSTOM", "AUDIT"][action % 4];
        let binding = match target % 4 {
            0 => format!(r#""selector":{{"matchLabels":{{{selector}}}}},"#),
            1 => format!(r#""targetRefs":[{{"kind":"Service","name":"s{at}"}}],"#),
            2 => r#""targetRefs":[{"kind":"Gateway","group":"gateway.networking.k8s.io","name":"w"}],"#.to_owned(),
            _ => String::new(),
        };
        let mut spec =
            format!(r#"{{"action":"{action}","provider":{{"name":"p"}},{binding}"rules":["#);
        if action != "CUSTOM" {
            spec = spec.replacen(r#""provider":{"name":"p"},"#, "", 1);
        }
        for rule in 0..1 + rules % 64 {
            let comma = if rule == 0 { "" } else { "," };
            let each = |names: &[&str], wanted: usize, salt: usize| {
                let some = names.iter().enumerate();
                let some = some.filter(|(n, _)| wanted >> n & 1 == 1);
                let texts = some.map(|(_, name)| {
                    format!("\"{name}\":[{}]", values(name, 1 + count % 100, salt))
                });
                texts.collect::<Vec<_>>().join(",")
            };
            let many = |key: &str, inner: &str, names: &[&str], wanted: usize| {
                let items = (0..1 + clauses % 8).map(|n| {
                    format!(
                        r#"{{"{inner}":{{{}}}}}"#,
                        each(names, wanted, at * 31 + rule * 7 + n)
                    )
                });
                format!("\"{key}\":[{}]", items.collect::<Vec<_>>().join(","))
            };
            let mut parts = Vec::new();
            if source % 64 != 0 {
                parts.push(many("from", "source", &SOURCE, source));
            }
            if operation != 0 {
                parts.push(many("to", "operation", &OPERATION, operation));
            }
            if headers > 0 {
                let keys = (0..headers % 80).map(|n| {
                    format!(
                        r#"{{"key":"request.headers[h{}]","values":[{}]}}"#,
                        n + rule * (headers % 3),
                        values("header", 1 + count % 5, n)
                    )
                });
                parts.push(format!("\"when\":[{}]", keys.collect::<Vec<_>>().join(",")));
            }
            let _ = write!(spec, "{comma}{{{}}}", parts.join(","));
            if spec.len() > MOST {
                break;
            }
        }
        let line = format!(
            "---\n{{\"apiVersion\":\"security.istio.io/v1\",\"kind\":\"AuthorizationPolicy\",\"metadata\":{{\"name\":\"p{at}\",\"namespace\":\"n\"}},\"spec\":{spec}]}}}}\n"
        );
        if out.len() + line.len() > MOST * 3 / 4 {
            break;
        }
        out.push_str(&line);
    }
    for at in 0..pods.max(services) {
        let mut line = String::new();
        if at < pods {
            let account = at % accounts;
            let _ = write!(
                line,
                "---\n{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"s{at}\",\"namespace\":\"n\",\"labels\":{{\"app\":\"s{at}\"{}{selector}}}}},\"spec\":{{\"serviceAccountName\":\"s{account}\"}}}}\n",
                if selector.is_empty() { "" } else { "," }
            );
        }
        if at < services {
            let app = format!("\"app\":\"s{at}\"");
            let chosen = if at % 2 == 0 || selector.is_empty() {
                &app
            } else {
                &selector
            };
            let _ = write!(
                line,
                "---\n{{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{{\"name\":\"s{at}\",\"namespace\":\"n\"}},\"spec\":{{\"selector\":{{{chosen}}},\"ports\":[{{\"port\":80,\"targetPort\":8080}}]}}}}\n"
            );
        }
        if out.len() + line.len() > MOST {
            break;
        }
        out.push_str(&line);
    }
    out
}

/// One question about one mesh.
pub fn growth(bytes: &[u8]) {
    let mut numbers = Numbers(bytes.iter());
    let question = numbers.next();
    let old = manifests(&mut numbers);
    match question % 3 {
        0 => mesh::mesh(old.as_bytes()),
        1 => mesh::exact(old.as_bytes()),
        _ => {
            let new = old
                .replacen("\"GET\"", "\"PUT\"", 1)
                .replacen("p1\"", "q1\"", 1);
            mesh::change([&old, "\n#NEW\n", &new].concat().as_bytes());
        }
    }
}

/// Every kind of question, small and large, before mutation turns each number.
pub fn shapes() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for question in 0..3 {
        for large in [3, 40, 250] {
            for target in 0..4 {
                for count in [0, 5, 90] {
                    let shape = [1, target, 3, 1, 0b10101, 0b0101_0101, count, 0];
                    let mut bytes = vec![question, large, large, large, 1, large, 1];
                    bytes.extend(shape);
                    bytes.extend([0, target, count / 2, 0, 1, 1, 1, count / 8]);
                    all.push(bytes);
                }
            }
        }
    }
    all
}
