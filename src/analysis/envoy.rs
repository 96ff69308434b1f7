//! What istiod gives Envoy, in a waypoint or a sidecar, of an AuthorizationPolicy.
//!
//! Source: istio.io/istio `pilot/pkg/security/authz/{builder,model,matcher}` and
//! `pilot/pkg/security/trustdomain`, 1.31.

use super::rules::{
    Clause, Dropped, Effect, Entry, Field, Match, Part, Pattern, Policy, Rule, Segment,
};
use super::ztunnel::{add, addresses, ports, service_accounts};
use crate::istio::policy::{self, Action, Attribute, AuthorizationPolicy, Text};
use crate::istio::validation::{is_literal, is_template};

/// What the conversion depends on beside the policy.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The mesh's trust domain.
    pub trust_domain: &'a str,
    /// Its aliases.
    pub aliases: &'a [String],
    /// The port speaks TCP, not HTTP.
    pub tcp: bool,
}

/// Converts a policy for Envoy. `None` for AUDIT and dry-run, which enforce nothing.
pub fn convert(policy: &AuthorizationPolicy, context: Context<'_>) -> Option<Policy> {
    if policy.is_dry_run() {
        return None;
    }
    let effect = match policy.action {
        Action::Allow => Effect::Allow,
        Action::Deny => Effect::Deny,
        Action::Custom => Effect::Custom,
        Action::Audit => return None,
    };
    let mut converter = Converter::new(policy, context, effect);
    let mut converted = Policy {
        effect,
        rules: Vec::new(),
        asks: (policy.action == Action::Custom)
            .then(|| policy.provider.clone())
            .flatten(),
        dropped: Vec::new(),
        unloadable: None,
    };
    for (index, rule) in policy.rules.iter().enumerate() {
        match converter.rule(index, rule) {
            Ok(rule) => converted.rules.push(rule),
            // "Return the error as-is for allow policy": the rule is left out.
            Err(why) => converted.dropped.push(Dropped { index, why }),
        }
    }
    converted.unloadable = converter.unloadable;
    Some(converted)
}

struct Converter<'a> {
    context: Context<'a>,
    effect: Effect,
    namespace: &'a str,
    ignored: Vec<String>,
    unloadable: Option<String>,
}

/// Why Envoy refuses the configuration that a policy becomes, if it does. AUDIT and dry-run policies
/// enforce nothing and still are part of it.
pub fn unloadable(policy: &AuthorizationPolicy, context: Context<'_>) -> Option<String> {
    let effect = match policy.action {
        Action::Allow => Effect::Allow,
        Action::Deny | Action::Custom | Action::Audit => Effect::Deny,
    };
    let mut converter = Converter::new(policy, context, effect);
    for (index, rule) in policy.rules.iter().enumerate() {
        // What is left out is not part of it either.
        let _ = converter.rule(index, rule);
    }
    converter.unloadable
}

impl<'a> Converter<'a> {
    fn new(policy: &'a AuthorizationPolicy, context: Context<'a>, effect: Effect) -> Self {
        Converter {
            context,
            effect,
            namespace: &policy.namespace,
            ignored: Vec::new(),
            unloadable: None,
        }
    }
}

