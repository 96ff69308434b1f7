//! Expectations that say something of nobody: they hold, or fail, whatever the policies are.

use super::code;
use super::known::Known;
use super::values::METHODS;
use crate::analysis::decide::Analysis;
use crate::analysis::expectation::{Expectation, To, Who};
use crate::diagnostic::{Diagnostic, clip};
use crate::map::Index;

/// What is doubtful about expectations.
pub fn expectations(analysis: &Analysis, expectations: &[Expectation]) -> Vec<Diagnostic> {
    let known = Known::new(&analysis.mesh);
    // Clients of which the input says nothing, and a policy does, are meant.
    let mut mentioned = Index::default();
    for rule in analysis.mesh.policies.iter().flat_map(|one| &one.rules) {
        let lists = rule.from.iter().flat_map(|one| one.lists.iter().flatten());
        let values = lists.flat_map(|list| &list.values);
        let conditions = rule.when.iter();
        for value in
            values.chain(conditions.flat_map(|one| one.values.iter().chain(&one.not_values)))
        {
            for part in value.text.split('/') {
                mentioned.add(part);
            }
        }
    }
    let mut found = Vec::new();
    for one in expectations {
        let mut doubt = |code: &'static str, text: String, help: &str| {
            let warning = Diagnostic::warning(code, text).at(&one.file, one.at);
            found.push(warning.help(help));
        };
        for who in one.from.iter().chain(&one.except) {
            let Who::Account { namespace, name } = who else {
                continue;
            };
            let described = !analysis.mesh.namespaces.is_empty();
            match name {
                Some(name) if known.lacks_account(namespace, name) => doubt(
                    code::UNKNOWN_SERVICE_ACCOUNT,
                    format!(
                        "no workload of `{}` runs as `{}`",
                        clip(namespace),
                        clip(name)
                    ),
                    "correct the client's name",
                ),
                _ if described
                    && !known.has_namespace(namespace)
                    && !mentioned.contains(namespace) =>
                {
                    doubt(
                        code::UNKNOWN_NAMESPACE,
                        format!("the input has no namespace `{}`", clip(namespace)),
                        "correct the client's namespace, or give its manifest as well",
                    )
                }
                _ => {}
            }
        }
        if let (To::Service(namespace, name), Some(port)) = (&one.to, one.port)
            && let Some(at) = analysis.points.service(namespace, name)
            && let Some(service) = analysis.mesh.services.get(at)
            && let Some(ports) = &service.ports
            && !ports.iter().any(|one| one.port == port)
        {
            let some = ports.iter().take(20);
            let listed: Vec<String> = some.map(|one| one.port.to_string()).collect();
            let has = match listed.as_slice() {
                [] => "none".to_owned(),
                listed => listed.join(", "),
            };
            doubt(
                code::UNKNOWN_PORT,
                format!(
                    "the Service `{}` has no port `{port}`, so nothing reaches it there: it has {}",
                    clip(name),
                    clip(&has)
                ),
                "write the Service's port, not the pod's",
            );
        }
        if let Some(method) = &one.method
            && !METHODS.contains(&method.as_str())
        {
            let upper = method.to_ascii_uppercase();
            let (text, help) = if METHODS.contains(&upper.as_str()) {
                (
                    format!("`{method}` is another method than `{upper}`: case counts"),
                    format!("write `{upper}`"),
                )
            } else {
                (
                    format!("`{}` is no method of HTTP", clip(method)),
                    format!("write one of {}", METHODS.join(", ")),
                )
            };
            doubt(code::ODD_METHOD, text, &help);
        }
    }
    found
}
