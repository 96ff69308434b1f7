//! `reconcile_charm_labels`: labels on an application's pods and Service, and the ledger of them.
//!
//! The ledger is the ConfigMap's `data.labels`: JSON text of the labels that were set, so that they
//! can be taken away again. At every moment it names every label that this program may have set:
//! it is widened before the first write to the StatefulSet or the Service, and narrowed after the
//! last. A run that dies in between leaves labels that the next run knows of.

use super::answer::accepted_object;
use super::ledger::{Pairs, ledger_labels, ledger_of, ledger_text, pairs};
use super::options::{Labels, Options, path};
use super::{
    Change, Conversation, Failure, KubeRequest, KubeResponse, Outcome, Progress, Remark, Step,
    code, json,
};
use crate::diagnostic::Diagnostic;
use crate::labels::label_configmap_name;
use crate::text::{Node, push_string};

const MERGE_PATCH: &str = "application/merge-patch+json";
const JSON: &str = "application/json";

const CONFIG_MAP: usize = 0;
const STATEFUL_SET: usize = 1;
const SERVICE: usize = 2;
const KINDS: [&str; 3] = ["ConfigMap", "StatefulSet", "Service"];

/// What these programs may be told.
pub(super) const OPTIONS: [&str; 7] = [
    "appName",
    "namespace",
    "labelConfigmapName",
    "labels",
    "plan",
    "dryRun",
    "fieldManager",
];

/// Starts the program; `is_removal` takes away all labels, and then the ConfigMap.
pub(super) fn start(
    options: &Options<'_>,
    is_removal: bool,
) -> Result<Box<dyn Conversation + Send>, Diagnostic> {
    let app = options.required_name("appName")?;
    let namespace = options.required_name("namespace")?;
    let config_map = match options.name("labelConfigmapName")? {
        Some(name) => name.to_owned(),
        None => label_configmap_name(app),
    };
    let wanted = match options.labels("labels")? {
        _ if is_removal => Labels::new(),
        Some(labels) => labels,
        None => {
            let message = "the option `labels` is missing";
            return Err(Diagnostic::error(code::WRONG_OPTION, message)
                .help("write `{}` to take all labels away"));
        }
    };
    Ok(Box::new(CharmLabels {
        paths: [
            path(
                "/api/v1/namespaces",
                &[namespace, "configmaps", &config_map],
            ),
            path(
                "/apis/apps/v1/namespaces",
                &[namespace, "statefulsets", app],
            ),
            path("/api/v1/namespaces", &[namespace, "services", app]),
        ],
        create_path: path("/api/v1/namespaces", &[namespace, "configmaps"]),
        names: [config_map, app.to_owned(), app.to_owned()],
        namespace: namespace.to_owned(),
        wanted,
        is_removal,
        is_plan: options.flag("plan", false)?,
        is_dry_run: options.flag("dryRun", false)?,
        field_manager: options.text("fieldManager")?.map(str::to_owned),
        found: [Found::Unread, Found::Unread, Found::Unread],
        is_asked_again: false,
        version: None,
        writes: Vec::new(),
        made: 0,
    }))
}

struct CharmLabels {
    paths: [String; 3],
    create_path: String,
    names: [String; 3],
    namespace: String,
    wanted: Labels,
    is_removal: bool,
    is_plan: bool,
    is_dry_run: bool,
    field_manager: Option<String>,
    found: [Found; 3],
    /// What seemed to be missing was asked for a second time.
    is_asked_again: bool,
    /// The ConfigMap's resourceVersion.
    version: Option<String>,
    writes: Vec<Write>,
    /// How many of them are made.
    made: usize,
}

/// What was read of an object.
enum Found {
    Unread,
    Missing,
    ConfigMap {
        /// `data.labels`
        text: Option<String>,
        labels: Pairs,
        uid: Option<String>,
    },
    /// The labels of a workload's pods, or of a Service.
    Labels(Pairs),
}

