//! What Istio's webhook refuses of an AuthorizationPolicy, what its decoder drops without a word, and what is nearly so and fine.
//! `tests/cluster/judge.test.mjs` asks Istio itself.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failing test panics"
)]

use mesh_policy::istio::manifest::Manifest;
use mesh_policy::istio::policy::{AuthorizationPolicy, TargetRef, parse_bool, read_policy};
use mesh_policy::istio::validation::refusals;
use mesh_policy::text::{parse_any, to_json};

fn read(text: &str) -> AuthorizationPolicy {
    let documents = parse_any(text).expect("YAML");
    read_policy(&"policy.yaml".into(), &documents[0].root, "shop")
}

fn with_spec(spec: &str) -> AuthorizationPolicy {
    read(&format!("{{metadata: {{name: p}}, spec: {spec}}}"))
}

/// Why Istio refuses a policy of this `spec`.
fn why(spec: &str) -> Vec<String> {
    let reasons = refusals(&with_spec(spec)).into_iter();
    reasons.map(|refusal| refusal.message).collect()
}

/// Every value in the place of `_` is refused for this reason, and each of the others is taken.
#[track_caller]
fn each(spec: &str, reason: &str, wrong: &[&str], right: &[&str]) {
    for value in wrong {
        let spec = spec.replace('_', value);
        let reason = reason.replace('_', value.trim_matches('\''));
        assert_eq!(why(&spec), [reason], "{spec}");
    }
    for value in right {
        let spec = spec.replace('_', value);
        assert_eq!(why(&spec), [""; 0], "{spec}");
    }
}

#[test]
fn what_a_policy_is_attached_to() {
    let service = "{kind: Service, group: '', name: a}";
    for ways in [
        format!("selector: {{}}, targetRefs: [{service}]"),
        format!("selector: {{}}, targetRef: {service}"),
        format!("targetRef: {service}, targetRefs: [{service}]"),
    ] {
        let reason = "`selector` and `targetRefs` exclude each other";
        assert_eq!(why(&format!("{{{ways}}}")), [reason], "{ways}");
    }
    for one in [
        format!("targetRefs: [{service}, {service}]"),
        format!("targetRef: {service}"),
        format!("targetRef: {service}, targetRefs: []"),
        "selector: {matchLabels: {app: web}}".into(),
        "selector: null, targetRef: null".into(),
    ] {
        assert_eq!(why(&format!("{{{one}}}")), [""; 0], "{one}");
    }
    for (label, value) in [("''", "a"), ("'a*'", "b"), ("a", "'b*'")] {
        let reason = format!("the selector `{label}={value}` is empty or has a wildcard");
        let spec = format!("{{selector: {{matchLabels: {{c: d, {label}: {value}}}}}}}");
        assert_eq!(why(&spec), [reason.replace('\'', "")], "{spec}");
    }
    each(
        "{targetRefs: [{kind: Service, name: a, group: _}]}",
        "a policy cannot target `_/Service`",
        &["apps", "gateway.networking.k8s.io"],
        &["''", "core"],
    );
    each(
        "{targetRef: {kind: _, name: a, group: gateway.networking.k8s.io}}",
        "a policy cannot target `gateway.networking.k8s.io/_`",
        &["Service", "gateway", "HTTPRoute"],
        &["Gateway", "GatewayClass"],
    );
    each(
        "{targetRef: {kind: Service, group: '', _}}",
        "a target reference has no `name`",
        &["name: ''", "name: null", "namespace: ''"],
        &["name: a"],
    );
    each(
        "{targetRef: {kind: Service, group: '', name: a, namespace: _}}",
        "a target reference cannot name a `namespace`",
        &["shop"],
        &["''", "null"],
    );
}

