//! `PolicyResourceManager`: the policies of a manager, found by their labels, made as they should be.

use super::delivery::{Delivery, Manner, PLURAL, ROOT};
use super::list::{Listing, Page, items};
use super::manifest::{self, Manifest};
use super::options::{Labels, Options, path, selector};
use super::order::{Attachment, Write, arrange};
use super::{Conversation, Failure, KubeResponse, Outcome, Progress, Step, code, compare};
use crate::diagnostic::{self, Diagnostic};
use crate::istio::{KIND, build_policy_resources_istio};
use crate::juju::charm::describe;
use crate::model::validate_mesh_policy;
use crate::text::{Node, parse_json};

/// What these programs may be told.
pub(super) const OPTIONS: [&str; 16] = [
    "appName",
    "modelName",
    "labels",
    "namespace",
    "fieldManager",
    "force",
    "dryRun",
    "ignoreMissing",
    "plan",
    "allOrNothing",
    "prune",
    "keep",
    "meshType",
    "policies",
    "rawPolicies",
    "pageSize",
];

/// Starts the program; `is_deletion` wants no policy at all.
pub(super) fn start(
    options: &Options<'_>,
    is_deletion: bool,
) -> Result<Box<dyn Conversation + Send>, Diagnostic> {
    let app = options.required_text("appName")?;
    let model = options.required_text("modelName")?;
    // Without labels, all policies of the cluster would be taken for the manager's own, and deleted.
    let labels = options
        .labels("labels")?
        .filter(|labels| !labels.is_empty());
    let Some(labels) = labels else {
        let message =
            "the option `labels` is missing or empty: it tells which policies are managed";
        return Err(Diagnostic::error(code::LABELS_REQUIRED, message)
            .help("pass for example what `createCharmDefaultLabels` returns"));
    };
    let namespace = options.name("namespace")?;
    let list_path = match namespace {
        Some(namespace) => path(ROOT, &["namespaces", namespace, PLURAL]),
        None => path(ROOT, &[PLURAL]),
    };
    let field_manager = options.text("fieldManager")?;
    let listing = Listing::new(
        KIND,
        list_path,
        Some(selector(&labels)?),
        options.page_size()?,
    );
    let mut policies = Policies {
        manner: Manner {
            field_manager: field_manager.unwrap_or_default().to_owned(),
            force: options.flag("force", true)?,
            is_dry_run: options.flag("dryRun", false)?,
            ignore_missing: options.flag("ignoreMissing", true)?,
        },
        is_plan: options.flag("plan", false)?,
        all_or_nothing: options.flag("allOrNothing", false)?,
        prunes: options.flag("prune", true)?,
        labels: labels.clone(),
        listing,
        next_id: 1,
        wanted: Vec::new(),
        kept: Vec::new(),
        seen: Vec::new(),
        writes: Vec::new(),
        covered: Vec::new(),
        unchanged: 0,
        diagnostics: Vec::new(),
        delivery: None,
    };
    if !is_deletion {
        policies.kept = options.objects("keep")?;
        policies.want(options, app, model, &labels)?;
        policies.limit_to(namespace);
    }
    policies.seen = vec![false; policies.wanted.len()];
    Ok(Box::new(policies))
}

fn is_kept(kept: &[(String, String)], namespace: &str, name: &str) -> bool {
    kept.binary_search_by(|(space, known)| (space.as_str(), known.as_str()).cmp(&(namespace, name)))
        .is_ok()
}

struct Policies {
    manner: Manner,
    is_plan: bool,
    all_or_nothing: bool,
    /// What is managed and not wanted is deleted.
    prunes: bool,
    /// What managed policies carry, and are listed by.
    labels: Labels,
    listing: Listing,
    next_id: u32,
    /// Sorted by namespace and name, each once.
    wanted: Vec<Manifest>,
    /// Namespaces and names, sorted, of those that stay as they are.
    kept: Vec<(String, String)>,
    /// Which of them exist.
    seen: Vec<bool>,
    writes: Vec<Write>,
    /// Targets of ALLOW policies that are as they should be.
    covered: Vec<String>,
    unchanged: usize,
    diagnostics: Vec<Diagnostic>,
    delivery: Option<Delivery>,
}

