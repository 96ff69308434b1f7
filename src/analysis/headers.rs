//! What a proxy makes of a request's headers before policies see them.
//!
//! Source: envoyproxy/envoy, which keeps some headers inline, one value each
//! (`envoy/http/header_map.h` and what its extensions register), and sets or takes away others
//! itself (`source/common/http/conn_manager_utility.cc`). Each name was tried on a real Envoy.

use std::borrow::Cow;

/// A header's lower-case name, and its values.
pub type Header = (String, Vec<String>);

/// Headers that have one value: those of a repeated one are joined by commas. Sorted.
const JOINED: &[&str] = &[
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-type",
    "expect",
    "grpc-accept-encoding",
    "grpc-timeout",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "origin",
    "pragma",
    "referer",
    "user-agent",
    "via",
    "x-client-trace-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
];

/// Headers that belong to a connection or to the proxy: what policies see is not what was sent.
const MANAGED: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-client-cert",
    "x-forwarded-proto",
    "x-request-id",
];

/// Whether a request can have a header of this name: a token of RFC 9110.
pub fn is_name(name: &str) -> bool {
    let is_token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    !name.is_empty() && name.bytes().all(is_token)
}

/// Whether the values of this header, if it is repeated, are one to a policy: joined by commas.
pub fn joined(name: &str) -> bool {
    JOINED.binary_search(&name).is_ok()
}

/// Whether proxies set this header or take it away, so that its value cannot be known.
pub fn managed(name: &str) -> bool {
    MANAGED.contains(&name) || name.starts_with("x-envoy-")
}

/// The headers as policies see them: each value without space around it.
pub fn seen(sent: &[Header]) -> Cow<'_, [Header]> {
    let trim = |value: &str| value.trim_matches([' ', '\t']).to_owned();
    let plain = sent.iter().all(|(name, values)| {
        !joined(name) && values.iter().all(|value| !value.contains([' ', '\t']))
    });
    if plain {
        return Cow::Borrowed(sent);
    }
    let mut headers: Vec<Header> = Vec::with_capacity(sent.len());
    for (name, values) in sent {
        if !joined(name) {
            headers.push((
                name.clone(),
                values.iter().map(|value| trim(value)).collect(),
            ));
            continue;
        }
        for value in values {
            match headers.iter_mut().find(|(other, _)| other == name) {
                Some((_, one)) => {
                    if let Some(text) = one.first_mut() {
                        join(text, value.trim_matches([' ', '\t']));
                    }
                }
                None => headers.push((name.clone(), vec![trim(value)])),
            }
        }
    }
    Cow::Owned(headers)
}

/// An empty value adds nothing.
fn join(text: &mut String, value: &str) {
    if !text.is_empty() && !value.is_empty() {
        text.push(',');
    }
    text.push_str(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&str, &[&str])]) -> Vec<Header> {
        let text = |text: &&str| (*text).to_owned();
        list.iter()
            .map(|(name, values)| ((*name).to_owned(), values.iter().map(text).collect()))
            .collect()
    }

    #[test]
    fn the_names_can_be_searched() {
        assert!(JOINED.is_sorted());
    }

    #[test]
    fn a_header_that_is_kept_inline_has_one_value() {
        let sent = headers(&[
            ("x-forwarded-for", &["10.0.0.1", " 10.0.0.2 "]),
            ("x-env", &["a", "b"]),
            ("x-forwarded-for", &["", "10.0.0.3"]),
        ]);
        let expected = headers(&[
            ("x-forwarded-for", &["10.0.0.1,10.0.0.2,10.0.0.3"]),
            ("x-env", &["a", "b"]),
        ]);
        assert_eq!(seen(&sent), expected);
    }
}