#[test]
fn what_goes_with_an_action() {
    for (spec, reasons) in [
        ("{}", &[][..]),
        ("null", &[]),
        ("{action: null}", &[]),
        ("{action: AUDIT}", &[]),
        ("{action: DENY, rules: [{}]}", &[]),
        ("{action: CUSTOM, provider: {name: x}, rules: [{}]}", &[]),
        ("{provider: null}", &[]),
        (
            "{action: DENY}",
            &["DENY without `rules` would never match"],
        ),
        (
            "{action: CUSTOM, provider: {name: x}}",
            &["CUSTOM without `rules` would never match"],
        ),
        (
            "{action: CUSTOM, rules: [{}]}",
            &["CUSTOM needs `provider.name`"],
        ),
        (
            "{action: CUSTOM, provider: {}, rules: [{}]}",
            &["CUSTOM needs `provider.name`"],
        ),
        ("{provider: {}}", &["`provider` does not go with ALLOW"]),
        ("{action: REFUSE}", &["`REFUSE` is no action"]),
        ("{action: 1}", &["`1` is no action"]),
        ("{action: []}", &["`` is no action"]),
    ] {
        assert_eq!(why(spec), reasons, "{spec}");
    }
    let custom =
        |inner: &str| format!("{{action: CUSTOM, provider: {{name: x}}, rules: [{{{inner}}}]}}");
    each(
        &custom("from: [{source: {_: [10.0.0.1]}}]"),
        "`_` does not work with CUSTOM",
        &[
            "principals",
            "notNamespaces",
            "serviceAccounts",
            "requestPrincipals",
        ],
        &["ipBlocks", "notRemoteIpBlocks"],
    );
    each(
        &custom("when: [{key: _, values: [a]}]"),
        "`_` does not work with CUSTOM",
        &[
            "source.namespace",
            "source.serviceAccount",
            "source.trustDomain",
            "source.principal",
            "request.auth.principal",
            "'request.auth.claims[a]'",
        ],
        &["connection.sni", "'request.headers[a]'"],
    );
}

#[test]
fn dry_runs() {
    let annotated = |value: &str, spec: &str| {
        let metadata = format!("{{name: p, annotations: {{istio.io/dry-run: '{value}'}}}}");
        read(&format!("{{metadata: {metadata}, spec: {spec}}}"))
    };
    let yes = ["1", "t", "T", "TRUE", "true", "True"];
    let no = ["0", "f", "F", "FALSE", "false", "False"];
    let neither = ["", "yes", "tRUE", "2", " true"];
    let all = [(&yes[..], Some(true)), (&no, Some(false)), (&neither, None)];
    for (texts, means) in all {
        for text in texts {
            assert_eq!(parse_bool(text), means, "{text}");
            let policy = annotated(text, "{}");
            assert_eq!(policy.is_dry_run(), means == Some(true), "{text}");
            assert_eq!(
                refusals(&policy).len(),
                usize::from(means.is_none()),
                "{text}"
            );
        }
    }
    let audit = refusals(&annotated("true", "{action: AUDIT}"));
    assert_eq!(
        audit[0].message,
        "the annotation `istio.io/dry-run` works with ALLOW and DENY only"
    );
    assert_eq!(
        refusals(&annotated("false", "{action: DENY, rules: [{}]}")),
        []
    );
}