impl Converter<'_> {
    fn rule(&mut self, index: usize, rule: &policy::Rule) -> Result<Rule, String> {
        let before = self.unloadable.clone();
        let made = self.make(index, rule);
        if made.is_err() {
            self.unloadable = before;
        }
        made
    }

    fn make(&mut self, index: usize, rule: &policy::Rule) -> Result<Rule, String> {
        self.ignored.clear();
        if self.effect == Effect::Allow {
            // One list that cannot be generated drops the rule: nothing of it need be converted.
            let entries = rule.from.iter().chain(&rule.to);
            for list in entries.flat_map(|entry| entry.lists.iter().flatten()) {
                self.visible(list.attribute)?;
            }
        }
        let mut clauses = Vec::new();
        for (part, written) in [(Part::From, &rule.from), (Part::To, &rule.to)] {
            let mut entries = Vec::with_capacity(written.len());
            for (index, written) in written.iter().enumerate() {
                let mut matches = Vec::new();
                for list in written.lists.iter().flatten() {
                    let key = list.attribute.key(list.negated);
                    let found = self.list(list.attribute, &list.values);
                    self.take(&mut matches, key, list.negated, found)?;
                }
                entries.push(Entry { index, matches });
            }
            push(&mut clauses, part, entries);
        }
        for (at, condition) in rule.when.iter().enumerate() {
            let mut matches = Vec::new();
            for (negated, values) in [(false, &condition.values), (true, &condition.not_values)] {
                if values.is_empty() {
                    continue;
                }
                let found = self.condition(&condition.key.text, values);
                self.take(&mut matches, &condition.key.text, negated, found)?;
            }
            push(
                &mut clauses,
                Part::When(at),
                vec![Entry { index: 0, matches }],
            );
        }
        Ok(Rule {
            index,
            clauses,
            ignored: std::mem::take(&mut self.ignored),
        })
    }

    /// In an ALLOW rule, a value that cannot be generated drops the rule; in a DENY (or CUSTOM)
    /// rule it drops only that value, so that the rule matches more.
    #[inline(never)]
    fn take(
        &mut self,
        matches: &mut Vec<Match>,
        key: &str,
        negated: bool,
        found: Result<(Field, Vec<Pattern>), String>,
    ) -> Result<(), String> {
        match found {
            Ok((field, patterns)) => add(matches, field, negated, patterns),
            Err(why) if self.effect == Effect::Allow => return Err(why),
            Err(_) => self.ignored.push(key.to_owned()),
        }
        Ok(())
    }

    #[inline(never)]
    fn list(
        &mut self,
        attribute: Attribute,
        values: &[Text],
    ) -> Result<(Field, Vec<Pattern>), String> {
        self.visible(attribute)?;
        Ok(match attribute {
            Attribute::Principals => (Field::Principal, self.principals(values)),
            Attribute::Namespaces => (Field::Namespace, namespaces(values)),
            Attribute::ServiceAccounts => (
                Field::ServiceAccount,
                service_accounts(values, self.namespace),
            ),
            Attribute::TrustDomains => (Field::TrustDomain, self.trust_domains(values)),
            Attribute::IpBlocks => (Field::SourceIp, addresses(values)),
            Attribute::RemoteIpBlocks => (Field::RemoteIp, addresses(values)),
            Attribute::Ports => (Field::Port, ports(values)),
            Attribute::RequestPrincipals => (Field::RequestPrincipal, tokens(values)),
            Attribute::Hosts => (Field::Host, texts(values, &Pattern::Present)),
            Attribute::Methods => (Field::Method, texts(values, &Pattern::Present)),
            Attribute::Paths => (Field::Path, self.paths(values)),
        })
    }

    #[inline(never)]
    fn condition(&mut self, key: &str, values: &[Text]) -> Result<(Field, Vec<Pattern>), String> {
        Ok(match key {
            "destination.ip" => (Field::DestinationIp, addresses(values)),
            "destination.port" => (Field::Port, ports(values)),
            "connection.sni" => (Field::Sni, texts(values, &Pattern::NotEmpty)),
            "source.ip" => (Field::SourceIp, addresses(values)),
            "remote.ip" => (Field::RemoteIp, addresses(values)),
            "source.namespace" => (Field::Namespace, namespaces(values)),
            "source.trustDomain" => (Field::TrustDomain, self.trust_domains(values)),
            "source.serviceAccount" => (
                Field::ServiceAccount,
                service_accounts(values, self.namespace),
            ),
            "source.principal" => (Field::Principal, self.principals(values)),
            "request.auth.principal" => {
                self.http(key)?;
                (Field::RequestPrincipal, tokens(values))
            }
            "request.auth.audiences" | "request.auth.presenter" => {
                self.http(key)?;
                let claim = if key.ends_with("presenter") {
                    "azp"
                } else {
                    "aud"
                };
                (
                    Field::Claim(vec![claim.to_owned()]),
                    texts(values, &Pattern::NotEmpty),
                )
            }
            _ => {
                if let Some(rest) = key.strip_prefix("request.headers") {
                    self.http(key)?;
                    // `request.headersX[a]` passes validation and cannot be generated.
                    let name = in_brackets(rest)?;
                    (
                        Field::Header(name.to_ascii_lowercase()),
                        texts(values, &Pattern::Present),
                    )
                } else if let Some(rest) = key.strip_prefix("request.auth.claims") {
                    self.http(key)?;
                    (
                        Field::Claim(nested_brackets(rest)?),
                        texts(values, &Pattern::NotEmpty),
                    )
                } else if key.starts_with("experimental.envoy.filters.") {
                    if !key.contains('[') {
                        return Err(format!("`{key}` has no key in brackets"));
                    }
                    (Field::Metadata(key.to_owned()), metadata(values))
                } else {
                    return Err(format!("`{key}` is no attribute"));
                }
            }
        })
    }

    /// On a TCP port, most lists cannot be seen.
    fn visible(&self, attribute: Attribute) -> Result<(), String> {
        match attribute {
            Attribute::RequestPrincipals => self.http("request principals"),
            Attribute::Hosts => self.http("hosts"),
            Attribute::Methods => self.http("methods"),
            Attribute::Paths => self.http("paths"),
            _ => Ok(()),
        }
    }

    /// On a TCP port, layer 7 cannot be generated.
    fn http(&self, what: &str) -> Result<(), String> {
        if self.context.tcp {
            Err(format!("`{what}` cannot be seen on a TCP port"))
        } else {
            Ok(())
        }
    }

    #[inline(never)]
    fn paths(&mut self, values: &[Text]) -> Vec<Pattern> {
        let mut patterns = Vec::with_capacity(values.len());
        for value in values {
            if !is_template(&value.text) {
                patterns.push(Pattern::text(&value.text, Pattern::NotEmpty));
                continue;
            }
            match template(&value.text) {
                Some(segments) => patterns.push(Pattern::Template(segments)),
                None => {
                    self.unloadable.get_or_insert_with(|| value.text.clone());
                }
            }
        }
        patterns
    }

    #[inline(never)]
    fn principals(&self, values: &[Text]) -> Vec<Pattern> {
        let mut patterns = Vec::with_capacity(values.len());
        for value in values {
            self.with_aliases(&value.text, &mut |principal| {
                patterns.push(Pattern::text(principal, Pattern::NotEmpty));
            });
        }
        patterns
    }

    /// A principal of the mesh's trust domain, of an alias, or of `cluster.local`, which stands for
    /// both, is one of each of them.
    fn with_aliases(&self, principal: &str, add: &mut dyn FnMut(&str)) {
        let parts: Vec<&str> = principal.split('/').collect();
        let [domain, a, b, c, d] = parts.as_slice() else {
            add(principal);
            return;
        };
        let domains = || {
            std::iter::once(self.context.trust_domain)
                .chain(self.context.aliases.iter().map(String::as_str))
        };
        let known = *domain == "cluster.local" || domains().any(|one| alike(domain, one));
        if *domain == "*" || !known {
            add(principal);
            return;
        }
        let mut kept = false;
        for one in domains() {
            if ends_as(one, domain) {
                if !std::mem::replace(&mut kept, true) {
                    add(principal);
                }
            } else {
                add(&[one, a, b, c, d].join("/"));
            }
        }
    }

    #[inline(never)]
    fn trust_domains(&self, values: &[Text]) -> Vec<Pattern> {
        let mut patterns = Vec::with_capacity(values.len());
        let mut one = |value: &str| {
            patterns.push(match value.split_once('*') {
                Some((start, end)) => Pattern::TrustDomain {
                    start: start.to_owned(),
                    end: Some(end.to_owned()),
                },
                None => Pattern::TrustDomain {
                    start: value.to_owned(),
                    end: None,
                },
            });
        };
        for value in values {
            let own = self.context.trust_domain == value.text
                || self.context.aliases.contains(&value.text);
            if own {
                one(self.context.trust_domain);
                self.context.aliases.iter().for_each(|alias| one(alias));
            } else {
                one(&value.text);
            }
        }
        patterns
    }
}

