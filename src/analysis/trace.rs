//! Why an answer is what it is: the deciding policy, or the nearest rule and what it lacked.

use super::decide::{Analysis, Outcome, Step, Why};
use super::matching::{Client, Seen, Truth, field_matches};
use super::points::{Layer, Origin};
use super::request::Request;
use super::rules::{Effect, Entry, Field, Match, Rule};
use super::verdict::Doubts;
use crate::juju::charm::clip;

/// No more values than this are listed in a sentence.
const SHOWN: usize = 6;

/// A field that did not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The field.
    pub field: Field,
    /// What the rule takes, or, where `refused`, does not take.
    pub expected: Vec<String>,
    /// The request has a value that the rule excludes.
    pub refused: bool,
    /// What the request has.
    pub actual: String,
}

/// The rule that came nearest to allowing a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// Its policy, by its place in [`super::points::Points::held`].
    pub policy: u32,
    /// Its place in `spec.rules`, from 0.
    pub rule: usize,
    /// What did not match.
    pub misses: Vec<Miss>,
}

impl Analysis {
    /// The rule of an ALLOW policy that came nearest, where none matched.
    pub fn nearest(&self, request: &Request, step: &Step) -> Option<Nearest> {
        let mut best: Option<Nearest> = None;
        self.with_seen(request, step, |seen| {
            for one in self.attached(request, step).iter() {
                let held = self.points.held.get(one.policy as usize);
                let Some(policy) = held.and_then(|held| held.at(step.layer, step.tcp)) else {
                    continue;
                };
                if policy.effect != Effect::Allow {
                    continue;
                }
                for rule in &policy.rules {
                    let Some(misses) = rule_misses(rule, seen) else {
                        continue;
                    };
                    // Of two as near the first is told: what somebody wrote comes before what istiod adds.
                    let nearer = best
                        .as_ref()
                        .is_none_or(|best| misses.len() < best.misses.len());
                    if nearer {
                        best = Some(Nearest {
                            policy: one.policy,
                            rule: rule.index,
                            misses,
                        });
                    }
                }
            }
        });
        best
    }

    /// One sentence that says why an enforcement point answers as it does.
    pub fn why(&self, request: &Request, step: &Step) -> String {
        let outcome = &step.outcome;
        match outcome.why {
            Why::Matched => format!("ALLOW policy {} matches", self.named(outcome)),
            Why::Refused => match self.origin(outcome) {
                Some(Origin::Strict) => {
                    "a PeerAuthentication demands mutual TLS, and the client has no identity".into()
                }
                _ => format!("DENY policy {} matches", self.named(outcome)),
            },
            Why::NothingAttached => {
                let (_, deny) = self.count(request, step);
                match deny {
                    0 => "no policy is attached here".into(),
                    1 => "the one DENY policy attached here does not match, and no ALLOW policy is attached".into(),
                    deny => format!("none of {deny} DENY policies matches, and no ALLOW policy is attached"),
                }
            }
            Why::NoMatch => self.miss_sentence(request, step),
            Why::BadRequest => "Envoy answers 400: the path is malformed".into(),
            Why::NoSuchPort => "the Service has no such port".into(),
            Why::Doubtful => {
                let about: Vec<&str> = outcome.doubts.iter().map(|(_, text)| text).collect();
                let policy = outcome
                    .policy
                    .map_or_else(String::new, |_| format!(" ({})", self.named(outcome)));
                format!("it depends on {}{policy}", about.join(", and on "))
            }
        }
    }

    fn origin(&self, outcome: &Outcome) -> Option<Origin> {
        let held = self.points.held.get(outcome.policy? as usize)?;
        Some(held.origin)
    }

    fn named(&self, outcome: &Outcome) -> String {
        let held = outcome
            .policy
            .and_then(|at| self.points.held.get(at as usize));
        let id = held.map_or("", |held| &held.id);
        match outcome.rule {
            Some(rule) => format!("`{}` (rules[{rule}])", clip(id)),
            None => format!("`{}`", clip(id)),
        }
    }

