//! `when`: the condition under which a charm makes a policy.

use super::bundle::Application;
use crate::map::Map;

/// What is known of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// This input cannot tell.
    Unknown,
}

/// Defaults of published charms whose charm files may leave them out: (charm, option, default).
/// Source: charmcraft.yaml of istio-k8s.
const PUBLISHED_DEFAULTS: [(&str, &str, &str); 2] = [
    ("istio-k8s", "hardened-mode", "false"),
    ("istio-k8s", "auto-allow-waypoint-policy", "true"),
];

/// Evaluates `always`, `ENDPOINT related` and `config KEY=VALUE`, joined by `and`. After the first `config`, the word may be
/// left out. Anything else is unknown. No condition always holds.
pub fn evaluate(
    when: Option<&str>,
    application: Option<&Application<'_>>,
    defaults: &Map<'_, String>,
    related: &dyn Fn(&str) -> Truth,
) -> Truth {
    let Some(when) = when else {
        return Truth::True;
    };
    let mut truth = Truth::True;
    let mut after_config = false;
    for part in when.split(" and ").map(str::trim) {
        let setting = part.strip_prefix("config ");
        after_config |= setting.is_some();
        let endpoint = part.strip_suffix(" related");
        let part = match (part, endpoint, setting.or(after_config.then_some(part))) {
            ("always", ..) => Truth::True,
            (_, Some(endpoint), _) => related(endpoint),
            (.., Some(setting)) => holds(setting, application, defaults),
            _ => Truth::Unknown,
        };
        // A part that does not hold decides, whatever is unknown beside it.
        truth = match (truth, part) {
            (Truth::False, _) | (_, Truth::False) => Truth::False,
            (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
            _ => Truth::True,
        };
    }
    truth
}

fn holds(
    setting: &str,
    application: Option<&Application<'_>>,
    defaults: &Map<'_, String>,
) -> Truth {
    let Some((key, wanted)) = setting.split_once('=') else {
        return Truth::Unknown;
    };
    if key.contains(' ') || wanted.contains(' ') {
        return Truth::Unknown;
    }
    option(key, application, defaults)
        .map_or(Truth::Unknown, |value| known(is_set_to(value, wanted)))
}

/// What an option of an application is set to: by its bundle, or else by its charm.
pub fn option<'o>(
    key: &str,
    application: Option<&'o Application<'_>>,
    defaults: &'o Map<'_, String>,
) -> Option<&'o str> {
    application
        .and_then(|application| application.options.get(key))
        .or_else(|| defaults.get(key))
        .map(String::as_str)
        .or_else(|| published_default(application?.charm, key))
}

/// Whether an option's value in a bundle is this one. Juju reads bundles as YAML 1.1 does, where `yes` and `on` are `true`.
/// Source: juju/charm, whose bundles are read by `gopkg.in/yaml.v2` (resolve.go).
pub fn is_set_to(value: &str, wanted: &str) -> bool {
    let is_word = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    value == wanted
        || match wanted {
            "true" => is_word(&["y", "yes", "on"]),
            "false" => is_word(&["n", "no", "off"]),
            _ => false,
        }
}

fn published_default(charm: &str, key: &str) -> Option<&'static str> {
    PUBLISHED_DEFAULTS
        .iter()
        .find(|(name, option, _)| *name == charm && *option == key)
        .map(|(_, _, default)| *default)
}

/// What is known of something that is told.
pub fn known(holds: bool) -> Truth {
    if holds { Truth::True } else { Truth::False }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        let application = Application {
            file: "",
            at: Default::default(),
            charm: "c",
            options: Map::from_iter([
                ("model-on-mesh", "true".to_owned()),
                ("hardened", "off".to_owned()),
            ]),
            offers: Map::new(),
        };
        let defaults = Map::from_iter([("manage", "true".to_owned())]);
        let related = |endpoint: &str| match endpoint {
            "service-mesh" | "forward-auth" => Truth::True,
            "certificates" => Truth::False,
            _ => Truth::Unknown,
        };
        for (when, truth) in [
            ("always", Truth::True),
            ("service-mesh related", Truth::True),
            ("config model-on-mesh=true and manage=true", Truth::True),
            ("config model-on-mesh=false and moon=full", Truth::False),
            ("config hardened=false", Truth::True),
            ("config hardened=true", Truth::False),
            ("config other=1", Truth::Unknown),
            ("always; ipBlocks from config x=y", Truth::Unknown),
            ("forward-auth related", Truth::True),
            ("certificates related and it rains", Truth::False),
            ("forward-auth related and it rains", Truth::Unknown),
            ("it is related", Truth::Unknown),
        ] {
            assert_eq!(
                evaluate(Some(when), Some(&application), &defaults, &related),
                truth,
                "{when}"
            );
        }
    }
}