#[test]
fn sources() {
    let rule = |source: &str| format!("{{rules: [{{from: [{source}]}}]}}");
    for (source, reason) in [
        ("{}", "an entry of `from` has no `source`"),
        ("null", "an entry of `from` has no `source`"),
        ("{source: null}", "an entry of `from` has no `source`"),
        ("{source: {}}", "a `source` must not be empty"),
        ("{source: {principals: []}}", "a `source` must not be empty"),
        (
            "{source: {serviceAccounts: [a], principals: [b]}}",
            "`serviceAccounts` excludes principals and namespaces beside it",
        ),
        (
            "{source: {notServiceAccounts: [a], notNamespaces: [b]}}",
            "`serviceAccounts` excludes principals and namespaces beside it",
        ),
        (
            "{source: {namespaces: ['']}}",
            "`namespaces` has an empty value",
        ),
        (
            "{source: {notPrincipals: [a, '']}}",
            "`notPrincipals` has an empty value",
        ),
        (
            "{source: {ipBlocks: ['']}}",
            "`ipBlocks` has an empty value",
        ),
        (
            "{source: {serviceAccounts: ['']}}",
            "`serviceAccounts` has an empty value",
        ),
        (
            "{source: {trustDomains: [a/b]}}",
            "the trust domain `a/b` has a `/`",
        ),
    ] {
        assert_eq!(why(&rule(source)), [reason], "{source}");
    }
    assert_eq!(
        why(&rule("{source: {principals: [b], namespaces: [c]}}")),
        [""; 0]
    );
    for key in ["ipBlocks", "notRemoteIpBlocks"] {
        each(
            &rule(&format!("{{source: {{{key}: [_]}}}}")),
            "`_` is no IP address or block",
            &["10.0.0", "10.0.0.0/33", "'*'", "web", "'fe80::1%'"],
            &[
                "10.0.0.0/8",
                "'::1'",
                "'fe80::1%eth0'",
                "10.0.0.1, 10.0.0.2",
            ],
        );
    }
    let accounts = rule("{source: {serviceAccounts: [_]}}");
    let longest = "a".repeat(320);
    let many = |count: usize| vec!["a"; count].join(", ");
    each(
        &accounts,
        "`_` names no service account",
        &["'*'", "a/b/c", "a/", "/b"],
        &["a", "a/b", &longest, &many(16)],
    );
    let too_long = why(&accounts.replace('_', &"a".repeat(321)));
    assert!(
        too_long[0].ends_with("` names no service account"),
        "{too_long:?}"
    );
    assert_eq!(
        why(&accounts.replace('_', &many(17))),
        ["`serviceAccounts` takes at most 16 values"]
    );
    each(
        &rule("{source: {notTrustDomains: [_]}}"),
        "`_` in `notTrustDomains` has a wildcard in its midst",
        &["'a*b'", "'*a*'", "'**'"],
        &["a", "'*a'", "'a*'", "'*'"],
    );
}

#[test]
fn operations() {
    let rule = |operation: &str| format!("{{rules: [{{to: [{operation}]}}]}}");
    for (operation, reason) in [
        ("{}", "an entry of `to` has no `operation`"),
        ("{operation: {}}", "an `operation` must not be empty"),
        (
            "{operation: {ports: []}}",
            "an `operation` must not be empty",
        ),
        (
            "{operation: {notHosts: ['']}}",
            "`notHosts` has an empty value",
        ),
        ("{operation: {ports: ['']}}", "`ports` has an empty value"),
    ] {
        assert_eq!(why(&rule(operation)), [reason], "{operation}");
    }
    each(
        &rule("{operation: {notPorts: [_]}}"),
        "`_` is no port",
        &["'65536'", "http", "'-1'"],
        &["'0'", "'65535'"],
    );
    for (path, problem) in [
        ("/{**}/{*}", "has an operator after `{**}`"),
        ("/{**}/{**}", "has an operator after `{**}`"),
        ("/a{*}", "has braces that are no `{*}` or `{**}` segment"),
        ("/{a}", "has braces that are no `{*}` or `{**}` segment"),
        ("/a}", "has braces that are no `{*}` or `{**}` segment"),
        (
            "/{*}/a*",
            "is a template with a segment that is no plain text",
        ),
        (
            "/{*}//b",
            "is a template with a segment that is no plain text",
        ),
    ] {
        each(
            &rule("{operation: {paths: [_]}}"),
            &format!("the path `_` {problem}"),
            &[&format!("'{path}'")],
            &[
                "'/{*}/a'",
                "'/a/{**}'",
                "'/{*}/{**}/a/'",
                "'/a*'",
                "'/a//b'",
                "/a",
            ],
        );
    }
}