/// Adds a clause, unless one of its entries is *always*.
fn push(clauses: &mut Vec<Clause>, part: Part, entries: Vec<Entry>) {
    if !entries.is_empty() && entries.iter().all(|entry| !entry.matches.is_empty()) {
        clauses.push(Clause { part, entries });
    }
}

#[inline(never)]
fn texts(values: &[Text], star: &Pattern) -> Vec<Pattern> {
    values
        .iter()
        .map(|value| Pattern::text(&value.text, star.clone()))
        .collect()
}

/// `namespaces` at Envoy is a regular expression over the whole URI, `.*/ns/VALUE/.*`, where a
/// star stands for any text.
#[inline(never)]
fn namespaces(values: &[Text]) -> Vec<Pattern> {
    values
        .iter()
        .map(|value| Pattern::Namespace(value.text.split('*').map(str::to_owned).collect()))
        .collect()
}

/// A list in brackets means that an element of a list must match.
fn metadata(values: &[Text]) -> Vec<Pattern> {
    values
        .iter()
        .map(|value| {
            let text = value.text.as_str();
            let inner = if text.starts_with('[') && text.ends_with(']') {
                text.trim_matches(['[', ']'])
            } else {
                text
            };
            Pattern::text(inner, Pattern::NotEmpty)
        })
        .collect()
}