impl Policies {
    // === what is wanted ===

    fn want(
        &mut self,
        options: &Options<'_>,
        app: &str,
        model: &str,
        labels: &Labels,
    ) -> Result<(), Diagnostic> {
        if let Some(mesh) = options.text("meshType")?
            && mesh != "istio"
        {
            let message = format!("there is no mesh type `{mesh}`");
            return Err(Diagnostic::error(code::WRONG_OPTION, message).help("write `istio`"));
        }
        let mut mesh_policies = Vec::new();
        for node in options.list("policies")? {
            match validate_mesh_policy(node) {
                Ok(policy) => mesh_policies.push(policy),
                Err(errors) => {
                    let errors: Vec<String> = errors.iter().map(describe).collect();
                    let message = format!("a MeshPolicy is not valid: {}", errors.join("; "));
                    self.drop(Diagnostic::error(diagnostic::code::INVALID_POLICY, message));
                }
            }
        }
        let built = build_policy_resources_istio(app, model, &mesh_policies);
        for (policy, resource) in mesh_policies.iter().zip(built) {
            match resource.map(|resource| manifest::built(resource, labels)) {
                Some(Ok(manifest)) => self.wanted.push(manifest),
                Some(Err(diagnostic)) => self.drop(diagnostic),
                None => self.drop(
                    Diagnostic::error(
                        diagnostic::code::L7_UNIT_POLICY,
                        format!(
                            "the unit policy from `{}` to `{}` asks for methods, paths or hosts and is not made",
                            policy.source_app_name,
                            policy.target_app_name.as_deref().unwrap_or("pods with labels"),
                        ),
                    )
                    .help("a unit policy is enforced by ztunnel, which sees ports only: use an app policy"),
                ),
            }
        }
        for node in options.list("rawPolicies")? {
            match manifest::raw(node, model, labels) {
                Ok(manifest) => self.wanted.push(manifest),
                Err(diagnostic) => self.drop(diagnostic),
            }
        }
        // Of two with one name the library applies one after the other, so that the last one stays.
        crate::order::sort_by(&mut self.wanted, |left, right| key(left).cmp(&key(right)));
        let mut wanted: Vec<Manifest> = Vec::with_capacity(self.wanted.len());
        for manifest in std::mem::take(&mut self.wanted) {
            match wanted.last_mut().filter(|last| key(last) == key(&manifest)) {
                Some(last) => {
                    if last.body != manifest.body {
                        let message = format!(
                            "there are two different policies `{}/{}`: the last one is taken",
                            manifest.namespace, manifest.name
                        );
                        self.diagnostics
                            .push(Diagnostic::warning(code::REPEATED_POLICY, message));
                    }
                    *last = manifest;
                }
                None => wanted.push(manifest),
            }
        }
        let kept = &self.kept;
        wanted.retain(|manifest| !is_kept(kept, &manifest.namespace, &manifest.name));
        self.wanted = wanted;
        Ok(())
    }

