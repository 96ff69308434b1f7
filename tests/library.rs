//! The published Python library's recorded answers (`tests/conformance`), those that need no cluster. `tests/conformance/run.mjs`
//! is stricter, and asks the library anew; this one needs nothing but the recordings.

#![expect(clippy::expect_used, reason = "a failing test panics")]

use mesh_policy::conformance;
use serde_json::{Value, json};
use std::process::Command;

/// Each request as it was written, and the answer.
fn recorded(file: &str) -> Vec<(String, Value)> {
    let path = format!("{}/tests/conformance/{file}", env!("CARGO_MANIFEST_DIR"));
    let unzipped = Command::new("gzip").args(["-dc", &path]).output();
    let unzipped = unzipped.expect("gzip is installed");
    assert!(unzipped.status.success(), "`{path}` cannot be read");
    let text = String::from_utf8(unzipped.stdout).expect("UTF-8");
    let pairs = text.lines().map(|line| {
        // A `"` in a text is written with a backslash before it.
        let pair = line.strip_prefix("{\"request\":").expect("a request");
        let (request, response) = pair.split_once(",\"response\":").expect("an answer");
        let response = response.strip_suffix('}').expect("the end");
        let response = serde_json::from_str(response).expect("JSON");
        (request.to_owned(), response)
    });
    pairs.collect()
}

/// What may be refused, or is compared otherwise.
fn is_for_others(request: &Value, answer: &Value) -> bool {
    let has = |tag: &str| {
        let mut tags = request["tags"].as_array().into_iter().flatten();
        tags.any(|one| one == tag)
    };
    let op = request["op"].as_str().unwrap_or_default();
    // Where the cluster made the library fail, it did not come to the databags.
    let failed_in_cluster =
        op == "consumer_databag" && answer.get("error").is_some() && answer["calls"] != json!([]);
    has("bigint") || has("unicode-version") || op.starts_with("reconcile") || failed_in_cluster
}

/// What is compared of an error: its type; of validation the types and places of all.
fn essence(error: &Value) -> (Value, Vec<(Value, Value)>) {
    let errors = error["errors"].as_array();
    let list = errors.into_iter().flatten();
    let list = list.map(|one| (one["type"].clone(), one["loc"].clone()));
    (error["type"].clone(), list.collect())
}

fn agree(theirs: &Value, ours: &Value) -> bool {
    match (theirs.get("error"), theirs.get("ok")) {
        // Where the library raises, a refusal says as much.
        (Some(_), _) if ours.get("refused").is_some() => true,
        (Some(error), _) => ours.get("error").map(essence) == Some(essence(error)),
        (None, Some(Value::Object(members))) => {
            let Some(Value::Object(others)) = ours.get("ok") else {
                return false;
            };
            // Some members are answers themselves.
            let same = |(name, value): (&String, &Value)| match others.get(name) {
                Some(other) if value.get("error").is_some() => agree(value, other),
                other => other == Some(value),
            };
            members.len() == others.len() && members.iter().all(same)
        }
        (None, ok) => ours.get("ok") == ok,
    }
}

#[track_caller]
fn answers_as_the_library_does(file: &str, at_least: usize) {
    let mut compared = 0;
    for (request, theirs) in recorded(file) {
        let what = serde_json::from_str(&request).expect("JSON");
        if is_for_others(&what, &theirs) {
            continue;
        }
        let ours = conformance::answer(&request);
        let read = serde_json::from_str(&ours).expect("JSON");
        assert!(
            agree(&theirs, &read),
            "asked {request}\nthe library said {theirs}\nours is {ours}"
        );
        compared += 1;
    }
    assert!(compared >= at_least, "only {compared} were compared");
}

#[test]
fn to_what_charms_ask() {
    answers_as_the_library_does("corpus.jsonl.gz", 2_500);
}

#[test]
fn to_hostile_requests() {
    answers_as_the_library_does("hostile.jsonl.gz", 1_900);
}
