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

#[cfg(test)]
mod tests {
    use super::{is_dns_label, is_dns_subdomain};

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
}