    fn drop(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic.dropped());
    }

    fn limit_to(&mut self, namespace: Option<&str>) {
        let Some(namespace) = namespace else {
            return;
        };
        let before = self.wanted.len();
        self.wanted
            .retain(|manifest| manifest.namespace == namespace);
        let others = before - self.wanted.len();
        if others > 0 {
            let message =
                format!("{others} policies are outside of namespace `{namespace}` and left alone");
            self.diagnostics
                .push(Diagnostic::note(code::OTHER_NAMESPACE, message));
        }
    }

    // === what there is ===

    fn listed(&mut self, response: &KubeResponse) -> Result<bool, Diagnostic> {
        let (document, is_last) = match self.listing.take(response) {
            Ok(Page::Objects(document, is_last)) => (document, is_last),
            Ok(Page::Restarted) => {
                self.seen.fill(false);
                self.writes.clear();
                self.covered.clear();
                self.unchanged = 0;
                return Ok(false);
            }
            Err(error) => {
                if error.is_missing_kind() {
                    if self.wanted.is_empty() && self.manner.ignore_missing {
                        return Ok(true);
                    }
                    let message =
                        format!("the cluster does not know {KIND} of security.istio.io/v1");
                    return Err(Diagnostic::error(code::MISSING_CRD, message)
                        .help("install Istio, or at least its CustomResourceDefinitions, first"));
                }
                return Err(error.diagnostic(self.listing.kind));
            }
        };
        let is_list = items(&document)
            .is_some_and(|items| items.iter().all(|item| self.found(item).is_some()));
        if !is_list {
            let message = format!(
                "cannot list {KIND}: what came back is no list of objects with the labels asked for"
            );
            return Err(Diagnostic::error(code::UNREADABLE, message)
                .help("check that the address is that of an API server"));
        }
        Ok(is_last)
    }

    /// Takes note of an object that exists.
    fn found(&mut self, live: &Node<'_>) -> Option<()> {
        let metadata = live.get("metadata")?;
        let text = |key: &str| metadata.get(key).and_then(Node::as_str);
        let (name, namespace) = (text("name")?, text("namespace")?);
        let before = Attachment::of(live, namespace);
        if is_kept(&self.kept, namespace, name) {
            self.unchanged += 1;
            self.covered.extend_from_slice(before.covers());
            return Some(());
        }
        let sought = self
            .wanted
            .binary_search_by(|manifest| key(manifest).cmp(&(namespace, name)));
        if sought.is_err() && !self.prunes {
            self.covered.extend_from_slice(before.covers());
            return Some(());
        }
        let Ok(at) = sought else {
            // Nothing is deleted that is not known to be managed, whatever a server answers.
            if !self.is_managed(live) {
                return None;
            }
            self.writes.push(Write {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                body: manifest::delete_options(text("uid"), text("resourceVersion")),
                why: "it is not wanted any longer".to_owned(),
                before: Some(before),
                ..Write::default()
            });
            return Some(());
        };
        let manifest = self.wanted.get(at)?;
        if let Some(seen) = self.seen.get_mut(at) {
            *seen = true;
        }
        // What this program wrote itself can be read.
        let document = parse_json(&manifest.body).ok()?;
        match compare::difference(&document.root, live, &self.manner.field_manager) {
            None => {
                self.unchanged += 1;
                self.covered.extend_from_slice(before.covers());
            }
            Some(difference) => self.writes.push(Write {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                body: manifest.body.clone(),
                why: difference,
                before: Some(before),
                after: Some(Attachment::of(&document.root, namespace)),
                ..Write::default()
            }),
        }
        Some(())
    }

    fn is_managed(&self, live: &Node<'_>) -> bool {
        let kind = live.get("kind").and_then(Node::as_str);
        let labels = live.get("metadata").and_then(|node| node.get("labels"));
        kind.is_none_or(|kind| kind == KIND)
            && self.labels.iter().all(|(key, value)| {
                let found = labels.and_then(|labels| labels.get(key)?.as_str());
                found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
            })
    }

    // === what is to be done ===

    fn decide(&mut self) {
        for (manifest, seen) in self.wanted.iter().zip(&self.seen) {
            let document = parse_json(&manifest.body).ok();
            if let Some(document) = document.filter(|_| !seen) {
                self.writes.push(Write {
                    namespace: manifest.namespace.clone(),
                    name: manifest.name.clone(),
                    body: manifest.body.clone(),
                    why: "it is wanted and does not exist".to_owned(),
                    after: Some(Attachment::of(&document.root, &manifest.namespace)),
                    ..Write::default()
                });
            }
        }
        let (writes, circular) = arrange(std::mem::take(&mut self.writes));
        self.tell_circles(&writes, &circular);
        let covered = std::mem::take(&mut self.covered);
        let manner = self.manner.clone();
        self.delivery = Some(Delivery::new(manner, writes, covered, self.next_id));
    }

    /// Names the updates that leave a target which nothing covers at that moment.
    fn tell_circles(&mut self, writes: &[Write], circular: &[usize]) {
        if circular.is_empty() {
            return;
        }
        let mut covered: Vec<&str> = self.covered.iter().map(String::as_str).collect();
        for write in writes.iter().filter(|write| write.losses().is_empty()) {
            let after = write.after.iter().flat_map(|after| after.covers());
            covered.extend(after.map(String::as_str));
        }
        crate::order::sort(&mut covered);
        for write in circular.iter().filter_map(|&at| writes.get(at)) {
            for target in write.losses() {
                if covered.binary_search(&target).is_err() {
                    let message = format!(
                        "while `{}/{}` is updated, `{target}` has no ALLOW policy for a moment, and is open",
                        write.namespace, write.name
                    );
                    self.diagnostics.push(
                        Diagnostic::warning(code::UNCOVERED_TARGET, message)
                            .help("give one of the policies that swap their targets another name"),
                    );
                }
            }
        }
    }

    fn next(&mut self) -> Step {
        let Some(delivery) = &mut self.delivery else {
            let request = self.listing.request(self.next_id);
            self.next_id = self.next_id.saturating_add(1);
            return Step::Requests(vec![request], reading());
        };
        let outcome = |changes: Vec<_>, diagnostics: &mut Vec<_>, unchanged: usize| {
            Step::Done(Outcome {
                unchanged,
                changes,
                diagnostics: std::mem::take(diagnostics),
                ..Outcome::default()
            })
        };
        if self.is_plan {
            return outcome(delivery.plan(), &mut self.diagnostics, self.unchanged);
        }
        if let Some(requests) = delivery.next() {
            return Step::Requests(requests, delivery.progress());
        }
        let mut problems = delivery.problems().into_iter();
        match problems.next() {
            None => outcome(delivery.made(), &mut self.diagnostics, self.unchanged),
            Some(diagnostic) => {
                let mut diagnostics: Vec<Diagnostic> = problems.collect();
                diagnostics.append(&mut self.diagnostics);
                Step::Failed(Failure {
                    diagnostic,
                    changes: delivery.made(),
                    unresolved: delivery.unresolved(),
                    diagnostics,
                })
            }
        }
    }

    fn fail(&mut self, diagnostic: Diagnostic) -> Step {
        Step::Failed(Failure {
            diagnostic,
            changes: Vec::new(),
            unresolved: Vec::new(),
            diagnostics: std::mem::take(&mut self.diagnostics),
        })
    }
}

impl Conversation for Policies {
    fn start(&mut self) -> Step {
        let dropped = self
            .diagnostics
            .iter()
            .position(|diagnostic| diagnostic.dropped);
        if let Some(at) = dropped.filter(|_| self.all_or_nothing) {
            let first = self.diagnostics.remove(at);
            return self.fail(first);
        }
        if !self.wanted.is_empty() && self.manner.field_manager.is_empty() {
            let message = "the option `fieldManager` is missing";
            return self.fail(
                Diagnostic::error(code::WRONG_OPTION, message)
                    .help("server-side apply needs to know who applies: name the application"),
            );
        }
        self.next()
    }

    fn resume(&mut self, responses: Vec<KubeResponse>) -> Step {
        for response in &responses {
            if let Some(delivery) = &mut self.delivery {
                delivery.take(response);
                continue;
            }
            match self.listed(response) {
                Err(diagnostic) => return self.fail(diagnostic),
                Ok(true) => self.decide(),
                Ok(false) => {}
            }
        }
        self.next()
    }
}

fn key(manifest: &Manifest) -> (&str, &str) {
    (&manifest.namespace, &manifest.name)
}

fn reading() -> Progress {
    Progress {
        phase: "reading",
        ..Progress::default()
    }
}