enum Action {
    CreateLedger(String),
    WriteLedger(String),
    Patch(usize, String),
    DeleteLedger(Option<String>),
}

struct Write {
    action: Action,
    phase: &'static str,
    why: String,
}

impl Conversation for CharmLabels {
    fn start(&mut self) -> Step {
        Step::Requests(self.reads(), self.progress())
    }

    fn resume(&mut self, responses: Vec<KubeResponse>) -> Step {
        let answered = match self.writes.get(self.made) {
            None => self.read(&responses),
            Some(_) => self.written(&responses).map(|()| Vec::new()),
        };
        match answered {
            Err(failure) => return Step::Failed(*failure),
            Ok(reads) if self.is_reading() => return Step::Requests(reads, self.progress()),
            Ok(_) => {}
        }
        match self.writes.get(self.made) {
            Some(write) if !self.is_plan => {
                Step::Requests(vec![self.request(write)], self.progress())
            }
            _ => Step::Done(self.outcome()),
        }
    }
}

impl CharmLabels {
    fn progress(&self) -> Progress {
        let phase = self.writes.get(self.made).map(|write| write.phase);
        Progress {
            phase: phase.unwrap_or("reading"),
            done: self.made,
            total: self.writes.len(),
        }
    }

    fn object(&self, at: usize) -> String {
        let name = self.names.get(at).map_or("", String::as_str);
        let kind = KINDS.get(at).copied().unwrap_or_default();
        format!("{kind} `{}/{name}`", self.namespace)
    }

    // === reading ===

    fn is_reading(&self) -> bool {
        let mut found = self.found.iter();
        found.any(|found| matches!(found, Found::Unread))
    }

    /// Requests for what is not read yet.
    fn reads(&self) -> Vec<KubeRequest> {
        let mut requests = Vec::new();
        for (at, found) in self.found.iter().enumerate() {
            if let (Found::Unread, Some(path)) = (found, self.paths.get(at)) {
                requests.push(KubeRequest {
                    id: u32::try_from(at + 1).unwrap_or(0)
                        + if self.is_asked_again { 3 } else { 0 },
                    method: "GET",
                    path: path.clone(),
                    query: Vec::new(),
                    content_type: None,
                    body: None,
                    why: format!("to see which labels {} has", self.object(at)),
                    retry_safe: true,
                });
            }
        }
        requests
    }

    fn read(&mut self, responses: &[KubeResponse]) -> Result<Vec<KubeRequest>, Box<Failure>> {
        for response in responses {
            let at = usize::try_from(response.id).unwrap_or(0).wrapping_sub(1) % KINDS.len();
            let name = self.names.get(at).map_or("", String::as_str);
            let found = match accepted_object(response, name) {
                Ok(document) => self.found_in(at, &document.root),
                Err(problem) if problem.status == Some(404) => Ok(Found::Missing),
                Err(problem) => Err(problem.diagnostic(&format!("read {}", self.object(at)))),
            };
            let found = found.map_err(failed)?;
            if let Some(place) = self.found.get_mut(at) {
                *place = found;
            }
        }
        if self.is_reading() {
            return Ok(Vec::new());
        }
        for at in [STATEFUL_SET, SERVICE] {
            let Some(found) = self.found.get_mut(at) else {
                continue;
            };
            if !matches!(found, Found::Missing) {
                continue;
            }
            if self.is_removal && !self.is_asked_again {
                // Without the ledger nobody knows the labels any longer, so one answer is not enough to
                // believe that there is nothing left that has them.
                *found = Found::Unread;
            } else if !self.is_removal {
                let message = format!("there is no {}; nothing was written", self.object(at));
                return Err(failed(
                    Diagnostic::error(code::NOT_FOUND, message)
                        .help("check the names of the application and its model"),
                ));
            }
        }
        if self.is_reading() {
            self.is_asked_again = true;
            return Ok(self.reads());
        }
        self.decide();
        Ok(Vec::new())
    }

