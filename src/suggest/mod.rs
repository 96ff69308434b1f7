//! What to declare so that a denied request would be allowed.
//!
//! Candidates go from the smallest change to larger ones: one more endpoint of a policy that is there, a relation, a
//! policy, both. Each is written into the files, compiled and decided anew; only one that allows the request is given.

mod candidates;

use crate::analysis::decide::Why;
use crate::analysis::request::{Request, Target};
use crate::analysis::{Analysis, Answer, Verdict};
use crate::compile::{Source, parse, read_bundles, read_charms};
use crate::juju::charm::clip;
use crate::juju::relations::{charm_of, resolve};
use crate::mesh::input::{MeshInput, is_juju, read_mesh};
use crate::text::decode_utf8;
use crate::text::insert::{Insertion, apply};
use candidates::{Party, Wanted, Writer};
use serde::Serialize;

/// No more candidates are tried: each costs a compilation.
const MAX_TRIED: usize = 48;

/// What would allow a request, or why nothing that is declared can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// Whether a change was found.
    pub possible: bool,
    /// The change, or the reason, in one lower-case sentence.
    pub text: String,
    /// What to write; empty where nothing helps. All of them together allow the request.
    pub edits: Vec<Edit>,
}

/// One change of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// The file.
    pub file: String,
    /// What is added, and to what.
    pub what: String,
    /// Where, and the text.
    #[serde(flatten)]
    pub insertion: Insertion,
}

// === impl Suggestion ===

impl Suggestion {
    /// As JSON text.
    pub fn json(&self) -> String {
        crate::text::to_json(self).unwrap_or_default()
    }

    /// As the lines that `explain` ends with.
    pub fn sentences(&self) -> String {
        let mut out = if self.possible {
            format!("\nto allow it: {}\n", self.text)
        } else {
            format!("\nno declaration allows it: {}\n", self.text)
        };
        for edit in &self.edits {
            let Insertion { line, insert, .. } = &edit.insertion;
            let place = if insert.starts_with('\n') {
                "after"
            } else {
                "in"
            };
            out.push_str(&format!("  {}, {place} line {line}:\n", edit.file));
            for line in insert.trim_matches('\n').lines() {
                out.push_str("    ");
                out.push_str(line);
                out.push('\n');
            }
        }
        out
    }
}

/// Finds the smallest change of what is declared that allows a request; `None` for one that is not denied. `analysis` is of
/// the mesh that `input` describes.
pub fn suggest(
    analysis: &Analysis,
    input: &MeshInput<'_>,
    request: &Request,
) -> Option<Suggestion> {
    let answer = analysis.decide(request);
    if answer.verdict != Verdict::Denied {
        return None;
    }
    Some(find(input, request, analysis, &answer).unwrap_or_else(Suggestion::none))
}

impl Suggestion {
    fn none(why: String) -> Suggestion {
        Suggestion {
            possible: false,
            text: why,
            edits: Vec::new(),
        }
    }
}

