//! What Istio's webhook refuses.
//!
//! A refused policy cannot be in a cluster: it is reported, and everything is decided without it.
//! Source: `ValidateAuthorizationPolicy` in istio.io/istio `pkg/config/validation` and
//! `pkg/config/security`, 1.31.

use super::address::{Cidr, parse_port};
use super::policy::{Action, Attribute, AuthorizationPolicy, Condition, Entry, Text, parse_bool};
use crate::diagnostic::clip;
use crate::text::Position;

/// One reason for which Istio refuses a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where in the policy's file.
    pub at: Position,
    /// One lower-case sentence.
    pub message: String,
    /// What to write instead.
    pub help: &'static str,
}

/// What a target reference may name.
const TARGETS: [(&str, &str); 4] = [
    ("core", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
];

/// `serviceAccounts` takes no more values than this.
const MAX_SERVICE_ACCOUNTS: usize = 16;
/// The longest value of `serviceAccounts`, in bytes.
const MAX_SERVICE_ACCOUNT_LENGTH: usize = 320;

/// Why Istio refuses a policy; empty where it takes it.
pub fn refusals(policy: &AuthorizationPolicy) -> Vec<Refusal> {
    let mut check = Check {
        found: Vec::new(),
        custom: policy.action == Action::Custom,
    };
    for problem in &policy.problems {
        check.refuse(problem.at, problem.message.clone(), problem.help);
    }
    check.dry_run(policy);
    check.attachment(policy);
    check.action(policy);
    for rule in &policy.rules {
        for entry in &rule.from {
            check.source(entry);
        }
        for entry in &rule.to {
            check.operation(entry);
        }
        for condition in &rule.when {
            check.condition(condition);
        }
    }
    check.found
}

struct Check {
    found: Vec<Refusal>,
    custom: bool,
}

impl Check {
    // Called from many places: inlined, it would make the module larger by a tenth of this file.
    #[inline(never)]
    fn refuse(&mut self, at: Position, message: String, help: &'static str) {
        self.found.push(Refusal { at, message, help });
    }

    #[inline(never)]
    fn refuse_plainly(&mut self, at: Position, message: &str, help: &'static str) {
        self.refuse(at, message.to_owned(), help);
    }

    /// Refuses with user input in backticks between two halves of a sentence.
    #[inline(never)]
    fn refuse_input(&mut self, at: Position, parts: [&str; 3], help: &'static str) {
        let [before, input, after] = parts;
        let message = [before, "`", &clip(input), "`", after].concat();
        self.refuse(at, message, help);
    }

    fn dry_run(&mut self, policy: &AuthorizationPolicy) {
        let Some(value) = &policy.dry_run else {
            return;
        };
        if !matches!(policy.action, Action::Allow | Action::Deny) {
            self.refuse_plainly(
                value.at,
                "the annotation `istio.io/dry-run` works with ALLOW and DENY only",
                "take the annotation out",
            );
        } else if parse_bool(&value.text).is_none() {
            self.refuse(
                value.at,
                format!("`{}` is no value of `istio.io/dry-run`", clip(&value.text)),
                "write \"true\" or \"false\"",
            );
        }
    }

    fn attachment(&mut self, policy: &AuthorizationPolicy) {
        let ways = usize::from(policy.selector.is_some())
            + usize::from(policy.target_ref.is_some())
            + usize::from(!policy.target_refs.is_empty());
        if ways > 1 {
            self.refuse_plainly(
                policy.selector_at,
                "`selector` and `targetRefs` exclude each other",
                "keep `targetRefs` for a Service or a Gateway, `selector` for pods",
            );
        }
        for (key, value) in policy.selector.iter().flatten() {
            if key.is_empty() || key.contains('*') || value.contains('*') {
                self.refuse(
                    policy.selector_at,
                    format!(
                        "the selector `{}={}` is empty or has a wildcard",
                        clip(key),
                        clip(value)
                    ),
                    "name a label and its exact value",
                );
            }
        }
        for target in policy.target_refs.iter().chain(&policy.target_ref) {
            if target.name.is_empty() {
                self.refuse_plainly(
                    target.at,
                    "a target reference has no `name`",
                    "name the target",
                );
            }
            if !target.namespace.is_empty() {
                self.refuse_plainly(
                    target.at,
                    "a target reference cannot name a `namespace`",
                    "put the policy into the target's namespace",
                );
            }
            let group = if target.group.is_empty() {
                "core"
            } else {
                &target.group
            };
            if !TARGETS.contains(&(group, target.kind.as_str())) {
                self.refuse(
                    target.at,
                    format!(
                        "a policy cannot target `{}/{}`",
                        clip(&target.group),
                        clip(&target.kind)
                    ),
                    "target a Service, a ServiceEntry, a Gateway or a GatewayClass",
                );
            }
        }
    }

    fn action(&mut self, policy: &AuthorizationPolicy) {
        let empty = policy.rules.is_empty();
        if self.custom && !empty && policy.provider.as_deref().unwrap_or_default().is_empty() {
            self.refuse_plainly(
                policy.action_at,
                "CUSTOM needs `provider.name`",
                "name a provider of MeshConfig's `extensionProviders`",
            );
        }
        if policy.has_provider && !self.custom {
            self.refuse(
                policy.action_at,
                format!("`provider` does not go with {}", policy.action.name()),
                "take `provider` out, or write `action: CUSTOM`",
            );
        }
        if empty && matches!(policy.action, Action::Custom | Action::Deny) {
            self.refuse(
                policy.action_at,
                format!("{} without `rules` would never match", policy.action.name()),
                "write `rules: [{}]` to match every request",
            );
        }
    }

    fn source(&mut self, entry: &Entry) {
        let Some(lists) = &entry.lists else {
            self.refuse_plainly(
                entry.at,
                "an entry of `from` has no `source`",
                "write `source`, or take the entry out",
            );
            return;
        };
        let has = |wanted: &[Attribute]| lists.iter().any(|list| wanted.contains(&list.attribute));
        if has(&[Attribute::ServiceAccounts])
            && has(&[Attribute::Principals, Attribute::Namespaces])
        {
            self.refuse_plainly(
                entry.at,
                "`serviceAccounts` excludes principals and namespaces beside it",
                "write `NAMESPACE/NAME` in `serviceAccounts` alone",
            );
        }
        if lists.is_empty() {
            self.refuse_plainly(
                entry.at,
                "a `source` must not be empty",
                "take the `from` out to admit any source",
            );
        }
        for list in lists {
            let key = list.attribute.key(list.negated);
            if self.custom
                && !matches!(
                    list.attribute,
                    Attribute::IpBlocks | Attribute::RemoteIpBlocks
                )
            {
                self.refuse(
                    list.at,
                    format!("`{key}` does not work with CUSTOM"),
                    "take it out",
                );
            }
            self.filled(key, &list.values);
            match list.attribute {
                Attribute::IpBlocks | Attribute::RemoteIpBlocks => self.addresses(&list.values),
                Attribute::ServiceAccounts => self.service_accounts(&list.values),
                Attribute::TrustDomains => {
                    self.wildcards(key, &list.values);
                    for value in list.values.iter().filter(|value| value.text.contains('/')) {
                        self.refuse(
                            value.at,
                            format!("the trust domain `{}` has a `/`", clip(&value.text)),
                            "write the trust domain alone, such as cluster.local",
                        );
                    }
                }
                _ => {}
            }
        }
    }

    fn operation(&mut self, entry: &Entry) {
        let Some(lists) = &entry.lists else {
            self.refuse_plainly(
                entry.at,
                "an entry of `to` has no `operation`",
                "write `operation`, or take the entry out",
            );
            return;
        };
        if lists.is_empty() {
            self.refuse_plainly(
                entry.at,
                "an `operation` must not be empty",
                "take the `to` out to allow every operation, or name what is meant",
            );
        }
        for list in lists {
            self.filled(list.attribute.key(list.negated), &list.values);
            match list.attribute {
                Attribute::Ports => self.ports(&list.values),
                Attribute::Paths => {
                    for value in &list.values {
                        if let Some(why) = template_problem(&value.text) {
                            self.refuse(
                                value.at,
                                format!("the path `{}` {why}", clip(&value.text)),
                                "write `{*}` for one segment, `{**}` last for the rest",
                            );
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn condition(&mut self, condition: &Condition) {
        let key = condition.key.text.as_str();
        if key.is_empty() {
            self.refuse_plainly(
                condition.at,
                "a condition has no `key`",
                "name what it tests",
            );
            return;
        }
        // The check for CUSTOM goes by exact keys, and by prefix for tokens.
        let of_identity = matches!(
            key,
            "source.namespace"
                | "source.serviceAccount"
                | "source.trustDomain"
                | "source.principal"
        );
        if self.custom && (of_identity || key.starts_with("request.auth.")) {
            self.refuse_input(
                condition.key.at,
                ["", key, " does not work with CUSTOM"],
                "take it out",
            );
        }
        if condition.values.is_empty() && condition.not_values.is_empty() {
            self.refuse_input(
                condition.at,
                ["the condition on ", key, " has no values"],
                "write `values` or `notValues`",
            );
            return;
        }
        for (name, values) in [
            ("values", &condition.values),
            ("notValues", &condition.not_values),
        ] {
            self.filled(name, values);
            match key {
                "source.ip" | "remote.ip" | "destination.ip" => self.addresses(values),
                "destination.port" => self.ports(values),
                "source.serviceAccount" => self.service_accounts(values),
                "source.trustDomain" => self.wildcards(key, values),
                _ => {}
            }
        }
        let is_map = [
            "request.headers",
            "request.auth.claims",
            "experimental.envoy.filters.",
        ]
        .iter()
        .any(|prefix| key.starts_with(prefix));
        let plain = [
            "source.ip",
            "remote.ip",
            "destination.ip",
            "destination.port",
            "source.serviceAccount",
            "source.trustDomain",
            "source.namespace",
            "source.principal",
            "request.auth.principal",
            "request.auth.audiences",
            "request.auth.presenter",
            "connection.sni",
        ];
        if is_map {
            if !is_named_key(key) {
                self.refuse(
                    condition.key.at,
                    format!("the key `{}` is not of the form `name[key]`", clip(key)),
                    "write, for example, `request.headers[x-env]`",
                );
            }
        } else if !plain.contains(&key) {
            self.refuse_input(
                condition.key.at,
                ["", key, " is no key of a condition"],
                "use one of Istio's reference, such as `source.ip` or `request.headers[x-env]`",
            );
        }
    }

    fn filled(&mut self, key: &str, values: &[Text]) {
        for value in values.iter().filter(|value| value.text.is_empty()) {
            self.refuse(
                value.at,
                format!("`{key}` has an empty value"),
                "take it out, or write `*` for any",
            );
        }
    }

    fn addresses(&mut self, values: &[Text]) {
        for value in values.iter().filter(|value| !value.text.is_empty()) {
            if Cidr::parse(&value.text).is_none() {
                self.refuse_input(
                    value.at,
                    ["", &value.text, " is no IP address or block"],
                    "write, for example, 10.0.0.0/8",
                );
            }
        }
    }

    fn ports(&mut self, values: &[Text]) {
        for value in values.iter().filter(|value| !value.text.is_empty()) {
            if parse_port(&value.text).is_none() {
                self.refuse_input(
                    value.at,
                    ["", &value.text, " is no port"],
                    "write a number from 1 to 65535, as a string",
                );
            }
        }
    }

    fn service_accounts(&mut self, values: &[Text]) {
        if let Some(first) = values.get(MAX_SERVICE_ACCOUNTS) {
            self.refuse_plainly(
                first.at,
                "`serviceAccounts` takes at most 16 values",
                "spread them over several entries",
            );
        }
        for value in values.iter().filter(|value| !value.text.is_empty()) {
            let parts = || value.text.split('/');
            let wrong = value.text.contains('*')
                || parts().count() > 2
                || parts().any(str::is_empty)
                || value.text.len() > MAX_SERVICE_ACCOUNT_LENGTH;
            if wrong {
                self.refuse_input(
                    value.at,
                    ["", &value.text, " names no service account"],
                    "write `NAME` or `NAMESPACE/NAME`, without wildcards",
                );
            }
        }
    }

    fn wildcards(&mut self, key: &str, values: &[Text]) {
        for value in values {
            let text = value.text.as_str();
            let stars = text.matches('*').count();
            if stars > 1 || (stars == 1 && !text.starts_with('*') && !text.ends_with('*')) {
                self.refuse(
                    value.at,
                    format!("`{}` in `{key}` has a wildcard in its midst", clip(text)),
                    "use one `*`, at the start or the end",
                );
            }
        }
    }
}

/// `name[key]`, the key of at least one character.
pub(crate) fn is_named_key(key: &str) -> bool {
    key.ends_with(']') && key.find('[').is_some_and(|open| open + 2 < key.len())
}

/// Whether a path is read as a template.
pub fn is_template(path: &str) -> bool {
    path.contains("{*}") || path.contains("{**}")
}

/// What Istio finds wrong with a path, if anything.
fn template_problem(path: &str) -> Option<&'static str> {
    let template = is_template(path);
    let mut rest_seen = false;
    for segment in path.trim_matches('/').split('/') {
        match segment {
            "{*}" | "{**}" if rest_seen => return Some("has an operator after `{**}`"),
            "{*}" => {}
            "{**}" => rest_seen = true,
            _ if segment.contains(['{', '}']) => {
                return Some("has braces that are no `{*}` or `{**}` segment");
            }
            _ if template && !is_literal(segment) => {
                return Some("is a template with a segment that is no plain text");
            }
            _ => {}
        }
    }
    None
}

/// What may stand in a segment of a template beside operators: RFC 3986's `pchar`, without `*`.
pub(crate) fn is_literal(segment: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;:@=".contains(&byte);
    !segment.is_empty() && segment.bytes().all(plain)
}
