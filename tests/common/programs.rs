//! What tests of programs against an API server need: answers, and what a step asks for.

#![allow(dead_code, reason = "each test needs a part")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test may end so")]

use mesh_policy::kube::{
    Failure, KubeAnswer, KubeRequest, KubeResponse, Outcome, Program, ProgramKind, Step,
};

pub const MANAGER: &str =
    r#""appName":"beacon","modelName":"m","fieldManager":"beacon","labels":{"by":"beacon"}"#;

pub fn reconcile(rest: &str) -> Program {
    Program::start(
        ProgramKind::ReconcilePolicies,
        &format!("{{{MANAGER},{rest}}}"),
    )
}

pub fn answer(request: &KubeRequest, status: u16, body: &str) -> KubeResponse {
    KubeResponse {
        id: request.id,
        answer: Ok(KubeAnswer {
            status,
            body: body.to_owned(),
        }),
        message: String::new(),
    }
}

/// What an API server says to a write that it accepts.
pub fn accepted(request: &KubeRequest) -> KubeResponse {
    let name = request.path.rsplit('/').next().expect("has a name");
    let body = format!(r#"{{"metadata":{{"name":"{name}","resourceVersion":"9"}}}}"#);
    answer(request, 200, &body)
}

pub fn requests(step: &Step) -> Vec<KubeRequest> {
    match step {
        Step::Requests(requests, _) => requests.clone(),
        step => panic!("no requests: {step:?}"),
    }
}

pub fn one(step: &Step) -> KubeRequest {
    let [request] = requests(step).try_into().expect("is one");
    request
}

pub fn done(step: &Step) -> &Outcome {
    match step {
        Step::Done(outcome) => outcome,
        step => panic!("not done: {step:?}"),
    }
}

pub fn failed(step: &Step) -> &Failure {
    match step {
        Step::Failed(failure) => failure,
        step => panic!("not failed: {step:?}"),
    }
}

pub fn raw(name: &str, target: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"n"}},"spec":{{
        "targetRefs":[{{"kind":"Service","name":"{target}"}}],"rules":[]}}}}"#
    )
}

pub fn raws(count: usize, target: impl Fn(usize) -> String) -> String {
    let all: Vec<String> = (0..count)
        .map(|at| raw(&format!("p{at}"), &target(at)))
        .collect();
    format!(r#""rawPolicies":[{}]"#, all.join(","))
}

/// The objects as they would be listed, with another target.
pub fn listed(count: usize, target: &str) -> String {
    let items: Vec<String> = (0..count)
        .map(|at| {
            let policy = raw(&format!("p{at}"), target);
            policy.replacen(
                r#""namespace":"n""#,
                r#""namespace":"n","uid":"u","resourceVersion":"1","labels":{"by":"beacon"}"#,
                1,
            )
        })
        .collect();
    format!(r#"{{"items":[{}]}}"#, items.join(","))
}

pub fn query(request: &KubeRequest, name: &str) -> Option<String> {
    let found = request.query.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.clone())
}
