//! Requests that must be refused, not answered as if they were others.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failing test panics"
)]

use mesh_policy::analysis::request::Request;
use serde_json::{Value, json};

/// What is said about a request with changes; nothing where it is read.
fn refusal(changes: Value) -> Option<String> {
    let mut request = json!({
        "from": {"namespace": "shop", "serviceAccount": "api"}, "to": {"service": "shop/web"},
        "port": 80, "method": "GET", "path": "/a", "host": "web",
    });
    for (key, value) in changes.as_object().expect("an object") {
        request[key] = value.clone();
    }
    Request::read(&request.to_string())
        .err()
        .map(|(_, message)| message)
}

#[test]
fn requests_that_nobody_can_send() {
    for (changes, part) in [
        (json!({"method": "ge t"}), "`ge t` is no method"),
        (json!({"method": ""}), "is no method"),
        (json!({"method": "GET\n"}), "is no method"),
        (json!({"host": "a\nb"}), "is no host"),
        (json!({"host": "a b"}), "`a b` is no host"),
        (json!({"host": "http://web"}), "is no host"),
        (json!({"path": ""}), "is no path"),
        (json!({"path": "/a\nb"}), "is no path"),
        (json!({"path": "http://web/a"}), "is a URL"),
        (json!({"port": 0}), "from 1 to 65535"),
        (json!({"port": 65_536}), "from 1 to 65535"),
        (json!({"headers": {"a b": "x"}}), "is no name of a header"),
        (json!({"headers": {":path": "/"}}), "is no name of a header"),
        (json!({"headers": {"a": "x\r\ny"}}), "control characters"),
        (json!({"sni": "a b"}), "is no server name"),
    ] {
        let said = refusal(changes.clone()).expect("is refused");
        assert!(said.contains(part), "{changes}: {said}");
    }
}

#[test]
fn requests_whose_names_cannot_be() {
    let from = |namespace: &str, account: &str| json!({"from": {"namespace": namespace, "serviceAccount": account}});
    for (changes, part) in [
        (from("Shop", "api"), "`Shop` is no namespace"),
        (from("shop", "*"), "`*` is no name"),
        (from("shop", "a/b"), "`a/b` is no name"),
        (from("shop", "a\u{200b}b"), "is no name"),
        (json!({"to": {"service": "Shop/web"}}), "is no namespace"),
        (json!({"to": {"service": "shop/w*"}}), "is no name"),
        (json!({"to": {"pod": "shop/web/0"}}), "is no name"),
    ] {
        let said = refusal(changes.clone()).expect("is refused");
        assert!(said.contains(part), "{changes}: {said}");
    }
}

#[test]
fn requests_that_say_two_things() {
    let both = json!({"to": {"service": "shop/web", "pod": "shop/web-0"}});
    assert!(refusal(both).is_some_and(|said| said.contains("`to` must be")));
    let more = json!({"from": {"namespace": "shop", "serviceAccount": "api", "principal": "x"}});
    assert!(refusal(more).is_some_and(|said| said.contains("`from` has no `principal`")));
    let host = json!({"headers": {"Host": "x"}});
    assert!(refusal(host).is_some_and(|said| said.contains("write it as the request's `host`")));
    let (_, said) = Request::read(
        r#"{"from":null,"from":{"namespace":"a","serviceAccount":"b"},"to":{"service":"a/b"}}"#,
    )
    .expect_err("is refused");
    assert_eq!(said, "the key `from` stands twice");
}

/// What real clients send stays answered.
#[test]
fn requests_that_are_odd_and_can_be_sent() {
    for changes in [
        json!({"method": "M-SEARCH"}),
        json!({"method": "get"}),
        json!({"host": "WEB.shop:80"}),
        json!({"host": "[fd00::1]:80"}),
        json!({"path": "/a b"}),
        json!({"path": "metrics"}),
        json!({"method": "OPTIONS", "path": "*"}),
        json!({"headers": {"X-A": ["1", "é\t2"], "x-a": ""}}),
        json!({"headers": {"x-a": "\u{85}"}}),
        json!({"path": "/http://web"}),
        json!({"port": null, "method": null, "sni": ""}),
        json!({"from": {"namespace": "shop", "serviceAccount": "a.b-c"}}),
    ] {
        assert_eq!(refusal(changes.clone()), None, "{changes}");
    }
}