    fn found_in(&mut self, at: usize, root: &Node<'_>) -> Result<Found, Diagnostic> {
        let labels = |node: Option<&Node<'_>>| {
            let labels = node
                .and_then(|node| node.get("metadata"))
                .and_then(|metadata| metadata.get("labels"));
            Found::Labels(pairs(labels))
        };
        Ok(match at {
            STATEFUL_SET => labels(root.get("spec").and_then(|spec| spec.get("template"))),
            SERVICE => labels(Some(root)),
            _ => {
                let metadata = |key: &str| {
                    let text = root.get("metadata")?.get(key)?.as_str()?;
                    Some(text.to_owned())
                };
                self.version = metadata("resourceVersion");
                let text = ledger_text(root).map_err(|what| self.invalid_ledger(what))?;
                let labels = match &text {
                    Some(text) => ledger_labels(text).map_err(|what| self.invalid_ledger(what))?,
                    None => Pairs::new(),
                };
                Found::ConfigMap {
                    text,
                    labels,
                    uid: metadata("uid"),
                }
            }
        })
    }

    fn invalid_ledger(&self, what: &str) -> Diagnostic {
        let message = format!("{what} in {}; nothing was written", self.object(CONFIG_MAP));
        Diagnostic::error(code::INVALID_LEDGER, message).help(
            "write the labels that were set into `data.labels`, as a JSON object, or delete the ConfigMap \
             when none were",
        )
    }

    // === deciding ===

    fn decide(&mut self) {
        let (exists, text, ledger, uid) = match &self.found {
            [Found::ConfigMap { text, labels, uid }, ..] => {
                (true, text.as_deref(), labels.as_slice(), uid.clone())
            }
            _ => (false, None, [].as_slice(), None),
        };
        if self.is_removal && !exists {
            return;
        }
        let mut writes = Vec::new();
        for at in [STATEFUL_SET, SERVICE] {
            if let Some(Found::Labels(current)) = self.found.get(at) {
                writes.extend(patch(at, &self.wanted, ledger, current));
            }
        }
        let is_wanted = |key: &str| self.wanted.iter().any(|(wanted, _)| wanted == key);
        let mut final_labels = Pairs::new();
        for (key, value) in &self.wanted {
            if let Some(value) = value {
                final_labels.push((key.clone(), value.clone()));
            }
        }
        let final_text = ledger_of(&final_labels);
        let mut text = text.map(str::to_owned);
        let mut widest = final_labels;
        let unknown: Vec<&str> = widest
            .iter()
            .map(|(key, _)| key.as_str())
            .filter(|key| !ledger.iter().any(|(known, _)| known == key))
            .collect();
        // A dry run keeps nothing, so that there is nothing to lose.
        if !writes.is_empty() && !unknown.is_empty() && !self.is_dry_run {
            let why = format!(
                "so that {} can be taken away again, whatever happens",
                names(&unknown)
            );
            widest.extend(ledger.iter().filter(|(key, _)| !is_wanted(key)).cloned());
            let wide_text = ledger_of(&widest);
            text = Some(wide_text.clone());
            let action = if exists {
                Action::WriteLedger(wide_text)
            } else {
                Action::CreateLedger(wide_text)
            };
            writes.insert(
                0,
                Write {
                    action,
                    phase: "ledger widened",
                    why,
                },
            );
        }
        if self.is_removal {
            writes.push(Write {
                action: Action::DeleteLedger(uid),
                phase: "ledger deleted",
                why: "no label is left to remember".to_owned(),
            });
        } else if text.as_ref() != Some(&final_text) {
            let why = "it then names the labels that are set, and no others".to_owned();
            let action = if exists || text.is_some() {
                Action::WriteLedger(final_text)
            } else {
                Action::CreateLedger(final_text)
            };
            writes.push(Write {
                action,
                phase: "ledger narrowed",
                why,
            });
        }
        self.writes = writes;
    }

    // === writing ===

    fn request(&self, write: &Write) -> KubeRequest {
        let mut query = Vec::new();
        if let Some(manager) = &self.field_manager {
            query.push(("fieldManager", manager.clone()));
        }
        if self.is_dry_run {
            query.push(("dryRun", "All".to_owned()));
        }
        let mut body = String::new();
        let at = match &write.action {
            Action::Patch(at, patch) => {
                body.push_str(patch);
                *at
            }
            Action::CreateLedger(text) => {
                body.push_str("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{");
                json::field(
                    &mut body,
                    "name",
                    self.names.first().map_or("", String::as_str),
                );
                body.push(',');
                json::field(&mut body, "namespace", &self.namespace);
                body.push_str("},\"data\":{");
                json::field(&mut body, "labels", text);
                body.push_str("}}");
                CONFIG_MAP
            }
            Action::WriteLedger(text) => {
                body.push('{');
                if let Some(version) = &self.version {
                    body.push_str("\"metadata\":{");
                    json::field(&mut body, "resourceVersion", version);
                    body.push_str("},");
                }
                body.push_str("\"data\":{");
                json::field(&mut body, "labels", text);
                body.push_str("}}");
                CONFIG_MAP
            }
            Action::DeleteLedger(uid) => {
                // A delete knows no field manager.
                query.retain(|(name, _)| *name != "fieldManager");
                body = super::manifest::delete_options(uid.as_deref(), self.version.as_deref());
                CONFIG_MAP
            }
        };
        let (method, content_type, retry_safe) = match write.action {
            // A second one would find what the first one left.
            Action::CreateLedger(_) => ("POST", JSON, false),
            Action::WriteLedger(_) => ("PATCH", MERGE_PATCH, false),
            Action::Patch(..) => ("PATCH", MERGE_PATCH, true),
            Action::DeleteLedger(_) => ("DELETE", JSON, true),
        };
        let path = if method == "POST" {
            Some(&self.create_path)
        } else {
            self.paths.get(at)
        };
        KubeRequest {
            id: if self.is_plan { 0 } else { self.write_id() },
            method,
            path: path.cloned().unwrap_or_default(),
            query,
            content_type: Some(content_type),
            body: Some(body),
            why: write.why.clone(),
            retry_safe,
        }
    }

    fn write_id(&self) -> u32 {
        // Up to six are reads.
        u32::try_from(self.made + 7).unwrap_or(u32::MAX)
    }

    fn written(&mut self, responses: &[KubeResponse]) -> Result<(), Box<Failure>> {
        let id = self.write_id();
        let (Some(response), Some(write)) = (
            responses.iter().find(|response| response.id == id),
            self.writes.get(self.made),
        ) else {
            return Ok(());
        };
        let is_delete = matches!(write.action, Action::DeleteLedger(_));
        let name = self.names.get(target(&write.action));
        match accepted_object(response, name.map_or("", String::as_str)) {
            Ok(document) => {
                let version = document
                    .root
                    .get("metadata")
                    .and_then(|metadata| metadata.get("resourceVersion"))
                    .and_then(Node::as_str);
                let is_ledger = !matches!(write.action, Action::Patch(..));
                if is_ledger {
                    self.version = version.map(str::to_owned);
                }
            }
            Err(problem) if is_delete && problem.status == Some(404) => {}
            Err(problem) => {
                let object = self.object(target(&write.action));
                let doing = if is_delete { "delete" } else { "write" };
                let unresolved = problem.may_have_worked().then(|| self.change(write));
                return Err(Box::new(Failure {
                    diagnostic: problem.diagnostic(&format!("{doing} {object}")),
                    changes: self.changes(self.made),
                    unresolved: unresolved.into_iter().collect(),
                    diagnostics: Vec::new(),
                }));
            }
        }
        self.made += 1;
        Ok(())
    }

    // === telling ===

    fn change(&self, write: &Write) -> Change {
        let at = target(&write.action);
        Change {
            action: match write.action {
                Action::CreateLedger(_) => "create",
                Action::DeleteLedger(_) => "delete",
                _ => "update",
            },
            kind: KINDS.get(at).copied().unwrap_or_default(),
            namespace: self.namespace.clone(),
            name: self.names.get(at).cloned().unwrap_or_default(),
            phase: write.phase,
            why: write.why.clone(),
            request: self.is_plan.then(|| self.request(write)),
        }
    }

    fn changes(&self, count: usize) -> Vec<Change> {
        let writes = self.writes.iter().take(count);
        writes.map(|write| self.change(write)).collect()
    }

    fn outcome(&self) -> Outcome {
        let touched = |kind: usize| {
            self.writes
                .iter()
                .any(|write| target(&write.action) == kind)
        };
        let mut unchanged = 0;
        for (kind, found) in self.found.iter().enumerate() {
            unchanged += usize::from(!matches!(found, Found::Missing) && !touched(kind));
        }
        let mut restarts = Vec::new();
        for write in &self.writes {
            if target(&write.action) == STATEFUL_SET {
                restarts.push(Remark {
                    kind: "StatefulSet",
                    namespace: self.namespace.clone(),
                    name: self.names.get(STATEFUL_SET).cloned().unwrap_or_default(),
                    why: format!(
                        "a change of the pods' template replaces the pods: {}",
                        write.why
                    ),
                });
            }
        }
        Outcome {
            unchanged,
            changes: self.changes(self.writes.len()),
            restarts,
            ..Outcome::default()
        }
    }
}

