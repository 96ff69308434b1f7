//! What a document is, for messages about one that was given as something else.

use crate::text::Node;

/// What a document is that is no `asked`, and where it belongs.
pub fn misplaced(root: &Node<'_>, asked: &'static str) -> Option<(String, &'static str)> {
    let has = |key: &str| root.get(key).is_some();
    let first = root.as_array().and_then(<[_]>::first);
    let (what, help) = if has("applications") {
        ("a bundle", "give it without `--manifests`")
    } else if has("kind") && has("apiVersion") {
        (
            "a Kubernetes object",
            "give it by `--manifests`, to a command that takes them",
        )
    } else if has("charm") || has("name") && ["requires", "provides", "peers"].into_iter().any(has)
    {
        ("a charm file", "give it by `--charms`")
    } else if first.is_some_and(|one| one.get("expect").is_some()) {
        ("a file of expectations", "give it to `mesh-policy test`")
    } else {
        return None;
    };
    Some((format!("this is {what}, not {asked}"), help))
}
