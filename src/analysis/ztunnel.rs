//! What istiod gives ztunnel of an AuthorizationPolicy: layer 4 alone.
//!
//! Sources: istio.io/istio `pilot/pkg/serviceregistry/ambient/authorization.go` (the conversion)
//! and istio/ztunnel `src/rbac.rs` (the matching), 1.31.

use super::rules::{Clause, Dropped, Effect, Entry, Field, Match, Part, Pattern, Policy, Rule};
use crate::istio::address::{Cidr, parse_port};
use crate::istio::policy::{self, Action, Attribute, AuthorizationPolicy, Condition, Text};

/// Converts a policy for ztunnel. `None` for what ztunnel does not enforce: policies with
/// `targetRefs`, AUDIT, CUSTOM, and dry-run ones.
pub fn convert(policy: &AuthorizationPolicy) -> Option<Policy> {
    // "TargetRef is not intended for ztunnel"; dry-run is not enforced.
    if !policy.targets().is_empty() || policy.is_dry_run() {
        return None;
    }
    let effect = match policy.action {
        Action::Allow => Effect::Allow,
        Action::Deny => Effect::Deny,
        // "ztunnel does not support the %s action"
        Action::Audit | Action::Custom => return None,
    };
    let mut converted = Policy {
        effect,
        rules: Vec::new(),
        asks: None,
        dropped: Vec::new(),
        unloadable: None,
    };
    for (index, rule) in policy.rules.iter().enumerate() {
        let l7 = l7_fields(rule);
        // "L7 policies never match for ALLOW": the rule is dropped whole, and the policy still
        // counts as an ALLOW policy.
        if effect == Effect::Allow
            && let Some(field) = l7.first()
        {
            converted.dropped.push(Dropped {
                index,
                why: format!("`{field}` cannot be seen at layer 4"),
            });
            continue;
        }
        let mut clauses = Vec::new();
        for (part, entries) in [(Part::To, &rule.to), (Part::From, &rule.from)] {
            if entries.is_empty() {
                continue;
            }
            let entries = entries
                .iter()
                .enumerate()
                .map(|(index, written)| entry(index, written, &policy.namespace));
            clauses.push(Clause {
                part,
                entries: filled(entries),
            });
        }
        for (at, condition) in rule.when.iter().enumerate() {
            clauses.push(Clause {
                part: Part::When(at),
                entries: filled(std::iter::once(Entry {
                    index: 0,
                    matches: when(condition),
                })),
            });
        }
        converted.rules.push(Rule {
            index,
            clauses,
            ignored: l7,
        });
    }
    Some(converted)
}

/// An entry left with nothing is an empty match, which ztunnel skips; so a clause whose entries
/// are all empty never matches.
fn filled(entries: impl Iterator<Item = Entry>) -> Vec<Entry> {
    entries.filter(|entry| !entry.matches.is_empty()).collect()
}

/// The keys of a rule that only layer 7 can see.
fn l7_fields(rule: &policy::Rule) -> Vec<String> {
    let mut keys = Vec::new();
    for list in rule
        .from
        .iter()
        .chain(&rule.to)
        .flat_map(|entry| entry.lists.iter().flatten())
    {
        let is_l7 = matches!(
            list.attribute,
            Attribute::Hosts
                | Attribute::Methods
                | Attribute::Paths
                | Attribute::RemoteIpBlocks
                | Attribute::RequestPrincipals
        );
        if is_l7 {
            keys.push(list.attribute.key(list.negated).to_owned());
        }
    }
    // `source.serviceAccount` and `source.trustDomain` count as layer 7 too.
    let l4 = [
        "source.ip",
        "source.namespace",
        "source.principal",
        "destination.ip",
        "destination.port",
    ];
    for condition in &rule.when {
        if !l4.contains(&condition.key.text.as_str()) {
            keys.push(condition.key.text.clone());
        }
    }
    keys
}

fn entry(index: usize, entry: &policy::Entry, namespace: &str) -> Entry {
    let mut matches: Vec<Match> = Vec::new();
    for list in entry.lists.iter().flatten() {
        let (field, patterns) = match list.attribute {
            Attribute::Principals => (Field::Principal, texts(&list.values)),
            Attribute::Namespaces => (Field::Namespace, texts(&list.values)),
            Attribute::ServiceAccounts => (
                Field::ServiceAccount,
                service_accounts(&list.values, namespace),
            ),
            Attribute::IpBlocks => (Field::SourceIp, addresses(&list.values)),
            Attribute::Ports => (Field::Port, ports(&list.values)),
            // Not read: trust domains; taken out of DENY rules: layer 7.
            Attribute::TrustDomains
            | Attribute::Hosts
            | Attribute::Methods
            | Attribute::Paths
            | Attribute::RemoteIpBlocks
            | Attribute::RequestPrincipals => continue,
        };
        add(&mut matches, field, list.negated, patterns);
    }
    Entry { index, matches }
}

fn when(condition: &Condition) -> Vec<Match> {
    let mut matches = Vec::new();
    for (negated, values) in [(false, &condition.values), (true, &condition.not_values)] {
        let (field, patterns) = match condition.key.text.as_str() {
            "source.ip" => (Field::SourceIp, addresses(values)),
            "source.namespace" => (Field::Namespace, texts(values)),
            "source.principal" => (Field::Principal, texts(values)),
            "destination.ip" => (Field::DestinationIp, addresses(values)),
            "destination.port" => (Field::Port, ports(values)),
            _ => continue,
        };
        add(&mut matches, field, negated, patterns);
    }
    matches
}

/// Adds a list to a field's match. A list of which no value could be read is no list.
#[inline(never)]
pub(super) fn add(matches: &mut Vec<Match>, field: Field, negated: bool, patterns: Vec<Pattern>) {
    if patterns.is_empty() {
        return;
    }
    let at = match matches.iter().position(|one| one.field == field) {
        Some(at) => at,
        None => {
            matches.push(Match {
                field,
                values: Vec::new(),
                not_values: Vec::new(),
            });
            matches.len() - 1
        }
    };
    if let Some(one) = matches.get_mut(at) {
        let list = if negated {
            &mut one.not_values
        } else {
            &mut one.values
        };
        list.extend(patterns);
    }
}

/// `*` is presence, which at ztunnel means not empty.
fn texts(values: &[Text]) -> Vec<Pattern> {
    values
        .iter()
        .map(|value| Pattern::text(&value.text, Pattern::NotEmpty))
        .collect()
}

/// A service account without a namespace is one of the policy's own.
#[inline(never)]
pub(super) fn service_accounts(values: &[Text], namespace: &str) -> Vec<Pattern> {
    values
        .iter()
        .map(|value| {
            let (namespace, name) = value
                .text
                .split_once('/')
                .unwrap_or((namespace, &value.text));
            Pattern::ServiceAccount {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            }
        })
        .collect()
}

/// IP blocks that do not parse are dropped from the list.
#[inline(never)]
pub(super) fn addresses(values: &[Text]) -> Vec<Pattern> {
    values
        .iter()
        .filter_map(|value| Cidr::parse(&value.text).map(Pattern::Cidr))
        .collect()
}

/// Ports that do not parse are dropped from the list.
#[inline(never)]
pub(super) fn ports(values: &[Text]) -> Vec<Pattern> {
    values
        .iter()
        .filter_map(|value| parse_port(&value.text).map(Pattern::Port))
        .collect()
}