#[test]
fn conditions() {
    let rule = |condition: &str| format!("{{rules: [{{when: [{condition}]}}]}}");
    for (condition, reason) in [
        ("{values: [a]}", "a condition has no `key`"),
        ("null", "a condition has no `key`"),
        (
            "{key: source.ip}",
            "the condition on `source.ip` has no values",
        ),
        (
            "{key: nonsense, values: []}",
            "the condition on `nonsense` has no values",
        ),
        (
            "{key: connection.sni, values: ['']}",
            "`values` has an empty value",
        ),
        (
            "{key: connection.sni, notValues: ['']}",
            "`notValues` has an empty value",
        ),
    ] {
        assert_eq!(why(&rule(condition)), [reason], "{condition}");
    }
    for (key, value, reason) in [
        ("source.ip", "web", "`web` is no IP address or block"),
        ("remote.ip", "web", "`web` is no IP address or block"),
        ("destination.ip", "web", "`web` is no IP address or block"),
        ("destination.port", "web", "`web` is no port"),
        (
            "source.serviceAccount",
            "a/b/c",
            "`a/b/c` names no service account",
        ),
        (
            "source.trustDomain",
            "'a*b'",
            "`a*b` in `source.trustDomain` has a wildcard in its midst",
        ),
    ] {
        for list in ["values", "notValues"] {
            let condition = format!("{{key: {key}, {list}: [{value}]}}");
            assert_eq!(why(&rule(&condition)), [reason], "{condition}");
        }
    }
    let of_key = rule("{key: _, values: [a]}");
    each(
        &of_key,
        "`_` is no key of a condition",
        &["nonsense", "source.ips", "'[a]'"],
        &[
            "source.namespace",
            "source.principal",
            "request.auth.principal",
            "request.auth.audiences",
            "request.auth.presenter",
            "connection.sni",
        ],
    );
    each(
        &of_key,
        "the key `_` is not of the form `name[key]`",
        &[
            "request.headers",
            "'request.headers[]'",
            "'request.headers[a'",
            "'request.headersa]'",
            "'request.auth.claims[a]b'",
        ],
        &[
            "'request.headers[a]'",
            "'request.auth.claims[a][b]'",
            "'experimental.envoy.filters.a[b]'",
        ],
    );
}

#[test]
fn what_istio_cannot_decode() {
    for (spec, reason) in [
        ("[]", "`spec` must be a mapping, not a list"),
        ("{selector: []}", "`selector` must be a mapping, not a list"),
        (
            "{selector: {matchLabels: a}}",
            "`matchLabels` must be a mapping, not a string",
        ),
        (
            "{selector: {matchLabels: {a: 1}}}",
            "a label must be a string, not an integer",
        ),
        (
            "{targetRefs: {}}",
            "`targetRefs` must be a list, not a mapping",
        ),
        ("{rules: {}}", "`rules` must be a list, not a mapping"),
        ("{rules: [true]}", "a rule must be a mapping, not a boolean"),
        (
            "{rules: [{from: [1]}]}",
            "an entry of a rule must be a mapping, not an integer",
        ),
        (
            "{rules: [{when: [1.5]}]}",
            "a condition must be a mapping, not a number",
        ),
    ] {
        assert_eq!(why(spec)[..1], [reason], "{spec}");
    }
    for (item, kind) in [
        ("null", "nulls"),
        ("true", "booleans"),
        ("80", "integers"),
        ("1.5", "numbers"),
        ("[]", "lists"),
        ("{}", "mappings"),
    ] {
        let spec = format!("{{rules: [{{to: [{{operation: {{ports: ['1', {item}]}}}}]}}]}}");
        let reason = format!("`ports` must be a list of strings, not of {kind}");
        assert_eq!(why(&spec)[..1], [reason], "{spec}");
    }
    let misspelled = "{action: A, rules: b, selector: {c: d}, e: f}";
    let policy = with_spec(misspelled);
    let unknown: Vec<_> = policy
        .unknown_fields
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(
        unknown,
        [
            "`selector` has no field `c`",
            "an AuthorizationPolicy has no field `e`"
        ]
    );
    let places = refusals(&policy)
        .into_iter()
        .map(|one| (one.at.line, one.at.column));
    let start = "{metadata: {name: p}, spec: ".len();
    let of = |what: &str| {
        1 + u32::try_from(start + misspelled.find(what).expect("there")).expect("small")
    };
    assert_eq!(places.collect::<Vec<_>>(), [(1, of("A,")), (1, of("b,"))]);
}

