//! The files of a compilation, and the models that they name.

use super::Source;
use crate::diagnostic::{Diagnostic, code};
use crate::juju::bundle::{Bundle, parse_saas_url, read_bundle};
use crate::juju::charm::{clip, read_charm};
use crate::juju::relations::{Charms, Model};
use crate::names::is_dns_label;
use crate::text::{Document, Position, decode_utf8, parse_any};

/// Files and their documents.
pub(crate) type Parsed<'a> = Vec<(Source<'a>, Vec<Document<'a>>)>;

pub(crate) fn parse<'a>(sources: &[Source<'a>], diagnostics: &mut Vec<Diagnostic>) -> Parsed<'a> {
    let mut parsed = Vec::with_capacity(sources.len());
    for source in sources {
        match decode_utf8(source.bytes).and_then(parse_any) {
            Ok(documents) => parsed.push((*source, documents)),
            Err(error) => diagnostics.push(Diagnostic::unreadable(source.file, &error)),
        }
    }
    parsed
}

pub(crate) fn read_charms<'a>(
    parsed: &'a Parsed<'a>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Charms<'a> {
    let mut charms = Charms::new();
    for (source, documents) in parsed {
        for document in documents.iter().filter(|document| !document.root.is_null()) {
            let Some(charm) = read_charm(source.file, document, diagnostics) else {
                continue;
            };
            let (name, at) = (charm.name, charm.at);
            if let Some(earlier) = charms.insert(name, charm) {
                diagnostics.push(
                    Diagnostic::warning(
                        code::CHARM_GIVEN_TWICE,
                        format!(
                            "the charm `{}` is described twice; this one counts",
                            clip(name)
                        ),
                    )
                    .at(source.file, at)
                    .help(format!("take it out here or in `{}`", earlier.file)),
                );
            }
        }
    }
    charms
}

