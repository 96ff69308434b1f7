//! Whether two policies say the same.

use super::policy::AuthorizationPolicy;

/// What a policy says, without its name and places.
pub fn fingerprint(policy: &AuthorizationPolicy) -> String {
    let mut out = String::new();
    let mut part = |text: &str| {
        out.push_str(text);
        out.push('\0');
    };
    part(&policy.namespace);
    part(policy.action.name());
    part(policy.provider.as_deref().unwrap_or_default());
    part(if policy.is_dry_run() { "dry" } else { "" });
    match &policy.selector {
        None => part("all"),
        Some(labels) => {
            let mut sorted: Vec<&(String, String)> = labels.iter().collect();
            crate::order::sort(&mut sorted);
            for (key, value) in sorted {
                part(key);
                part(value);
            }
        }
    }
    for target in policy.targets() {
        part(&target.kind);
        part(&target.name);
    }
    for rule in &policy.rules {
        part("rule");
        for (kind, entries) in [("from", &rule.from), ("to", &rule.to)] {
            for entry in entries {
                part(kind);
                for list in entry.lists.iter().flatten() {
                    part(list.attribute.key(list.negated));
                    for value in &list.values {
                        part(&value.text);
                    }
                }
            }
        }
        for condition in &rule.when {
            part("when");
            part(&condition.key.text);
            for value in &condition.values {
                part(&value.text);
            }
            part("not");
            for value in &condition.not_values {
                part(&value.text);
            }
        }
    }
    out
}