    /// How many ALLOW and DENY policies a layer holds.
    fn count(&self, request: &Request, step: &Step) -> (usize, usize) {
        let mut counts = (0, 0);
        for one in self.attached(request, step).iter() {
            let held = self.points.held.get(one.policy as usize);
            match held
                .and_then(|held| held.at(step.layer, step.tcp))
                .map(|policy| policy.effect)
            {
                Some(Effect::Allow) => counts.0 += 1,
                Some(Effect::Deny) => counts.1 += 1,
                _ => {}
            }
        }
        counts
    }

    fn miss_sentence(&self, request: &Request, step: &Step) -> String {
        let (allow, _) = self.count(request, step);
        let mut text = match allow {
            1 => "the one ALLOW policy attached here does not match".to_owned(),
            allow => format!("none of {allow} ALLOW policies matches"),
        };
        let Some(nearest) = self.nearest(request, step) else {
            text.push_str(&self.empty_sentence(request, step));
            return text;
        };
        let id = self
            .points
            .held
            .get(nearest.policy as usize)
            .map_or("", |held| &held.id);
        text.push_str(&format!(
            "; the nearest is rules[{}] of `{}`: ",
            nearest.rule,
            clip(id)
        ));
        let misses: Vec<String> = nearest.misses.iter().map(Miss::sentence).collect();
        text.push_str(&misses.join(", and "));
        text
    }

    /// Where no rule could ever match: why not.
    fn empty_sentence(&self, request: &Request, step: &Step) -> String {
        for one in self.attached(request, step).iter() {
            let held = self.points.held.get(one.policy as usize);
            let policy = held.and_then(|held| held.at(step.layer, step.tcp));
            let (Some(held), Some(policy)) = (held, policy) else {
                continue;
            };
            if policy.effect != Effect::Allow {
                continue;
            }
            let id = clip(&held.id);
            if let Some(dropped) = policy.dropped.first() {
                return format!(
                    ": rules[{}] of `{id}` is left out at {}, since {}",
                    dropped.index,
                    step.layer.name(),
                    dropped.why
                );
            }
            if policy.rules.is_empty() {
                return format!(": `{id}` has no rules, so it allows nothing");
            }
            if let Some(rule) = policy.rules.iter().find(|rule| rule.is_never()) {
                return format!(
                    ": rules[{}] of `{id}` never matches at {}, which reads none of what it asks",
                    rule.index,
                    step.layer.name()
                );
            }
        }
        String::new()
    }
}

/// What did not match of a rule: for each clause, of the entry that came nearest. `None` for a rule
/// that never matches.
fn rule_misses(rule: &Rule, seen: &Seen<'_>) -> Option<Vec<Miss>> {
    let mut misses = Vec::new();
    for clause in &rule.clauses {
        let of_entry = |entry: &Entry| -> Vec<Miss> {
            let failed = entry
                .matches
                .iter()
                .filter(|one| field_matches(one, seen) == Truth::No);
            failed.map(|one| miss(one, seen)).collect()
        };
        let nearest = clause.entries.iter().map(of_entry).min_by_key(Vec::len)?;
        misses.extend(nearest);
    }
    Some(misses)
}

fn miss(one: &Match, seen: &Seen<'_>) -> Miss {
    let positive = Match {
        not_values: Vec::new(),
        ..one.clone()
    };
    let refused = field_matches(&positive, seen) != Truth::No;
    let patterns = if refused {
        &one.not_values
    } else {
        &one.values
    };
    Miss {
        field: one.field.clone(),
        expected: patterns
            .iter()
            .map(super::rules::Pattern::display)
            .collect(),
        refused,
        actual: actual(&one.field, seen),
    }
}

