//! What can be sent at all: an answer to a question about a request that no client can write would
//! mislead.
//!
//! Paths are not judged here but for characters that end a line: what Envoy makes of an odd path is
//! part of the answer ([`super::path`]).

use super::headers::is_name;
use super::symbolic::universe::Universe;
use crate::diagnostic::clip;
use crate::names::{is_dns_label, is_dns_subdomain};

/// A method, a token of RFC 9110. The error is one lower-case sentence, as of all of these.
pub fn method(text: &str) -> Result<(), String> {
    if is_name(text) {
        return Ok(());
    }
    Err(format!(
        "`{}` is no method: write one such as GET, without blanks",
        clip(text)
    ))
}

/// A `Host` header, by the characters that Envoy takes in one. An empty one is a host as well, which `*`
/// matches: asked of Envoy.
pub fn host(text: &str) -> Result<(), String> {
    if text.is_empty() || Universe::Authority.contains(text) {
        return Ok(());
    }
    Err(format!(
        "`{}` is no host: write a name such as web.shop, or NAME:PORT",
        clip(text)
    ))
}

/// A path as a client writes it. Envoy takes a whole URL in its place as well, and makes a host and a path
/// of it.
pub fn path(text: &str) -> Result<(), String> {
    let is_url = ["http://", "https://"].iter().any(|scheme| {
        let start = text.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    if is_url {
        return Err(format!(
            "`{}` is a URL: write its path and its host apart",
            clip(text)
        ));
    }
    if !text.is_empty() && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(format!(
        "`{}` is no path that a request can have: write one such as /api",
        clip(text)
    ))
}

/// A header's name.
pub fn header_name(text: &str) -> Result<(), String> {
    if is_name(text) {
        return Ok(());
    }
    Err(format!("`{}` is no name of a header", clip(text)))
}

/// A header's value, which stands on one line.
pub fn header_value(name: &str, value: &str) -> Result<(), String> {
    // Beyond ASCII there are control characters as well, which Envoy takes: asked of it.
    if !value
        .bytes()
        .any(|byte| byte.is_ascii_control() && byte != b'\t')
    {
        return Ok(());
    }
    Err(format!(
        "the header `{}` cannot have the value `{}`: control characters cannot be sent",
        clip(name),
        clip(value)
    ))
}

/// The server name of a TLS handshake; empty where there is none.
pub fn server_name(text: &str) -> Result<(), String> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(format!(
        "`{}` is no server name: write one such as web.shop",
        clip(text)
    ))
}

/// A name of an object, such as a service account.
pub fn name(text: &str) -> Result<(), String> {
    if is_dns_subdomain(text) {
        return Ok(());
    }
    Err(format!("`{}` is no name that Kubernetes takes", clip(text)))
}

/// A namespace.
pub fn namespace(text: &str) -> Result<(), String> {
    if is_dns_label(text) {
        return Ok(());
    }
    Err(format!(
        "`{}` is no namespace that Kubernetes takes",
        clip(text)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_can_be_sent() {
        for text in ["GET", "M-SEARCH", "PROPFIND", "get"] {
            assert_eq!(method(text), Ok(()), "{text}");
        }
        for text in ["", "ge t", "GET\n", "GÉT", "GET,POST", "G/T"] {
            assert!(method(text).is_err(), "{text}");
        }
        for text in ["", "web", "WEB.shop:80", "10.0.0.1", "[::1]:80", "a_b"] {
            assert_eq!(host(text), Ok(()), "{text}");
        }
        for text in ["a\nb", "a b", "http://a", "wéb", "a\u{200b}b"] {
            assert!(host(text).is_err(), "{text}");
        }
        for text in ["/", "/a b", "metrics", "*", "/é"] {
            assert_eq!(path(text), Ok(()), "{text}");
        }
        for text in ["", "/a\nb", "/\0", "/\u{85}", "http://web/a", "HTTPS://web"] {
            assert!(path(text).is_err(), "{text}");
        }
        for value in ["", "a\tb", "é", "\u{85}"] {
            assert_eq!(header_value("x", value), Ok(()), "{value}");
        }
        for value in ["a\r\nb", "\0", "\u{7f}"] {
            assert!(header_value("x", value).is_err(), "{value}");
        }
        assert!(server_name("").is_ok() && server_name("a.b").is_ok());
        assert!(server_name("a b").is_err());
    }
}