fn target(action: &Action) -> usize {
    match action {
        Action::Patch(at, _) => *at,
        _ => CONFIG_MAP,
    }
}

/// What has to be patched so that the object has the wanted labels, and none of the ledger's others.
fn patch(
    at: usize,
    wanted: &Labels,
    ledger: &[(String, String)],
    current: &Pairs,
) -> Option<Write> {
    let value_of = |key: &str| {
        let pair = current.iter().find(|(name, _)| name == key);
        pair.map(|(_, value)| value.as_str())
    };
    let (mut set, mut removed) = (Vec::new(), Vec::new());
    let mut body = String::from(if at == STATEFUL_SET {
        "{\"spec\":{\"template\":{\"metadata\":{\"labels\":{"
    } else {
        "{\"metadata\":{\"labels\":{"
    });
    let forgotten = ledger
        .iter()
        .filter(|(key, _)| !wanted.iter().any(|(name, _)| name == key))
        .map(|(key, _)| (key.as_str(), None));
    let wanted = wanted
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_deref()));
    for (key, value) in wanted.chain(forgotten) {
        if value_of(key) == value {
            continue;
        }
        if !set.is_empty() || !removed.is_empty() {
            body.push(',');
        }
        json::key(&mut body, key);
        match value {
            Some(value) => {
                push_string(&mut body, value);
                set.push(key);
            }
            None => {
                body.push_str("null");
                removed.push(key);
            }
        }
    }
    body.push_str(if at == STATEFUL_SET { "}}}}}" } else { "}}}" });
    let why = match (set.is_empty(), removed.is_empty()) {
        (true, true) => return None,
        (false, true) => format!("sets {}", names(&set)),
        (true, false) => format!("removes {}", names(&removed)),
        (false, false) => format!("sets {}, removes {}", names(&set), names(&removed)),
    };
    Some(Write {
        action: Action::Patch(at, body),
        phase: if at == STATEFUL_SET {
            "StatefulSet"
        } else {
            "Service"
        },
        why,
    })
}

fn names(keys: &[&str]) -> String {
    let mut text = String::new();
    for (at, key) in keys.iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        text.push('`');
        text.push_str(key);
        text.push('`');
    }
    text
}

fn failed(diagnostic: Diagnostic) -> Box<Failure> {
    Box::new(Failure::before_anything(diagnostic))
}