fn actual(field: &Field, seen: &Seen<'_>) -> String {
    let ip = |ip: Option<std::net::IpAddr>| ip.map_or_else(String::new, |ip| ip.to_string());
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    match field {
        Field::Principal | Field::Namespace | Field::ServiceAccount | Field::TrustDomain => {
            match (field, seen.client) {
                (Field::Namespace, Client::Known(identity)) => identity.namespace().to_owned(),
                (Field::ServiceAccount, Client::Known(identity)) => {
                    format!("{}/{}", identity.namespace(), identity.service_account())
                }
                (_, Client::Known(identity)) => identity.principal().to_owned(),
                (_, Client::Unknown | Client::Dash) => String::new(),
            }
        }
        Field::SourceIp => ip(seen.source_ip),
        Field::RemoteIp => ip(seen.remote_ip),
        Field::DestinationIp => ip(seen.destination_ip),
        Field::Port => seen.port.map_or_else(String::new, |port| port.to_string()),
        Field::Host => text(seen.host),
        Field::Method => text(seen.method),
        Field::Path => text(seen.path.map(super::path::without_query)),
        Field::Header(name) => match name.as_str() {
            ":path" => text(seen.path),
            ":method" => text(seen.method),
            ":authority" | "host" => text(seen.host),
            _ => {
                let values = seen.headers.iter().filter(|(key, _)| key == name);
                let values: Vec<&str> = values
                    .flat_map(|(_, list)| list)
                    .map(String::as_str)
                    .collect();
                values.join("`, `")
            }
        },
        Field::Sni => seen.sni.to_owned(),
        Field::RequestPrincipal | Field::Claim(_) | Field::Metadata(_) => String::new(),
    }
}

impl Miss {
    /// "the path is `/x`, not `/a` or `/b`"
    pub fn sentence(&self) -> String {
        let mut list: Vec<String> = self
            .expected
            .iter()
            .take(SHOWN)
            .map(|text| format!("`{}`", clip(text)))
            .collect();
        if self.expected.len() > SHOWN {
            list.push(format!("{} more", self.expected.len() - SHOWN));
        }
        let list = list.join(" or ");
        let name = self.field.name();
        let has = if self.actual.is_empty() {
            match self.field {
                Field::Principal
                | Field::Namespace
                | Field::ServiceAccount
                | Field::TrustDomain => "the client has no identity".to_owned(),
                _ => format!("the request has no {name}"),
            }
        } else {
            format!("the {name} is `{}`", clip(&self.actual))
        };
        if self.refused {
            format!("{has}, which the rule excludes by {list}")
        } else {
            format!("{has}, not {list}")
        }
    }
}

/// A policy that an enforcement point considered, for a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// `NAMESPACE/NAME`
    pub id: String,
    /// `ALLOW`, `DENY` or `CUSTOM`.
    pub action: &'static str,
    /// What is in doubt about its being there.
    pub doubts: Doubts,
}

impl Analysis {
    /// The policies that an enforcement point holds for a request.
    pub fn considered(&self, request: &Request, step: &Step) -> Vec<Considered> {
        let mut considered = Vec::new();
        for one in self.attached(request, step).iter() {
            let held = self.points.held.get(one.policy as usize);
            let policy = held.and_then(|held| held.at(step.layer, step.tcp));
            // What nobody knows of is no policy that can be named.
            let held = held.filter(|held| held.origin != Origin::Undeclared);
            if let (Some(held), Some(policy)) = (held, policy) {
                considered.push(Considered {
                    id: held.id.clone(),
                    action: match policy.effect {
                        Effect::Allow => "ALLOW",
                        Effect::Deny => "DENY",
                        Effect::Custom => "CUSTOM",
                    },
                    doubts: one.doubts,
                });
            }
        }
        considered
    }

    /// Where an enforcement point is: `waypoint NAMESPACE/NAME`, `pods of NAMESPACE/NAME`.
    pub fn place(&self, request: &Request, step: &Step) -> String {
        let (super::request::Target::Service { namespace, name }
        | super::request::Target::Pod { namespace, name }) = &request.to;
        match (step.layer, step.gateway, step.workload) {
            (Layer::Waypoint, Some(at), _) => match self.mesh.gateways.get(at) {
                Some(gateway) => format!("{}/{}", gateway.namespace, gateway.name),
                None => String::new(),
            },
            (Layer::Waypoint, None, _) => format!("the waypoint of {namespace}/{name}"),
            (_, _, Some(at)) => match self.mesh.workloads.get(at) {
                Some(workload) => format!("{}/{}", workload.namespace, workload.name),
                None => String::new(),
            },
            _ => format!("pods behind {namespace}/{name}"),
        }
    }
}
