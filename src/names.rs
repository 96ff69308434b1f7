//! Names as Kubernetes and Juju allow them.

/// Whether a name is a DNS-1123 label: it becomes part of principals and paths.
pub fn is_dns_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Whether a name is a DNS-1123 subdomain: labels with dots between them, as most objects are named.
pub fn is_dns_subdomain(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// Whether a text is a label's value, or may follow the prefix of its key.
pub fn is_label_value(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && edge(text.bytes().next())
        && edge(text.bytes().next_back())
}

/// Whether a text is a label's key: `NAME` or `PREFIX/NAME`.
pub fn is_label_key(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    prefix.is_none_or(is_dns_subdomain) && !name.is_empty() && is_label_value(name)
}

/// Whether two keys differ by one inserted, missing, changed or swapped character, or only by
/// case, hyphens and underscores, or as `policy` and `policies`. Long keys are told apart at once.
pub fn one_edit_apart(left: &str, right: &str) -> bool {
    if left.len().abs_diff(right.len()) > 2 {
        return false;
    }
    // One edit leaves the first character or the last, but for two that are swapped.
    let mut ends = (plain(left), plain(right));
    if left.len() > 2 && ends.0.next() != ends.1.next() && ends.0.next_back() != ends.1.next_back()
    {
        return false;
    }
    let is_many = |many: &str, one: &str| match (many.strip_suffix("ies"), one.strip_suffix('y')) {
        (Some(many), Some(one)) => plain(many).eq(plain(one)),
        _ => false,
    };
    if is_many(left, right) || is_many(right, left) {
        return true;
    }
    let same = |(one, other): &(char, char)| one == other;
    let prefix = plain(left).zip(plain(right)).take_while(same).count();
    // What is left of each behind what both begin with, without its first characters.
    let left = |skipped: usize| plain(left).skip(prefix + skipped);
    let right = |skipped: usize| plain(right).skip(prefix + skipped);
    left(0).eq(right(0))
        || left(1).eq(right(0))
        || left(0).eq(right(1))
        || left(1).eq(right(1))
        || (left(0).next() == right(1).next()
            && left(1).next() == right(0).next()
            && left(2).eq(right(2)))
}

/// The characters of a key that tell it from others.
fn plain(text: &str) -> impl DoubleEndedIterator<Item = char> {
    let counts = |letter: &char| !matches!(letter, '-' | '_');
    text.chars()
        .filter(counts)
        .map(|letter| letter.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::{is_dns_label, is_dns_subdomain, is_label_key, is_label_value, one_edit_apart};

    #[test]
    fn labels() {
        for name in ["a", "0", "a-b", &"x".repeat(63)] {
            assert!(is_dns_label(name), "{name}");
        }
        for name in [
            "",
            "*",
            "a/b",
            "..",
            "A",
            "-a",
            "a-",
            "a.b",
            "é",
            &"x".repeat(64),
        ] {
            assert!(!is_dns_label(name), "{name}");
        }
    }

    #[test]
    fn subdomains() {
        let long = "x".repeat(253);
        for name in ["a", "0.b", "a-b.c", &long] {
            assert!(is_dns_subdomain(name), "{name}");
        }
        let longer = "x".repeat(254);
        for name in [
            "", ".", "a.", ".a", "a..b", "a.-b", "A", "a/b", "*", &longer,
        ] {
            assert!(!is_dns_subdomain(name), "{name}");
        }
    }

    #[test]
    fn labels_of_objects() {
        let long = "x".repeat(63);
        for value in ["", "a", "A.b_c-1", &long] {
            assert!(is_label_value(value), "{value}");
        }
        let longer = "x".repeat(64);
        for value in ["a ", " ", "-a", "a.", "a/b", "é", "a\u{200b}", &longer] {
            assert!(!is_label_value(value), "{value}");
        }
        for key in [
            "a",
            "app.kubernetes.io/name",
            "istio.io/use-waypoint",
            "A_b",
        ] {
            assert!(is_label_key(key), "{key}");
        }
        for key in ["", "a/", "/a", "a/b/c", "A/b", "a b", "a_b/c", &longer] {
            assert!(!is_label_key(key), "{key}");
        }
    }

    #[test]
    fn notices_misspelled_keys_and_leaves_others_alone() {
        for (key, known) in [
            ("provide", "provides"),
            ("polices", "policies"),
            ("policy", "policies"),
            ("raw-policies", "raw_policies"),
            ("methdos", "methods"),
            ("Peers", "peers"),
            ("pers", "peers"),
            ("peerss", "peers"),
            ("pears", "peers"),
            ("peer", "peers"),
            ("epers", "peers"),
            ("p_eer-s", "peers"),
        ] {
            assert!(one_edit_apart(key, known), "{key}");
        }
        for (key, known) in [
            ("notes", "peers"),
            ("source", "service"),
            ("relation_side", "relation"),
            ("p-e-e-r-s", "peers"),
            ("p", "peers"),
            ("peers", "p"),
            ("xab", "xca"),
            ("xab", "xbc"),
            ("xabc", "xbad"),
            ("xabcd", "xbadd"),
        ] {
            assert!(!one_edit_apart(key, known), "{key}");
        }
    }
}