/// `ISSUER/SUBJECT`, split at the last slash, since an issuer may be a URL.
fn tokens(values: &[Text]) -> Vec<Pattern> {
    values.iter().map(|value| token(&value.text)).collect()
}

fn token(value: &str) -> Pattern {
    let exact = |text: &str| Pattern::Exact(text.to_owned());
    let split = value.rsplit_once('/');
    let (issuer, subject) = match split {
        _ if value == "*" => (Pattern::NotEmpty, Pattern::NotEmpty),
        Some((issuer, subject)) if value.starts_with('*') => {
            (Pattern::text(issuer, Pattern::NotEmpty), exact(subject))
        }
        Some((issuer, "*")) => (exact(issuer), Pattern::NotEmpty),
        Some((issuer, subject)) if value.ends_with('*') => {
            let start = subject.strip_suffix('*').unwrap_or(subject);
            (exact(issuer), Pattern::Prefix(start.to_owned()))
        }
        Some((issuer, subject)) => (exact(issuer), exact(subject)),
        None if value.starts_with('*') => {
            (Pattern::NotEmpty, Pattern::text(value, Pattern::NotEmpty))
        }
        None if value.ends_with('*') => {
            (Pattern::text(value, Pattern::NotEmpty), Pattern::NotEmpty)
        }
        None => (exact(value), exact("")),
    };
    Pattern::Token {
        issuer: Box::new(issuer),
        subject: Box::new(subject),
    }
}

/// `[NAME]`
fn in_brackets(text: &str) -> Result<&str, String> {
    text.strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .ok_or_else(|| format!("`{text}` is not of the form `[NAME]`"))
}

/// `[a][b]`, or one name with brackets in it.
fn nested_brackets(text: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let name = rest
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .filter(|(name, _)| !name.contains('['));
        match name {
            Some((name, after)) => {
                names.push(name.to_owned());
                rest = after;
            }
            None => return Ok(vec![in_brackets(text)?.to_owned()]),
        }
    }
    Ok(names)
}

