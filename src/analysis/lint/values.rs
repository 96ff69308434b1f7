//! Values that match nothing, or more than they seem to.

use super::{Linter, code};
use crate::analysis::symbolic::universe::Universe;
use crate::istio::policy::{Action, Attribute, Condition, List, Text};
use crate::istio::validation::{is_named_key, is_template};
use crate::juju::charm::clip;
use crate::mesh::PathNormalization;
use crate::text::Position;

/// Methods that HTTP has. Source: RFC 9110 and RFC 5789.
pub(super) const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

impl Linter<'_> {
    /// Looks at every value of every rule.
    pub(super) fn values(&mut self) {
        for rule in &self.policy.rules {
            for entry in rule.from.iter().chain(&rule.to) {
                let lists = entry.lists.as_deref().unwrap_or(&[]);
                for list in lists {
                    for value in &list.values {
                        self.value(lists, list, value);
                    }
                }
            }
            for condition in &rule.when {
                self.condition(condition);
            }
        }
    }

    fn value(&mut self, entry: &[List], list: &List, value: &Text) {
        match list.attribute {
            Attribute::Principals => self.principal(value),
            Attribute::Namespaces => self.namespace(value),
            Attribute::Hosts => self.host(entry, list, value),
            Attribute::Ports if value.text == "0" => self.warn(
                code::PORT_ZERO,
                value.at,
                "port `0` never matches".into(),
                "write the port that the workload listens on",
            ),
            Attribute::Methods => self.method(value),
            Attribute::Paths => self.path(list, value),
            Attribute::RemoteIpBlocks => self.forwarded(
                value.at,
                format!("`{}` is held against", clip(&value.text)),
                "ipBlocks",
            ),
            _ => {}
        }
    }

    /// Behind a gateway the address is what the request says. At an ingress gateway it is the
    /// connection's own, or what the proxies say that istiod's settings name.
    fn forwarded(&mut self, at: Position, what: String, instead: &str) {
        if self.only_at_ingress() {
            return;
        }
        self.note(
            code::FORGEABLE_ADDRESS,
            at,
            format!("{what} the last entry of `X-Forwarded-For`, which a client may write itself"),
            &format!("make sure that a trusted gateway sets the header, or use `{instead}`"),
        );
    }

    fn principal(&mut self, value: &Text) {
        let text = value.text.as_str();
        if let Some(rest) = text.strip_prefix("spiffe://") {
            self.error(
                code::PRINCIPAL_WITH_SCHEME,
                value.at,
                format!(
                    "`{}` matches nobody: principals are written without `spiffe://`",
                    clip(text)
                ),
                &format!("write `{}`", clip(rest)),
            );
            return;
        }
        if self.literal_star(value) || text.contains('*') {
            return;
        }
        let parts: Vec<&str> = text.split('/').collect();
        let [trust_domain, "ns", _, "sa", _] = parts.as_slice() else {
            // Identities that another authority signs may have any form.
            let looks_meant = text.contains("/ns/") || text.contains("/sa/") || parts.len() == 2;
            // RFC 3986 has these in no URI.
            let is_uri = text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
            if looks_meant || !is_uri {
                self.warn(
                    code::ODD_PRINCIPAL,
                    value.at,
                    format!("no workload of the mesh has the identity `{}`", clip(text)),
                    "write `TRUSTDOMAIN/ns/NAMESPACE/sa/SERVICEACCOUNT`, or use `serviceAccounts`",
                );
            }
            return;
        };
        let settings = &self.mesh().settings;
        // Policies that say `cluster.local` are read as of the mesh's trust domain.
        let is_known = *trust_domain == "cluster.local"
            || *trust_domain == settings.trust_domain
            || settings
                .trust_domain_aliases
                .iter()
                .any(|one| one == trust_domain);
        if !is_known && settings.given.contains(&"trustDomain") {
            self.warn(
                code::FOREIGN_TRUST_DOMAIN,
                value.at,
                format!(
                    "`{}` is of another trust domain than the mesh, which has `{}`",
                    clip(text),
                    clip(&settings.trust_domain)
                ),
                "use the mesh's trust domain, or add this one to `trustDomainAliases`",
            );
        } else if !is_known {
            self.note(
                code::CANNOT_VERIFY,
                value.at,
                format!(
                    "cannot verify the trust domain of `{}`: the input does not say the mesh's",
                    clip(text)
                ),
                "give the mesh's settings by `--settings`",
            );
        }
    }

    /// A star in the midst, where exact, prefix and suffix values are meant.
    fn literal_star(&mut self, value: &Text) -> bool {
        let text = value.text.as_str();
        let inner = text.strip_suffix('*').or_else(|| text.strip_prefix('*'));
        if !inner.unwrap_or(text).contains('*') {
            return false;
        }
        self.warn(
            code::LITERAL_STAR,
            value.at,
            format!("`{}` has a `*` that Istio takes as plain text", clip(text)),
            "a `*` means something only as the whole value, or as its first or last character",
        );
        true
    }

    fn namespace(&mut self, value: &Text) {
        // At ztunnel it is held against the namespace alone.
        if self.policy.targets().is_empty() {
            return;
        }
        let text = value.text.as_str();
        // `.*/ns/VALUE/.*` over the whole identity, where a star crosses `/`: behind the namespace
        // stands `/sa/` in every identity.
        let everyone = text
            .strip_prefix('*')
            .is_some_and(|rest| !rest.is_empty() && "/sa".ends_with(rest));
        if everyone {
            self.error(
                code::WIDE_NAMESPACE,
                value.at,
                format!("`{}` matches every client: Envoy looks for it in the whole identity, and `/sa/` is in each", clip(text)),
                "write the namespaces out, or use `principals`",
            );
        } else if text.contains('/') {
            self.warn(
                code::WIDE_NAMESPACE,
                value.at,
                format!(
                    "`{}` is no namespace: Envoy looks for it in the whole identity",
                    clip(text)
                ),
                "write the namespace's name; for a service account use `serviceAccounts`",
            );
        }
    }

    fn host(&mut self, entry: &[List], list: &List, value: &Text) {
        let text = value.text.as_str();
        let plain = text.trim_matches('*');
        if !plain.is_empty() && !Universe::Authority.contains(plain) {
            self.warn(
                code::ODD_HOST,
                value.at,
                format!("`{}` is no host, so it matches no request", clip(text)),
                "write a name such as web.shop, without scheme and path",
            );
            return;
        }
        if self.literal_star(value) || text.ends_with('*') || list.negated {
            return;
        }
        let has_port = text
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
        // Clients leave out the port of their scheme, so only other ports are sure.
        let mut ports = entry
            .iter()
            .filter(|other| other.attribute == Attribute::Ports && !other.negated)
            .flat_map(|other| &other.values)
            .peekable();
        let with_port = list.values.iter().any(|other| {
            let rest = other.text.strip_prefix(text);
            rest.is_some_and(|rest| rest.starts_with(':') || rest == "*")
        });
        if has_port || with_port || ports.peek().is_none() {
            return;
        }
        if ports.all(|port| port.text != "80" && port.text != "443") {
            self.warn(
                code::HOST_WITHOUT_PORT,
                value.at,
                format!("`{}` matches no client that sends the port with the host, as clients do on such ports", clip(text)),
                &format!("write `{}:*` beside it", clip(text)),
            );
        }
    }

    fn method(&mut self, value: &Text) {
        let text = value.text.as_str();
        if text.contains('*') {
            self.literal_star(value);
            return;
        }
        if METHODS.contains(&text) {
            return;
        }
        let upper = text.to_ascii_uppercase();
        if METHODS.contains(&upper.as_str()) {
            self.error(
                code::ODD_METHOD,
                value.at,
                format!("`{}` never matches: methods are case-sensitive", clip(text)),
                &format!("write `{upper}`"),
            );
        } else if text.starts_with('/') {
            self.warn(
                code::ODD_METHOD,
                value.at,
                format!(
                    "`{}` never matches: a gRPC call is a `POST`, and its name is the path",
                    clip(text)
                ),
                "write `POST` here and the name in `paths`",
            );
        } else {
            self.warn(
                code::ODD_METHOD,
                value.at,
                format!("`{}` is no method of HTTP", clip(text)),
                "write one of CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE",
            );
        }
    }

    fn path(&mut self, list: &List, value: &Text) {
        let text = value.text.as_str();
        let mode = self.mesh().settings.path_normalization;
        if let Some(why) = never_matches(text, mode) {
            self.warn(
                code::PATH_NEVER_MATCHES,
                value.at,
                format!("`{}` matches no request: {why}", clip(text)),
                "write the path as it is after normalisation, without query",
            );
            return;
        }
        if !is_template(text) && self.literal_star(value) {
            return;
        }
        self.bypass(list, value);
    }

    /// A path that is refused is reached by another spelling: `//` and `%2F` are not resolved, but
    /// many servers do so.
    fn bypass(&mut self, list: &List, value: &Text) {
        let refuses = match self.policy.action {
            Action::Deny => !list.negated,
            Action::Allow => list.negated,
            Action::Audit | Action::Custom => false,
        };
        let text = value.text.as_str();
        let spelling = match self.mesh().settings.path_normalization {
            PathNormalization::None | PathNormalization::Base => format!("/{text}"),
            PathNormalization::MergeSlashes => match text.strip_prefix('/') {
                Some(rest) if rest.contains('/') => {
                    let (first, rest) = rest.split_once('/').unwrap_or((rest, ""));
                    format!("/{first}%2F{rest}")
                }
                _ => return,
            },
            PathNormalization::DecodeAndMergeSlashes => return,
        };
        if !refuses || !text.starts_with('/') || text == "/*" {
            return;
        }
        self.warn(
            code::PATH_BYPASS,
            value.at,
            format!(
                "a request to `{}` slips past `{}`, and many servers answer it as the same path",
                clip(&spelling),
                clip(text)
            ),
            "allow the paths that are meant instead, or set `pathNormalization: DECODE_AND_MERGE_SLASHES` for the mesh",
        );
    }

    fn condition(&mut self, condition: &Condition) {
        let key = condition.key.text.as_str();
        // A key that is not `name[key]` is refused.
        let is_odd = key.starts_with("request.headers") && !key.starts_with("request.headers[");
        if is_odd && is_named_key(key) {
            self.error(
                code::ODD_CONDITION,
                condition.key.at,
                format!("Istio accepts the key `{}` and does not understand it: an ALLOW rule is dropped, a DENY rule denies everything", clip(key)),
                "write `request.headers[NAME]`",
            );
        }
        if key == "remote.ip" {
            self.forwarded(condition.key.at, "`remote.ip` is".into(), "source.ip");
        }
        if key == "source.principal" {
            for value in condition.values.iter().chain(&condition.not_values) {
                self.principal(value);
            }
        }
        if key == "source.namespace" {
            for value in condition.values.iter().chain(&condition.not_values) {
                self.namespace(value);
            }
        }
    }
}

