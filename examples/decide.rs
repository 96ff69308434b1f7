//! Times decisions, native, for `bench/tasks/decide.mjs`: `decide POLICIES RUNS SECONDS`.
//!
//! A mesh of that many policies, and 1,000 requests to ten of its Services, asked again and again in a batch on one core.
//! Prints one JSON object: decisions a second in each run.

use mesh_policy::analysis::{Analysis, Request, Target, Verdict};
use mesh_policy::compile::Source;
use mesh_policy::mesh::input::{MeshInput, read_mesh};
use std::error::Error;
use std::fmt::Write;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("decide POLICIES RUNS SECONDS");
    let policies: usize = next()?.parse()?;
    let runs: usize = next()?.parse()?;
    let seconds: f64 = next()?.parse()?;
    let manifests = manifests(policies);
    let (mesh, _) = read_mesh(&MeshInput {
        manifests: vec![Source::new("mesh.yaml", &manifests)],
        ..MeshInput::default()
    });
    let analysis = Analysis::new(mesh);
    let requests = requests();
    let mut per_second = Vec::new();
    let (mut allowed, mut denied) = (0_u64, 0_u64);
    for _ in 0..runs {
        let mut decisions = 0_u32;
        let start = Instant::now();
        while start.elapsed().as_secs_f64() < seconds {
            for verdict in analysis.verdicts(&requests) {
                decisions += 1;
                match verdict {
                    Verdict::Allowed => allowed += 1,
                    _ => denied += 1,
                }
            }
        }
        per_second.push(f64::from(decisions) / start.elapsed().as_secs_f64());
    }
    if allowed == 0 || denied == 0 {
        return Err("the requests tell nothing apart".into());
    }
    println!("{}", serde_json::json!({ "perSecond": per_second }));
    Ok(())
}

/// Ten policies a Service: five ALLOW policies at its waypoint by principal, port, method and path,
/// five at its pods by principal and port.
fn manifests(policies: usize) -> String {
    let mut text = String::from(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint}}\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: waypoint, namespace: shop}\nspec: {gatewayClassName: istio-waypoint}\nstatus: {addresses: [{value: 10.0.0.1}]}\n",
    );
    for app in 0..policies / 10 {
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: app{app}, namespace: shop}}\nspec: {{selector: {{app: app{app}}}, ports: [{{port: 8080, name: http}}]}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: app{app}-0, namespace: shop, labels: {{app: app{app}}}}}\nspec: {{serviceAccountName: app{app}}}\n"
        );
        for at in 0..5 {
            let _ = write!(
                text,
                "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: l7-{app}-{at}, namespace: shop}}\nspec:\n  targetRefs: [{{kind: Service, group: '', name: app{app}}}]\n  rules:\n  - from: [{{source: {{principals: [cluster.local/ns/shop/sa/app{at}]}}}}]\n    to: [{{operation: {{ports: ['8080'], methods: [GET, POST], paths: [/v{at}/*, /health]}}}}]\n"
            );
            let _ = write!(
                text,
                "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: l4-{app}-{at}, namespace: shop}}\nspec:\n  selector: {{matchLabels: {{app: app{app}}}}}\n  rules:\n  - from: [{{source: {{principals: [cluster.local/ns/shop/sa/{}]}}}}]\n    to: [{{operation: {{ports: ['8080']}}}}]\n",
                if at == 4 {
                    "waypoint".into()
                } else {
                    format!("app{at}")
                }
            );
        }
    }
    text
}

fn requests() -> Vec<Request> {
    let mut requests = Vec::new();
    for at in 0..1_000 {
        let mut request = Request::to(Target::Service {
            namespace: "shop".into(),
            name: format!("app{}", at % 10),
        });
        request.from = Some(("shop".into(), format!("app{}", at % 7)));
        request.port = Some(8080);
        request.method = Some(
            ["GET", "POST", "DELETE"]
                .get(at % 3)
                .copied()
                .unwrap_or("GET")
                .into(),
        );
        request.path = Some(format!("/v{}/items/{at}", at % 6));
        request.host = Some("app.shop:8080".into());
        requests.push(request);
    }
    requests
}