/// A template as Envoy reads it; `None` where Envoy refuses what Istio accepts: a pattern that does
/// not start with `/` (`{*}`), an empty segment that is not the last (`/{*}//`), or more than 256
/// bytes. Source: envoyproxy/envoy `source/extensions/path/uri_template_lib`.
pub fn template(path: &str) -> Option<Vec<Segment>> {
    // Envoy is given `*` and `**`, without the braces.
    let braces = path.matches(['{', '}']).count();
    if path.len() - braces > MAX_TEMPLATE {
        return None;
    }
    let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let mut segments: Vec<Segment> = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        let after_rest = segments.contains(&Segment::Rest);
        segments.push(match *part {
            "{*}" | "{**}" if after_rest => return None,
            "{*}" => Segment::One,
            "{**}" => Segment::Rest,
            "" if at > 0 && at + 1 == parts.len() => Segment::Literal(String::new()),
            literal if is_literal(literal) => Segment::Literal(literal.to_owned()),
            _ => return None,
        });
    }
    Some(segments)
}

/// The longest template that Envoy takes, in bytes.
const MAX_TEMPLATE: usize = 256;

/// Whether one trust domain is the other, stars included.
fn alike(left: &str, right: &str) -> bool {
    let starts = |text: &str, pattern: &str| {
        pattern
            .strip_suffix('*')
            .is_some_and(|start| text.starts_with(start))
    };
    left == right
        || right == "*"
        || starts(left, right)
        || starts(right, left)
        || ends_as(left, right)
        || ends_as(right, left)
}

fn ends_as(text: &str, pattern: &str) -> bool {
    pattern
        .strip_prefix('*')
        .is_some_and(|end| text.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_that_envoy_refuses() {
        for path in ["{*}", "/{*}//", "//{*}", "{*}/a", "/{**}/{*}"] {
            assert_eq!(template(path), None, "{path}");
        }
        for path in ["/{*}", "/a/{**}", "/x/{*}/", "/{**}/metrics", "/a/{**}/"] {
            assert!(template(path).is_some(), "{path}");
        }
    }

    #[test]
    fn tokens_split_at_the_last_slash() {
        let text = |value: &str| token(value).display();
        assert_eq!(text("https://a/b"), "https://a/b");
        assert_eq!(text("*"), "*/*");
        assert_eq!(text("*/sub"), "*/sub");
        assert_eq!(text("iss/*"), "iss/*");
        assert_eq!(text("*x"), "*/*x");
        assert_eq!(text("x*"), "x*/*");
        assert_eq!(text("x"), "x/");
    }

    #[test]
    fn principals_of_all_trust_domains() {
        let aliases = ["old".to_owned()];
        let converter = Converter {
            context: Context {
                trust_domain: "td",
                aliases: &aliases,
                tcp: false,
            },
            effect: Effect::Allow,
            namespace: "shop",
            ignored: Vec::new(),
            unloadable: None,
        };
        let all = |principal: &str| {
            let mut found = Vec::new();
            converter.with_aliases(principal, &mut |one| found.push(one.to_owned()));
            found
        };
        assert_eq!(
            all("cluster.local/ns/a/sa/b"),
            ["td/ns/a/sa/b", "old/ns/a/sa/b"]
        );
        assert_eq!(all("td/ns/a/sa/b"), ["td/ns/a/sa/b", "old/ns/a/sa/b"]);
        assert_eq!(all("x/ns/a/sa/b"), ["x/ns/a/sa/b"]);
        assert_eq!(all("*/ns/a/sa/b"), ["*/ns/a/sa/b"]);
        assert_eq!(all("*d/ns/a/sa/b"), ["*d/ns/a/sa/b"]);
        assert_eq!(all("a*"), ["a*"]);
    }
}
