//! What comes from outside while something runs: answers of an API server, and hooks of Juju.

use mesh_policy::juju::request::{consumer, provider};
use mesh_policy::kube::{KubeAnswer, KubeResponse, NoAnswer, Program, ProgramKind, Step};
use std::hint::black_box;

/// A program that takes more answers than this does not end by itself.
const MOST_STEPS: usize = 3000;

/// The first line is a program and its options, the others are answers, given in turn.
pub fn cluster(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (first, answers) = text.split_once('\n').unwrap_or((text, ""));
    let (name, options) = first.split_once(' ').unwrap_or(("", first));
    let kind = match name {
        "delete" => ProgramKind::DeletePolicies,
        "labels" => ProgramKind::ReconcileCharmLabels,
        "unlabel" => ProgramKind::RemoveCharmLabels,
        "read" => ProgramKind::ReadMesh,
        _ => ProgramKind::ReconcilePolicies,
    };
    let mut answers: Vec<&str> = answers.lines().collect();
    if answers.is_empty() {
        answers.push("");
    }
    let mut program = Program::start(kind, options);
    let mut given = 0;
    while let Step::Requests(requests, _) = program.step().clone() {
        black_box(program.step_json());
        assert!(!requests.is_empty(), "it waits for nothing");
        let respond = |request: &mesh_policy::kube::KubeRequest| {
            let line = answers[given % answers.len()];
            given += 1;
            response(request.id, line)
        };
        let responses = requests.iter().map(respond).collect();
        program.resume(responses);
        // A list may go on for 10,000 pages, which takes too long here.
        if given > MOST_STEPS {
            return;
        }
    }
    black_box(program.step_json());
    let mut again = Program::start(kind, options);
    black_box(again.resume_json(answers[0]));
}

fn response(id: u32, line: &str) -> KubeResponse {
    let answer = match line {
        "timeout" => Err(NoAnswer::Timeout),
        "connection" => Err(NoAnswer::Connection),
        "not-sent" => Err(NoAnswer::NotSent),
        _ => {
            let (status, body) = line.split_once(' ').unwrap_or(("200", line));
            let status = status.parse().unwrap_or(200);
            let body = body.to_owned();
            Ok(KubeAnswer { status, body })
        }
    };
    let message = String::new();
    KubeResponse {
        id,
        answer,
        message,
    }
}

pub fn hook(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        black_box(consumer(text));
        black_box(provider(text));
    }
}

fn apart(text: &str) -> Vec<Vec<u8>> {
    let pieces = text.split("#NEXT\n");
    pieces.map(|piece| piece.trim_end().into()).collect()
}

pub fn conversations() -> Vec<Vec<u8>> {
    apart(include_str!("../seeds/cluster.txt"))
}

pub fn hooks() -> Vec<Vec<u8>> {
    apart(include_str!("../seeds/hooks.txt"))
}