/// Why no request has a path that a policy names, if none has.
fn never_matches(path: &str, mode: PathNormalization) -> Option<&'static str> {
    if path.contains('?') {
        return Some("the query is not part of it");
    }
    if path.contains('#') {
        return Some("a fragment is not sent");
    }
    // A suffix begins anywhere.
    if !path.starts_with('/') && !path.starts_with('*') {
        return Some("paths begin with `/`");
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(
            "blanks, control characters and letters beyond ASCII are sent as `%20` and the like",
        );
    }
    if mode == PathNormalization::None {
        return None;
    }
    let mut segments = path.split('/');
    // The last segment of a prefix may be a part of one.
    if path.ends_with('*') {
        segments.next_back();
    }
    let dots = segments.any(|segment| segment == "." || segment == "..");
    if dots {
        return Some("`.` and `..` are resolved before policies see it");
    }
    if path.contains('\\') {
        return Some("`\\` is turned to `/` before policies see it");
    }
    let merged = matches!(
        mode,
        PathNormalization::MergeSlashes | PathNormalization::DecodeAndMergeSlashes
    );
    if merged && path.contains("//") {
        return Some("`//` is merged before policies see it");
    }
    let mut rest = path;
    while let Some((_, after)) = rest.split_once('%') {
        rest = after;
        let code = after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if code.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) {
            return Some("unreserved characters are decoded before policies see it");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_paths_that_no_request_has() {
        use PathNormalization::{Base, MergeSlashes, None as Plain};
        for (path, mode, matches) in [
            ("/a", Base, true),
            ("a", Base, false),
            ("*.js", Base, true),
            ("/a?x=1", Base, false),
            ("/x/../a", Base, false),
            ("/x/../a", Plain, true),
            ("/x/..", Base, false),
            ("/x/..*", Base, true),
            ("/a//b", Base, true),
            ("/a//b", MergeSlashes, false),
            ("/a b", Plain, false),
            ("/a\n", Base, false),
            ("/é*", Base, false),
            ("/%61", Base, false),
            ("/%2F", Base, true),
            ("*", Base, true),
        ] {
            assert_eq!(
                never_matches(path, mode).is_none(),
                matches,
                "{path} {mode:?}"
            );
        }
    }
}
