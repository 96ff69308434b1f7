//! Relations as Juju resolves them: which endpoints a relation without them means, what cannot be related, and who is behind a
//! `saas` name.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failing test panics"
)]

use mesh_policy::compile::{Compiled, Input, Source, compile};
use mesh_policy::diagnostic::Diagnostic;
use mesh_policy::juju::bundle::read_bundle;
use mesh_policy::juju::charm::read_charm;
use mesh_policy::juju::relations::{Charms, Model, resolve};
use mesh_policy::text::{Document, parse_any};

/// `web` asks, `api` answers, `twin` answers twice, `agent` takes what every application has, `open` leaves its interface unsaid.
const CHARMS: &str = "
{charm: web, requires: {api: http, db: {interface: sql}}, peers: {web-peers: gossip}}
---
{charm: api, provides: {http: http, other: mail}, peers: {api-peers: gossip}}
---
{charm: twin, provides: {first: http, second: http}}
---
{charm: agent, requires: {info: juju-info}}
---
{charm: agents, requires: {info: juju-info, more: juju-info}}
---
{charm: mixed, requires: {info: juju-info, db: sql}}
---
{charm: open, provides: {any: null}, requires: {some: null}}
---
{charm: chain, provides: {http: http}, requires: {api: http}}
";

const APPLICATIONS: &str = "
  web: {charm: web}, api: {charm: api}, twin: {charm: twin}, agent: {charm: agent}, agents: {charm: agents},
  open: {charm: open}, mixed: {charm: mixed}, chain: {charm: chain}, other-web: {charm: web}, other-chain: {charm: chain}, other-open: {charm: open}, other-agent: {charm: agent}, dark: {charm: not-given}, night: {charm: not-given}
";