#[test]
fn fields_that_istio_does_not_know_are_dropped() {
    for (spec, expected) in [
        (
            "{provider: {name: x, url: y}}",
            "`provider` has no field `url`",
        ),
        (
            "{targetRef: {kind: a, port: b}}",
            "a target reference has no field `port`",
        ),
        ("{rules: [{unless: []}]}", "a rule has no field `unless`"),
        (
            "{rules: [{from: [{sources: {}}]}]}",
            "an entry of a rule has no field `sources`",
        ),
        (
            "{rules: [{from: [{source: {ports: []}}]}]}",
            "`source` has no field `ports`",
        ),
        (
            "{rules: [{to: [{operation: {port: []}}]}]}",
            "`operation` has no field `port`",
        ),
        (
            "{rules: [{when: [{value: []}]}]}",
            "a condition has no field `value`",
        ),
    ] {
        let policy = with_spec(spec);
        let unknown: Vec<_> = policy
            .unknown_fields
            .iter()
            .map(|one| one.message.as_str())
            .collect();
        assert_eq!(unknown, [expected], "{spec}");
    }
}

#[test]
fn null_is_absence() {
    let nulls = "{action: null, provider: null, selector: null, targetRef: null, targetRefs: null, rules: null}";
    let (mut nulls, nothing) = (with_spec(nulls), with_spec("{}"));
    nulls.action_at = nothing.action_at;
    assert_eq!(nulls, nothing);
}

#[test]
fn the_single_target_counts_where_there_is_no_list() {
    let target = |name: &str| format!("{{kind: Service, group: '', name: {name}}}");
    let both = format!(
        "targetRef: {}, targetRefs: [{}]",
        target("one"),
        target("two")
    );
    for (spec, expected) in [
        (format!("{{targetRef: {}}}", target("one")), &["one"][..]),
        (format!("{{targetRefs: [{}]}}", target("two")), &["two"]),
        (format!("{{{both}}}"), &["two"]),
        ("{}".into(), &[]),
    ] {
        let policy = with_spec(&spec);
        let names: Vec<_> = policy
            .targets()
            .iter()
            .map(|one: &TargetRef| one.name.as_str())
            .collect();
        assert_eq!(names, expected, "{spec}");
    }
}

#[test]
fn what_is_written_of_a_policy_is_no_more_than_what_was_read() {
    let whole = |metadata: &str, spec: &str| {
        format!(
            r#"{{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy","metadata":{{"name":"p","namespace":"shop"{metadata}}},"spec":{{"action":"ALLOW"{spec}}}}}"#
        )
    };
    for (metadata, spec, written) in [
        ("", "{}", whole("", "")),
        (
            ", annotations: {istio.io/dry-run: 'true'}",
            "{}",
            whole(r#","annotations":{"istio.io/dry-run":"true"}"#, ""),
        ),
        (
            ", annotations: {mesh-policy/when: x}",
            "{}",
            whole(r#","annotations":{"mesh-policy/when":"x"}"#, ""),
        ),
        ("", "{provider: {name: ''}}", whole("", "")),
        ("", "{rules: [{}]}", whole("", r#","rules":[{}]"#)),
        (
            "",
            "{rules: [{from: [{source: {namespaces: [a]}}], when: [{key: k, values: [v]}]}]}",
            whole(
                "",
                r#","rules":[{"from":[{"source":{"namespaces":["a"]}}],"when":[{"key":"k","values":["v"]}]}]"#,
            ),
        ),
        (
            "",
            "{targetRefs: [{kind: Service, group: '', name: a}]}",
            whole(
                "",
                r#","targetRefs":[{"group":"","kind":"Service","name":"a"}]"#,
            ),
        ),
    ] {
        let policy = read(&format!(
            "{{metadata: {{name: p{metadata}}}, spec: {spec}}}"
        ));
        assert_eq!(
            to_json(&Manifest(&policy)).expect("JSON"),
            written,
            "{metadata} {spec}"
        );
    }
}
