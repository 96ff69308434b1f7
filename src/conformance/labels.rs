//! `default_labels`

use super::{Failure, is_truthy, object_field, text_field};
use crate::istio::{peer_identity_for_juju_application, peer_identity_for_service_account};
use crate::labels::{
    INSTANCE_KEY, LabelFormat, SCOPE_KEY, TELEMETRY_FORMAT, charm_kubernetes_label, fixed_length,
    label_configmap_name,
};
use crate::python::value_str;
use crate::text::{Node, Object, Value, to_json};
use serde::Serialize;
use serde::Serializer;

struct Pairs<'n, 'a>(Vec<(String, &'n Node<'a>)>);

impl Serialize for Pairs<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, *value)))
    }
}

pub(super) fn default_labels(request: &Object<'_>) -> Result<String, Failure> {
    let helper = text_field(request, "helper")?;
    let (required, optional): (&[&str], &[&str]) = match helper {
        "charm_kubernetes_label" | "charmed_charm_kubernetes_label" => (
            &["model_name", "app_name"],
            &["prefix", "suffix", "max_length", "separator"],
        ),
        "create_charm_default_labels" => (&["application_name", "model_name", "scope"], &[]),
        "generate_telemetry_labels" => (&["app_name", "model_name"], &[]),
        "label_configmap_name" => (&[], &[]),
        "peer_identity_for_juju_application" => (&["app_name", "namespace"], &[]),
        "peer_identity_for_service_account" => (&["service_account", "namespace"], &[]),
        _ => {
            let message = format!("there is no helper `{helper}`");
            return Err(Failure::bad_request(message));
        }
    };
    let args = object_field(request, "args")?;
    if helper == "label_configmap_name" {
        let app = args
            .get("app_name")
            .ok_or_else(|| Failure::Error("KeyError", "app_name".to_owned()))?;
        let name = label_configmap_name(&value_str(&app.value));
        return Ok(to_json(&name)?);
    }
    let is_known = |name: &str| required.contains(&name) || optional.contains(&name);
    if let Some(member) = args.iter().find(|member| !is_known(&member.key)) {
        let message = format!("{helper} takes no argument `{}`", member.key);
        return Err(Failure::type_error(message));
    }
    let mut given = Vec::new();
    for name in required {
        given.push(
            args.get(name).ok_or_else(|| {
                Failure::type_error(format!("{helper} needs the argument `{name}`"))
            })?,
        );
    }
    Ok(match (helper, given.as_slice()) {
        ("create_charm_default_labels", [application, model, scope]) => {
            let format = LabelFormat {
                separator: "-",
                ..LabelFormat::default()
            };
            let instance = Node {
                value: Value::String(label(model, application, Format::of(format))?.into()),
                ..Node::default()
            };
            to_json(&Pairs(vec![
                (INSTANCE_KEY.to_owned(), &instance),
                (SCOPE_KEY.to_owned(), scope),
            ]))?
        }
        ("generate_telemetry_labels", [app, model]) => {
            let value = Node {
                value: Value::String("aggregated".into()),
                ..Node::default()
            };
            let key = label(model, app, Format::of(TELEMETRY_FORMAT))?;
            to_json(&Pairs(vec![(key, &value)]))?
        }
        ("peer_identity_for_juju_application", [app, namespace]) => {
            let (app, namespace) = (value_str(&app.value), value_str(&namespace.value));
            to_json(&peer_identity_for_juju_application(&app, &namespace))?
        }
        ("peer_identity_for_service_account", [account, namespace]) => {
            let (account, namespace) = (value_str(&account.value), value_str(&namespace.value));
            to_json(&peer_identity_for_service_account(&account, &namespace))?
        }
        (_, [model, app, ..]) => {
            let mut format = Format::of(LabelFormat::default());
            for member in args.iter() {
                let value = member.value.value.clone();
                match member.key.as_ref() {
                    "prefix" => format.prefix = value,
                    "suffix" => format.suffix = value,
                    "max_length" => format.max_length = value,
                    "separator" => format.separator = value,
                    _ => {}
                }
            }
            to_json(&label(model, app, format)?)?
        }
        _ => return Err(Failure::type_error("arguments are missing")),
    })
}

/// A [`LabelFormat`] of any types.
struct Format<'a> {
    prefix: Value<'a>,
    suffix: Value<'a>,
    max_length: Value<'a>,
    separator: Value<'a>,
}

impl<'a> Format<'a> {
    fn of(format: LabelFormat<'a>) -> Self {
        Format {
            prefix: Value::String(format.prefix.into()),
            suffix: Value::String(format.suffix.into()),
            max_length: Value::Int(format.max_length),
            separator: Value::String(format.separator.into()),
        }
    }
}

/// The label, and for arguments that are no text what Python makes of them.
fn label(model: &Node<'_>, app: &Node<'_>, format: Format<'_>) -> Result<String, Failure> {
    let value_error = |message: &str| Failure::Error("ValueError", message.to_owned());
    if !is_truthy(&model.value) || !is_truthy(&app.value) {
        return Err(value_error("a name is empty"));
    }
    let texts = [
        &format.prefix,
        &model.value,
        &format.separator,
        &app.value,
        &format.suffix,
    ]
    .map(value_str);
    let [prefix, model_name, separator, app_name, suffix] = &texts;
    #[allow(clippy::cast_precision_loss)]
    let max_length = match &format.max_length {
        Value::Int(value) => *value,
        Value::Bool(value) => i64::from(*value),
        Value::BigInt(text) if text.starts_with('-') => i64::MIN,
        Value::BigInt(_) => i64::MAX,
        Value::Float(limit) => {
            let whole = texts.concat();
            if whole.chars().count() as f64 <= *limit {
                return Ok(whole);
            }
            if (fixed_length(prefix, suffix) + 2) as f64 > *limit {
                return Err(value_error("there is no room for the names"));
            }
            return Err(Failure::type_error("`max_length` must be an integer"));
        }
        _ => return Err(Failure::type_error("`max_length` must be a number")),
    };
    let whole = texts.concat();
    let is_text = |value: &Value<'_>| matches!(value, Value::String(_));
    let all_texts = [&format.prefix, &model.value, &app.value, &format.suffix]
        .into_iter()
        .all(is_text);
    if !all_texts {
        let fits = i64::try_from(whole.chars().count()).is_ok_and(|length| length <= max_length);
        return if fits {
            Ok(whole)
        } else {
            cut_of_other_types(&format, [&model.value, &app.value], max_length)
        };
    }
    let format = LabelFormat {
        prefix,
        suffix,
        max_length,
        separator,
    };
    charm_kubernetes_label(model_name, app_name, format)
        .map_err(|error| value_error(&error.to_string()))
}

/// Cutting needs lengths, which numbers, booleans and null do not have.
fn cut_of_other_types(
    format: &Format<'_>,
    names: [&Value<'_>; 2],
    max_length: i64,
) -> Result<String, Failure> {
    let length = |value: &Value<'_>| match value {
        Value::String(text) => Ok(text.chars().count()),
        Value::Array(nodes) => Ok(nodes.len()),
        Value::Object(object) => Ok(object.members.len()),
        _ => Err(Failure::type_error("this has no length")),
    };
    let fixed = length(&format.prefix)? + length(&format.suffix)? + 10;
    if !i64::try_from(fixed).is_ok_and(|fixed| fixed <= max_length) {
        let message = "there is no room for the names".to_owned();
        return Err(Failure::Error("ValueError", message));
    }
    for name in names {
        length(name)?;
    }
    Err(Failure::Refused(
        "name-not-text",
        "lists and objects cannot be cut like text here".to_owned(),
    ))
}
