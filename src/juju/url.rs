//! What bundles call charms, and offers of other models.

/// `ch:amd64/focal/grafana-k8s-12`, `cs:~user/grafana-k8s-3`, `./grafana-k8s.charm` and
/// `grafana-k8s` all name the charm `grafana-k8s`.
pub(super) fn charm_name(written: &str) -> &str {
    let is_local = written.starts_with(['.', '/']);
    let name = written.rsplit('/').next().unwrap_or(written);
    let name = name.rsplit_once(':').map_or(name, |(_, name)| name);
    if is_local {
        let name = name.strip_suffix(".charm").unwrap_or(name);
        // charmcraft packs `NAME_ubuntu-22.04-amd64.charm`; a charm's name has no underscore.
        return name.split_once('_').map_or(name, |(name, _)| name);
    }
    let has_schema = written.contains(':');
    match name.rsplit_once('-') {
        Some((base, revision))
            if has_schema
                && !revision.is_empty()
                && revision.bytes().all(|b| b.is_ascii_digit()) =>
        {
            base
        }
        _ => name,
    }
}

/// The parts of `[controller:][user/]model.offer`.
pub fn parse_saas_url(url: &str) -> Option<(&str, &str)> {
    let path = url.split_once(':').map_or(url, |(_, path)| path);
    if path.contains(':') {
        return None;
    }
    let path = match path.split_once('/') {
        Some(("", _)) => return None,
        Some((_, path)) => path,
        None => path,
    };
    if path.contains('/') {
        return None;
    }
    let (model, offer) = path.split_once('.')?;
    (!model.is_empty() && !offer.is_empty()).then_some((model, offer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charm_names() {
        for (written, name) in [
            ("grafana-k8s", "grafana-k8s"),
            ("ch:grafana-k8s", "grafana-k8s"),
            ("ch:amd64/jammy/grafana-k8s-12", "grafana-k8s"),
            ("cs:~u/grafana-k8s-3", "grafana-k8s"),
            ("./grafana-k8s_ubuntu-22.04-amd64.charm", "grafana-k8s"),
            ("../charms/grafana", "grafana"),
            ("app-2", "app-2"),
        ] {
            assert_eq!(charm_name(written), name, "{written}");
        }
    }

    #[test]
    fn saas_urls() {
        assert_eq!(parse_saas_url("admin/cos.loki"), Some(("cos", "loki")));
        assert_eq!(parse_saas_url("ctl:admin/cos.loki"), Some(("cos", "loki")));
        assert_eq!(parse_saas_url("cos.loki"), Some(("cos", "loki")));
        for url in [
            "",
            "admin/cos",
            "admin/.loki",
            "admin/cos.",
            "/cos.loki",
            "a/admin/cos.loki",
            "a:b:admin/cos.loki",
        ] {
            assert_eq!(parse_saas_url(url), None, "{url}");
        }
    }
}
