//! Answers as text: a line of JSON for programs, sentences for people.

use super::decide::{Analysis, Answer, Step, Via, Way};
use super::matching::Client;
use super::points::Binding;
use super::request::{Request, Target};
use super::verdict::{Doubts, Verdict};
use crate::diagnostic::{Diagnostic, bound, code};
use crate::juju::charm::clip;
use crate::text::push_string;
use std::fmt::Write;

impl Analysis {
    /// What Istio would refuse of the mesh's policies.
    pub fn refusals(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (policy, refusals) in self.mesh.policies.iter().zip(&self.points.refused) {
            for refusal in refusals {
                let diagnostic = Diagnostic::error(
                    code::REFUSED_POLICY,
                    format!(
                        "Istio refuses the policy `{}`: {}",
                        clip(&policy.id()),
                        refusal.message
                    ),
                )
                .help(refusal.help);
                found.push(if policy.file.is_empty() {
                    diagnostic
                } else {
                    diagnostic.at(&policy.file, refusal.at)
                });
            }
        }
        bound(&mut found);
        found
    }

    /// Answers requests, one JSON object a line, by one JSON object a line. A request that cannot be
    /// read is answered by its `id` and an `error`.
    pub fn ask(&self, lines: &str) -> String {
        let mut out = String::with_capacity(lines.len() * 2);
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            match Request::read(line) {
                Ok(request) => self.write(&request, &self.decide(&request), false, &mut out),
                Err((id, message)) => {
                    out.push_str("{\"id\":");
                    out.push_str(id.as_deref().unwrap_or("null"));
                    out.push_str(",\"error\":");
                    push_string(&mut out, &message);
                    out.push('}');
                }
            }
            out.push('\n');
        }
        out
    }

    /// One answer as JSON, with all that was considered.
    pub fn trace_json(&self, request: &Request) -> String {
        let mut out = String::new();
        self.write(request, &self.decide(request), true, &mut out);
        out
    }

    fn write(&self, request: &Request, answer: &Answer, whole: bool, out: &mut String) {
        out.push_str("{\"id\":");
        out.push_str(request.id.as_deref().unwrap_or("null"));
        verdict(answer.verdict, out);
        doubts(answer.doubts, out);
        if answer.client_outside {
            out.push_str(",\"clientOutsideMesh\":true");
        }
        out.push_str(",\"ways\":[");
        for (at, way) in answer.ways.iter().enumerate() {
            comma(at, out);
            out.push_str("{\"via\":");
            push_string(out, way.via.name());
            out.push_str(",\"asked\":");
            out.push_str(if way.asked { "true" } else { "false" });
            verdict(way.verdict, out);
            if !way.doubts.is_empty() {
                doubts(way.doubts, out);
            }
            out.push_str(",\"layers\":[");
            for (at, step) in way.steps.iter().enumerate() {
                comma(at, out);
                self.write_step(request, step, whole, out);
            }
            out.push_str("]}");
        }
        out.push(']');
        if whole {
            out.push_str(",\"assumed\":[");
            for (at, text) in self.assumptions(request, answer).iter().enumerate() {
                comma(at, out);
                push_string(out, text);
            }
            out.push(']');
        }
        out.push('}');
    }

    fn write_step(&self, request: &Request, step: &Step, whole: bool, out: &mut String) {
        out.push_str("{\"layer\":");
        push_string(out, step.layer.name());
        verdict(step.outcome.verdict, out);
        if let Some(held) = step
            .outcome
            .policy
            .and_then(|at| self.points.held.get(at as usize))
        {
            out.push_str(",\"policy\":");
            push_string(out, &held.id);
        }
        if let Some(rule) = step.outcome.rule {
            // Writing to a string cannot fail.
            let _ = write!(out, ",\"rule\":{rule}");
        }
        if !step.outcome.doubts.is_empty() {
            doubts(step.outcome.doubts, out);
        }
        out.push_str(",\"why\":");
        push_string(out, &self.why(request, step));
        if whole {
            self.write_trace(request, step, out);
        }
        out.push('}');
    }

    fn write_trace(&self, request: &Request, step: &Step, out: &mut String) {
        out.push_str(",\"at\":");
        push_string(out, &self.place(request, step));
        out.push_str(",\"client\":");
        string_or_null(self.client(request, step).as_deref(), out);
        if let Some(port) = step.port {
            let _ = write!(out, ",\"port\":{port}");
        }
        out.push_str(",\"considered\":[");
        for (at, one) in self.considered(request, step).iter().enumerate() {
            comma(at, out);
            out.push_str("{\"policy\":");
            push_string(out, &one.id);
            out.push_str(",\"action\":");
            push_string(out, one.action);
            if !one.doubts.is_empty() {
                doubts(one.doubts, out);
            }
            out.push('}');
        }
        out.push(']');
        if step.outcome.why == super::decide::Why::NoMatch
            && let Some(nearest) = self.nearest(request, step)
        {
            out.push_str(",\"nearest\":{\"policy\":");
            let held = self.points.held.get(nearest.policy as usize);
            push_string(out, held.map_or("", |held| &held.id));
            let _ = write!(out, ",\"rule\":{},\"misses\":[", nearest.rule);
            for (at, miss) in nearest.misses.iter().enumerate() {
                comma(at, out);
                out.push_str("{\"field\":");
                push_string(out, &miss.field.name());
                out.push_str(if miss.refused {
                    ",\"excluded\":["
                } else {
                    ",\"expected\":["
                });
                for (at, text) in miss.expected.iter().enumerate() {
                    comma(at, out);
                    push_string(out, text);
                }
                out.push_str("],\"actual\":");
                push_string(out, &miss.actual);
                out.push('}');
            }
            out.push_str("]}");
        }
    }

    fn client(&self, request: &Request, step: &Step) -> Option<String> {
        self.with_seen(request, step, |seen| match seen.client {
            Client::Known(identity) => Some(identity.principal().to_owned()),
            Client::Unknown | Client::Dash => None,
        })
    }

    /// One answer in sentences.
    pub fn explain(&self, request: &Request) -> String {
        let answer = self.decide(request);
        let mut out = String::new();
        out.push_str(match answer.verdict {
            Verdict::Allowed => "allowed",
            Verdict::Denied => "denied",
            Verdict::Depends => "it depends",
        });
        out.push_str(": ");
        self.question(request, &mut out);
        out.push('\n');
        if answer.verdict == Verdict::Depends {
            out.push_str("  on ");
            let about: Vec<&str> = answer.doubts.iter().map(|(_, text)| text).collect();
            out.push_str(&about.join(",\n  and on "));
            out.push('\n');
        }
        if answer.client_outside {
            out.push_str("  the client's pods are known to be outside the mesh, so nobody can tell who it is\n");
        }
        for way in &answer.ways {
            self.way(request, way, &mut out);
        }
        let assumed = self.assumptions(request, &answer);
        if !assumed.is_empty() {
            out.push_str("\nassumed:\n");
            for text in assumed {
                out.push_str("  ");
                out.push_str(&text);
                out.push('\n');
            }
        }
        out
    }

    fn question(&self, request: &Request, out: &mut String) {
        match &request.from {
            Some((namespace, account)) => {
                let _ = write!(out, "{}/{}", clip(namespace), clip(account));
            }
            None => out.push_str("a client outside the mesh"),
        }
        out.push_str(" to send ");
        out.push_str(
            &request
                .method
                .as_deref()
                .map_or_else(|| "a request".into(), clip),
        );
        if let Some(path) = &request.path {
            out.push(' ');
            out.push_str(&clip(path));
        }
        out.push_str(" to ");
        match &request.to {
            Target::Service { namespace, name } => {
                let _ = write!(out, "the Service {}/{}", clip(namespace), clip(name));
            }
            Target::Pod { namespace, name } => {
                let _ = write!(out, "the pod {}/{}", clip(namespace), clip(name));
            }
        }
        if let Some(port) = request.port {
            let _ = write!(out, ", port {port}");
        }
    }

    fn way(&self, request: &Request, way: &Way, out: &mut String) {
        let verdict = match way.verdict {
            Verdict::Depends => "it depends",
            other => other.name(),
        };
        let text = match (way.via, way.asked) {
            (Via::Waypoint, _) => "through the waypoint",
            (Via::Service, _) => "straight to the Service's pods, with no waypoint between",
            (Via::Pod, true) => "to the pod's own address",
            (Via::Pod, false) => "besides, to the pods' own address, past the waypoint",
            (Via::Layer, _) => "at the one layer that was asked",
        };
        let _ = write!(out, "\n{text}: {verdict}\n");
        if way.steps.is_empty() {
            out.push_str(if way.verdict == Verdict::Denied {
                "  the Service has no such port\n"
            } else {
                "  nobody enforces anything here: the pods are outside the mesh\n"
            });
        }
        for (at, step) in way.steps.iter().enumerate() {
            let before = way.steps.iter().take(at);
            let past = before
                .clone()
                .any(|step| step.outcome.verdict == Verdict::Denied);
            let _ = write!(
                out,
                "  {}. {} {} ",
                at + 1,
                step.layer.name(),
                self.place(request, step)
            );
            if past {
                out.push_str("is not reached\n");
                continue;
            }
            match self.client(request, step) {
                Some(client) => {
                    let _ = write!(out, "sees {client}");
                }
                None => out.push_str("sees a client without identity"),
            }
            if let Some(port) = step.port {
                let _ = write!(out, " on port {port}");
            }
            out.push_str("\n     ");
            // What is in doubt says so itself.
            if step.outcome.verdict != Verdict::Depends {
                let _ = write!(out, "{}: ", step.outcome.verdict.name());
            }
            let _ = writeln!(out, "{}", self.why(request, step));
        }
    }

    /// What an answer rests on that the input does not say.
    fn assumptions(&self, request: &Request, answer: &Answer) -> Vec<String> {
        let mut assumed = self.mesh.assumptions.clone();
        let (Target::Service { namespace, name } | Target::Pod { namespace, name }) = &request.to;
        let binding = match &request.to {
            Target::Service { .. } => self
                .points
                .service(namespace, name)
                .and_then(|at| self.points.service_waypoints.get(at)),
            Target::Pod { .. } => self
                .points
                .workload(&self.mesh, namespace, name)
                .and_then(|at| self.points.workload_waypoints.get(at)),
        };
        if let Some(Binding::Unusable(why, _)) = binding {
            assumed.push(format!("{why}, so that requests go past it"));
        }
        if let Some(Binding::None) = binding
            && let Target::Service { namespace, name } = &request.to
            && let Some(at) = self.points.service(namespace, name)
            && let Some(why) = self.points.unsaid_waypoint(&self.mesh, at, |_| true)
        {
            assumed.push(format!("no waypoint is used: {why}"));
        }
        if let Some((namespace, account)) = &request.from
            && request.layer.is_none()
            && !answer.client_outside
            && self.points.of_account(namespace, account).next().is_none()
        {
            assumed.push(format!(
                "a pod that runs as {}/{} is on the mesh: the input has none",
                clip(namespace),
                clip(account)
            ));
        }
        let workloads = || {
            let steps = answer.ways.iter().flat_map(|way| &way.steps);
            steps.filter_map(|step| self.mesh.workloads.get(step.workload?))
        };
        let unsaid = workloads().any(|workload| workload.data_plane.is_none());
        if unsaid && request.layer.is_none() {
            assumed.push("pods are in the ambient mesh where the input does not say".into());
        }
        let settings = &self.mesh.settings;
        for (key, text) in [
            (
                "rootNamespace",
                format!("the root namespace is `{}`", clip(&settings.root_namespace)),
            ),
            (
                "trustDomain",
                format!("the trust domain is `{}`", clip(&settings.trust_domain)),
            ),
            (
                "autoAllowWaypoint",
                format!(
                    "istiod {} an ALLOW policy for waypoints",
                    if settings.auto_allow_waypoint {
                        "adds"
                    } else {
                        "does not add"
                    }
                ),
            ),
        ] {
            if !settings.given.contains(&key) {
                assumed.push(text);
            }
        }
        assumed
    }
}

fn comma(at: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
}

fn verdict(verdict: Verdict, out: &mut String) {
    out.push_str(",\"verdict\":\"");
    out.push_str(verdict.name());
    out.push('"');
}

fn doubts(doubts: Doubts, out: &mut String) {
    out.push_str(",\"depends\":[");
    for (at, (code, _)) in doubts.iter().enumerate() {
        comma(at, out);
        push_string(out, code);
    }
    out.push(']');
}

fn string_or_null(text: Option<&str>, out: &mut String) {
    match text {
        Some(text) => push_string(out, text),
        None => out.push_str("null"),
    }
}