fn find(
    input: &MeshInput<'_>,
    request: &Request,
    analysis: &Analysis,
    answer: &Answer,
) -> Result<Suggestion, String> {
    if let Some(why) = beyond(analysis, request, answer) {
        return Err(why);
    }
    let Some(from) = &request.from else {
        return Err("a client outside the mesh has no identity, and what charms declare always names an application".into());
    };
    let mut bundles: Vec<Source<'_>> = input
        .files
        .iter()
        .filter(|one| is_juju(one))
        .copied()
        .collect();
    bundles.extend_from_slice(&input.juju.bundles);
    if bundles.is_empty() {
        return Err(
            "the mesh is not read from bundles, so there is nothing declared to change".into(),
        );
    }
    let mut unread = Vec::new();
    let bundle_documents = parse(&bundles, &mut unread);
    let charm_documents = parse(&input.juju.charms, &mut unread);
    let charms = read_charms(&charm_documents, &mut unread);
    let (names, read) = read_bundles(&bundle_documents, &mut unread);
    let models = resolve(&names, read, &charms, &mut unread);
    let find = |namespace: &str, fits: &dyn Fn(&str) -> bool| {
        let model = models.iter().find(|model| model.name == namespace)?;
        let mut applications = model.bundle.applications.iter();
        let (name, _) = applications.find(|(name, _)| fits(name))?;
        Some(Party {
            model,
            name,
            charm: charm_of(&model.bundle, &charms, name),
        })
    };
    let (Target::Service { namespace, name } | Target::Pod { namespace, name }) = &request.to;
    let is_service = matches!(request.to, Target::Service { .. });
    let headless = is_service && name.ends_with("-endpoints");
    let to = find(namespace, &|one| one == name)
        .or_else(|| {
            find(namespace, &|one| {
                name.strip_prefix(one).is_some_and(|rest| match is_service {
                    true => rest == "-endpoints",
                    false => rest.strip_prefix('-').is_some_and(is_number),
                })
            })
        })
        .ok_or_else(|| {
            format!(
                "`{}/{}` is no application of these bundles",
                clip(namespace),
                clip(name)
            )
        })?;
    let (namespace, account) = from;
    let client = find(namespace, &|one| one == account).ok_or_else(|| {
        format!(
            "`{}/{}` is no application of these bundles, and a policy's source is always one",
            clip(namespace),
            clip(account)
        )
    })?;
    let Some(charm) = to.charm else {
        return Err(format!(
            "the charm file of `{}` is not given, so nothing is known that it could declare",
            clip(to.name)
        ));
    };
    let writer = Writer {
        charms: &charms,
        bundles: &bundle_documents,
        files: &charm_documents,
        client,
        to,
        charm,
        wanted: Wanted::of(request, analysis.mesh.settings.path_normalization),
        kinds: if is_service && !headless {
            ["app", "unit"]
        } else {
            ["unit", "app"]
        },
        client_outside: answer.client_outside,
    };
    let mut why = None;
    for edits in writer.candidates().into_iter().take(MAX_TRIED) {
        match verify(input, request, &edits) {
            Ok(()) => {
                let what: Vec<&str> = edits.iter().map(|edit| edit.what.as_str()).collect();
                return Ok(Suggestion {
                    possible: true,
                    text: what.join(", and "),
                    edits,
                });
            }
            Err(reason) => why = reason.or(why),
        }
    }
    Err(why.map_or_else(
        || writer.nothing(),
        |why| format!("even with a policy for exactly this request, {why}"),
    ))
}

/// What no ALLOW policy can change: a DENY policy that matches, a request that no policy is asked about.
fn beyond(analysis: &Analysis, request: &Request, answer: &Answer) -> Option<String> {
    let asked = answer.ways.iter().filter(|way| way.asked);
    let steps = asked.flat_map(|way| &way.steps);
    let mut decisive = steps.filter(|step| {
        matches!(
            step.outcome.why,
            Why::Refused | Why::BadRequest | Why::NoSuchPort
        )
    });
    if let Some(step) = decisive.next() {
        let why = analysis.why(request, step);
        let what = match step.outcome.why {
            Why::Refused => ", and declarations only make ALLOW policies",
            _ => "",
        };
        return Some(format!("{why}{what}"));
    }
    let nothing = answer
        .ways
        .iter()
        .filter(|way| way.asked)
        .any(|way| way.verdict == Verdict::Denied && way.steps.is_empty());
    nothing.then(|| "the Service has no such port".to_owned())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Writes a candidate into the files and decides again. The error says who denies then, where it is known.
fn verify(input: &MeshInput<'_>, request: &Request, edits: &[Edit]) -> Result<(), Option<String>> {
    let lists = [&input.files, &input.juju.bundles, &input.juju.charms];
    let mut texts: Vec<(&str, String)> = Vec::new();
    for edit in edits {
        if texts.iter().any(|(file, _)| *file == edit.file) {
            continue;
        }
        let mut sources = lists.iter().flat_map(|list| list.iter());
        let source = sources.find(|source| source.file == edit.file);
        let text = source.and_then(|source| decode_utf8(source.bytes).ok());
        let here = edits.iter().filter(|one| one.file == edit.file);
        let here: Vec<&Insertion> = here.map(|one| &one.insertion).collect();
        texts.push((&edit.file, apply(text.ok_or(None)?, &here)));
    }
    let mut changed = input.clone();
    for list in [
        &mut changed.files,
        &mut changed.juju.bundles,
        &mut changed.juju.charms,
    ] {
        for source in list {
            if let Some((_, text)) = texts.iter().find(|(file, _)| *file == source.file) {
                source.bytes = text.as_bytes();
            }
        }
    }
    let (mesh, diagnostics) = read_mesh(&changed);
    if diagnostics.iter().any(|one| one.bad_input) {
        return Err(None);
    }
    let analysis = Analysis::new(mesh);
    let answer = analysis.decide(request);
    if answer.verdict == Verdict::Allowed {
        return Ok(());
    }
    let asked = answer.ways.iter().filter(|way| way.asked);
    let mut steps = asked.flat_map(|way| &way.steps);
    let denied = steps.find(|step| step.outcome.verdict != Verdict::Allowed);
    Err(denied.map(|step| {
        let (layer, place) = (step.layer.name(), analysis.place(request, step));
        format!("{layer} {place}: {}", analysis.why(request, step))
    }))
}