pub(crate) fn read_bundles<'a>(
    parsed: &'a Parsed<'a>,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<String>, Vec<Bundle<'a>>) {
    let mut names = Vec::new();
    let mut bundles: Vec<Bundle<'a>> = Vec::new();
    let bases = parsed.iter().filter(|(source, _)| !source.overlay).count();
    let mut rest = parsed.as_slice();
    while let Some(((source, documents), after)) = rest.split_first() {
        let overlays: Vec<(&str, &[Document<'_>])> = after
            .iter()
            .take_while(|(source, _)| source.overlay)
            .map(|(source, documents)| (source.file, documents.as_slice()))
            .collect();
        rest = after.get(overlays.len()..).unwrap_or_default();
        let Some(bundle) = read_bundle(source.file, documents, &overlays, diagnostics) else {
            continue;
        };
        let name = source.model.map_or_else(
            || infer_name(source.file, &bundle, bases, diagnostics),
            |model| Some(model.to_owned()),
        );
        let Some(name) = name else {
            continue;
        };
        if names.contains(&name) {
            diagnostics.push(
                Diagnostic::error(
                    code::MODEL_GIVEN_TWICE,
                    format!("two bundles are given for the model `{}`", clip(&name)),
                )
                .at(source.file, Position::new(1, 1))
                .help("give a bundle's overlays by `--overlay`")
                .bad_input(),
            );
            continue;
        }
        names.push(name);
        bundles.push(bundle);
    }
    (names, bundles)
}

/// One bundle without `saas` takes its own name, else the file's.
fn infer_name(
    file: &str,
    bundle: &Bundle<'_>,
    bases: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<String> {
    let place = Position::new(1, 1);
    if bases > 1 || !bundle.saas.is_empty() {
        let why = if bases > 1 {
            "with several bundles, each needs the name of its model"
        } else {
            "a bundle with `saas` needs the name of its model"
        };
        diagnostics.push(
            Diagnostic::error(code::MODEL_NAME_REQUIRED, why)
                .at(file, place)
                .help(format!("write `MODEL={file}`"))
                .bad_input(),
        );
        return None;
    }
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = base.split_once('.').map_or(base, |(stem, _)| stem);
    let name = bundle.name.unwrap_or(stem);
    diagnostics.push(
        Diagnostic::warning(
            code::MODEL_NAME_ASSUMED,
            format!("the model is taken to be `{}`", clip(name)),
        )
        .at(file, place)
        .help(format!("write `MODEL={file}` to say which it is")),
    );
    Some(name.to_owned())
}

pub(super) fn check_names(
    names: &[String],
    bundles: &[Bundle<'_>],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut check = |file: &str, at: Position, what: &str, name: &str| {
        if !is_dns_label(name) {
            diagnostics.push(
                Diagnostic::error(
                    code::INVALID_NAME,
                    format!("the {what} `{}` cannot be part of an identity", clip(name)),
                )
                .at(file, at)
                .help("use lower-case letters, digits and hyphens, at most 63, no hyphen at either end")
                .bad_input(),
            );
        }
    };
    for (name, bundle) in names.iter().zip(bundles) {
        check(bundle.file, Position::new(1, 1), "model's name", name);
        for (name, application) in bundle.applications.iter() {
            check(application.file, application.at, "application's name", name);
        }
        for saas in bundle.saas.values() {
            if let Some((model, offer)) = parse_saas_url(saas.url) {
                check(saas.file, saas.at, "offering model", model);
                check(saas.file, saas.at, "offer's name", offer);
            }
        }
    }
}

pub(super) fn check_saas(models: &[Model<'_>], diagnostics: &mut Vec<Diagnostic>) {
    for model in models {
        unknown_consumers(model, models, diagnostics);
        for (name, saas) in model.bundle.saas.iter() {
            let diagnostic = match parse_saas_url(saas.url) {
                None => Diagnostic::error(
                    code::INVALID_SAAS_URL,
                    format!("`{}` is no offer's URL", clip(saas.url)),
                )
                .help("write `user/model.offer`"),
                Some((far, offer)) => match models.iter().find(|model| model.name == far) {
                    None => Diagnostic::note(
                        code::ASSUMED_PRINCIPAL,
                        format!(
                            "the model `{}` behind `{}` was not given: its application is assumed to be `{}`",
                            clip(far),
                            clip(name),
                            clip(offer)
                        ),
                    )
                    .help(format!("give its bundle too: `{}=FILE`", clip(far))),
                    Some(far_model)
                        if far_model
                            .bundle
                            .applications
                            .values()
                            .all(|application| !application.offers.contains_key(offer)) =>
                    {
                        Diagnostic::warning(
                            code::UNKNOWN_OFFER,
                            format!("the model `{}` has no offer `{}`", clip(far), clip(offer)),
                        )
                        .help(format!("add the offer to `{}`, or correct the URL", far_model.bundle.file))
                    }
                    Some(_) => continue,
                },
            };
            diagnostics.push(diagnostic.at(saas.file, saas.at));
        }
    }
}

/// An offering model's bundle does not say who uses its offers; the bundle of a model that does may be given.
fn unknown_consumers(model: &Model<'_>, models: &[Model<'_>], diagnostics: &mut Vec<Diagnostic>) {
    let uses = |other: &Model<'_>| {
        let mut saas = other.bundle.saas.values();
        saas.any(|saas| parse_saas_url(saas.url).is_some_and(|(far, _)| far == model.name))
    };
    if model.bundle.consumers.is_empty() || models.iter().any(uses) {
        return;
    }
    for (name, (file, at)) in model.bundle.consumers.iter() {
        diagnostics.push(
            Diagnostic::note(
                code::UNKNOWN_CONSUMER,
                format!(
                    "who uses an offer as `{}` is not in the input: no policies are made for it",
                    clip(name)
                ),
            )
            .at(file, *at)
            .help("give the bundle of the model that uses the offer too: `MODEL=FILE`"),
        );
    }
}