/// Resolves the relations of several models, and shows the first model and what was said.
fn resolved<T>(bundles: &[(&str, &str)], show: impl Fn(&Model<'_>, &[Diagnostic]) -> T) -> T {
    let charms: Vec<Document<'_>> = parse_any(CHARMS).expect("YAML");
    let mut diagnostics = Vec::new();
    let charms: Charms<'_> = charms
        .iter()
        .map(|document| read_charm("charms.yaml", document, &mut diagnostics).expect("a charm"))
        .map(|charm| (charm.name, charm))
        .collect();
    let texts: Vec<Vec<Document<'_>>> = bundles
        .iter()
        .map(|(_, text)| parse_any(text).expect("YAML"))
        .collect();
    let names: Vec<String> = bundles.iter().map(|(name, _)| (*name).to_owned()).collect();
    let bundles = texts
        .iter()
        .map(|documents| read_bundle("b.yaml", documents, &[], &mut diagnostics).expect("a bundle"))
        .collect();
    assert_eq!(diagnostics, []);
    let models = resolve(&names, bundles, &charms, &mut diagnostics);
    show(&models[0], &diagnostics)
}

/// Each relation with its endpoints.
fn ends(model: &Model<'_>) -> Vec<String> {
    let relations = model.relations.iter().map(|relation| {
        let ends = relation.ends.iter();
        let ends = ends.map(|end| format!("{}:{}", end.name, end.endpoint.unwrap_or("?")));
        ends.collect::<Vec<_>>().join(" ")
    });
    relations.collect()
}

/// Shows what becomes of relations among [`APPLICATIONS`].
fn related<T>(relations: &str, show: impl Fn(&Model<'_>, &[Diagnostic]) -> T) -> T {
    let bundle = format!("{{applications: {{{APPLICATIONS}}}, relations: [{relations}]}}");
    resolved(&[("shop", &bundle)], show)
}

/// What becomes of one relation: its ends, or none, and the codes of what is wrong.
fn one(relation: &str) -> (Vec<String>, Vec<&'static str>) {
    related(relation, |model, diagnostics| {
        let codes = diagnostics.iter().map(|one| one.code);
        (ends(model), codes.collect())
    })
}

#[test]
fn each_application_knows_its_relations() {
    // The bundle begins on the first line, the first relation stands on the fifth.
    let relations =
        "\n['web:api', 'api:http'],\n['chain:api', 'other-chain:http'],\n['chain:api', 'api:http']";
    related(relations, |model, _| {
        for (application, expected) in [
            ("web", &[5][..]),
            ("api", &[5, 7]),
            ("chain", &[6, 7]),
            ("twin", &[]),
            ("night", &[]),
            ("nobody", &[]),
        ] {
            let lines = model.relations_of(application);
            let found: Vec<_> = lines.map(|one| one.at.line).collect();
            assert_eq!(found, expected, "{application}");
        }
    });
}

#[test]
fn endpoints_are_inferred_as_juju_does() {
    for (relation, expected) in [
        ("[web, api]", "web:api api:http"),
        ("[api, web]", "api:http web:api"),
        ("[web, 'api:http']", "web:api api:http"),
        ("['web:api', api]", "web:api api:http"),
        // Both sides may provide; one asks and one answers in each pair that fits.
        ("[chain, api]", "chain:api api:http"),
        ("[web, chain]", "web:api chain:http"),
        ("[web, 'twin:second']", "web:api twin:second"),
        // What every application has, where nothing else fits.
        ("[agent, api]", "agent:info api:juju-info"),
        ("[api, agent]", "api:juju-info agent:info"),
        ("[mixed, api]", "mixed:info api:juju-info"),
        // The charm at the other end is not known, nor needed.
        ("['web:api', dark]", "web:api dark:?"),
        ("[dark, 'web:api']", "dark:? web:api"),
        ("['dark:x', night]", "dark:x night:?"),
        ("['dark:x', 'night:y']", "dark:x night:y"),
    ] {
        assert_eq!(
            one(relation),
            (vec![expected.to_owned()], vec![]),
            "{relation}"
        );
    }
    for (relation, code) in [
        ("[web, twin]", "ambiguous-relation"),
        ("[chain, other-chain]", "ambiguous-relation"),
        ("[api, twin]", "unresolved-relation"),
        ("[web, other-web]", "unresolved-relation"),
        // Peers are not related by anybody.
        ("['web:web-peers', api]", "unresolved-relation"),
        ("[web, 'api:other']", "unresolved-relation"),
        // Nobody says that interfaces that are not known are one.
        ("[open, other-open]", "unresolved-relation"),
        ("[agents, api]", "unresolved-relation"),
        ("[agent, other-agent]", "unresolved-relation"),
        ("[dark, night]", "unresolved-relation"),
        ("[web, dark]", "unresolved-relation"),
        ("[web, 'dark:x']", "unresolved-relation"),
        ("['dark:x', web]", "unresolved-relation"),
        ("[web, nobody]", "unknown-application"),
        ("[nobody, web]", "unknown-application"),
    ] {
        assert_eq!(one(relation), (vec![], vec![code]), "{relation}");
    }
}

#[test]
fn endpoints_that_are_written_are_checked() {
    for (relation, codes) in [
        ("['web:api', 'api:http']", &[][..]),
        ("['web:api', 'api:other']", &["unlike-interfaces"]),
        ("['web:nothing', 'api:http']", &["undeclared-endpoint"]),
        (
            "['web:nothing', 'api:nothing']",
            &["undeclared-endpoint"; 2],
        ),
        ("['agent:info', 'api:juju-info']", &[]),
        ("['open:any', 'api:http']", &[]),
        ("['dark:x', 'api:nothing']", &["undeclared-endpoint"]),
    ] {
        let text = relation.replace(['[', ']', '\'', ','], "");
        assert_eq!(one(relation), (vec![text], codes.to_vec()), "{relation}");
    }
}

#[test]
fn what_is_wrong_is_said_with_what_to_write() {
    let say = |relation: &str| {
        related(relation, |_, diagnostics| {
            let one = &diagnostics[0];
            (
                one.message.clone(),
                one.help.clone().unwrap_or_default(),
                one.dropped,
            )
        })
    };
    let told = |message: &str, help: &str, dropped| (message.to_owned(), help.to_owned(), dropped);
    assert_eq!(
        say("['web:api', twin]"),
        told(
            "`web:api` and `twin` can be related in 2 ways",
            "write one of `web:api` – `twin:first`, `web:api` – `twin:second`",
            true
        )
    );
    assert_eq!(
        say("[api, twin]"),
        told(
            "no endpoints of these applications fit each other",
            "`api` has: http, other; `twin` has: first, second",
            true
        )
    );
    assert_eq!(
        say("['web:api', 'api:other']"),
        told(
            "`web:api` and `api:other` cannot be related: their interfaces are `http` and `mail`",
            "relate endpoints of one interface, or bring the charm files up to date",
            false
        )
    );
}

#[test]
fn a_saas_name_has_the_endpoints_of_its_offer() {
    let far = "{applications: {twin: {charm: twin, offers: {one: {endpoints: [second]}, both: {endpoints: [first, second]}}}, dark: {charm: not-given, offers: {night: {endpoints: [x]}}}}}";
    for (url, given, expected) in [
        ("admin/far.one", true, Ok("web:api there:second")),
        ("admin/far.both", true, Err("ambiguous-relation")),
        // Of an offer, a model or a charm that is not given nothing is known.
        ("admin/far.none", true, Err("unresolved-relation")),
        ("admin/far.night", true, Err("unresolved-relation")),
        ("admin/far.one", false, Err("unresolved-relation")),
        ("admin/far", true, Err("unresolved-relation")),
    ] {
        let near = format!(
            "{{applications: {{web: {{charm: web}}}}, saas: {{there: {{url: '{url}'}}}}, relations: [[web, there]]}}"
        );
        let bundles = [("near", near.as_str()), ("far", far)];
        let bundles = if given { &bundles[..] } else { &bundles[..1] };
        let answer = resolved(bundles, |model, diagnostics| match diagnostics {
            [] => Ok(ends(model)),
            [one, ..] => Err(one.code),
        });
        assert_eq!(answer, expected.map(|ends| vec![ends.to_owned()]), "{url}");
    }
    let written = "{applications: {web: {charm: web}}, saas: {there: {url: admin/far.one}}, relations: [['web:db', 'there:second'], ['web:api', 'there:third']]}";
    let codes = resolved(&[("near", written), ("far", far)], |_, diagnostics| {
        diagnostics.iter().map(|one| one.code).collect::<Vec<_>>()
    });
    assert_eq!(codes, ["unlike-interfaces", "undeclared-endpoint"]);
}

#[test]
fn who_offers_is_the_source_of_a_policy() {
    let near = "{applications: {api: {charm: asked}, beacon: {charm: istio-beacon-k8s}}, saas: {there: {url: admin/far.web-offer}}, relations: [['api:http', 'there:api'], ['api:service-mesh', 'beacon:service-mesh'], ['api:provide-cmr-mesh', 'there:require-cmr-mesh']]}";
    let far = "{applications: {other: {charm: x}, web: {charm: x, offers: {web-offer: {endpoints: [api]}}}}}";
    let charm = "{charm: asked, provides: {http: http, provide-cmr-mesh: cross_model_mesh}, requires: {service-mesh: service_mesh}, policies: [{kind: unit, relation: http, ports: [80]}]}";
    let compiled = |bundles: &[(&str, &'static str)]| -> Compiled {
        let source = |file, text: &'static str, model| Source {
            model,
            ..Source::new(file, text)
        };
        compile(&Input {
            bundles: bundles
                .iter()
                .map(|(name, text)| source("b.yaml", text, Some(*name)))
                .collect(),
            charms: vec![source("charm.yaml", charm, None)],
            databags: vec![],
        })
    };
    for (bundles, expected) in [
        (&[("near", near), ("far", far)][..], ("far", "web")),
        (&[("near", near), ("else", far)], ("far", "web-offer")),
    ] {
        let policies = compiled(bundles).mesh_policies;
        let sources = policies
            .iter()
            .map(|one| (one.source_namespace.as_str(), one.source_app_name.as_str()));
        assert_eq!(sources.collect::<Vec<_>>(), [expected]);
    }
}
