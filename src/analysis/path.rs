//! What Envoy makes of a request's path before policies see it.
//!
//! Sources: envoyproxy/envoy `source/common/http/{path_utility,conn_manager_utility}.cc` and the URL
//! canonicaliser that it uses; istio.io/istio's `pathNormalization` for the order of the steps.

use crate::mesh::PathNormalization;
use std::borrow::Cow;

/// The whole of a `:path` header after normalisation, query included; `None` where Envoy answers
/// 400 and no policy is asked: a path that does not begin with `/`, one with a fragment, with bytes
/// that a request line cannot hold, with an encoded NUL.
pub fn normalise(path: &str, mode: PathNormalization) -> Option<Cow<'_, str>> {
    if !path.starts_with('/') || path.contains('#') {
        // `OPTIONS *` is the one request-target without a slash.
        return (path == "*").then_some(Cow::Borrowed(path));
    }
    if path.bytes().any(|byte| !(b'!'..=b'~').contains(&byte)) {
        return None;
    }
    if mode == PathNormalization::None {
        return Some(Cow::Borrowed(path));
    }
    let (before, query) = match path.find('?') {
        Some(at) => path.split_at(at),
        None => (path, ""),
    };
    let decode = mode == PathNormalization::DecodeAndMergeSlashes;
    let merge = decode || mode == PathNormalization::MergeSlashes;
    // Most paths are in order already.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_~!$&'()*+,:;=@[]".contains(&byte);
    if before.bytes().all(plain) && !(merge && before.contains("//")) {
        return Some(Cow::Borrowed(path));
    }
    let unescaped = if decode {
        Cow::Owned(unescape_slashes(before))
    } else {
        Cow::Borrowed(before)
    };
    let mut out = canonical(without_dot_parameters(&unescaped).as_bytes())?;
    // "Merge slashes after path normalization to catch potential edge cases".
    if merge {
        out = merge_slashes(&out);
    }
    out.push_str(query);
    Some(Cow::Owned(out))
}

/// The path without query, as policies on `paths` see it.
pub fn without_query(path: &str) -> &str {
    // One at a time: the standard library has a fast search for a character, and a slow one for two.
    let path = path.split_once('?').map_or(path, |(before, _)| before);
    path.split_once('#').map_or(path, |(before, _)| before)
}

/// `%2F` and `%5C`, in either case, become `/` and `\`.
#[inline(never)]
fn unescape_slashes(path: &str) -> String {
    let mut out = path.to_owned();
    for (from, to) in [("%2F", "/"), ("%2f", "/"), ("%5C", "\\"), ("%5c", "\\")] {
        if out.contains(from) {
            out = out.replace(from, to);
        }
    }
    out
}

/// A path of nothing but slashes keeps two: Envoy joins its segments, of which there are none, between
/// a slash before and one after.
#[inline(never)]
fn merge_slashes(path: &str) -> String {
    if path.len() > 1 && path.bytes().all(|byte| byte == b'/') {
        return "//".to_owned();
    }
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    out
}

/// A segment `..;PARAMETERS` is `..`, and `.;PARAMETERS` is `.`; other parameters stay. The dots must be
/// written plainly.
fn without_dot_parameters(path: &str) -> Cow<'_, str> {
    if !path.contains("/.;") && !path.contains("/..;") {
        return Cow::Borrowed(path);
    }
    let mut out = String::with_capacity(path.len());
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            out.push('/');
        }
        out.push_str(if segment.starts_with("..;") {
            ".."
        } else if segment.starts_with(".;") {
            "."
        } else {
            segment
        });
    }
    Cow::Owned(out)
}

/// Resolves `.` and `..`, written plainly or as `%2e`; turns `\` to `/`; decodes what need not be
/// encoded and encodes what must be. `None` for an encoded NUL.
#[inline(never)]
fn canonical(path: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    // Where a `%` stands in `out` that begins no escape.
    let mut stray: Option<usize> = None;
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        let dot = dot_length(path, at);
        if dot > 0 {
            match after_dot(path, at + dot).filter(|_| out.ends_with('/')) {
                Some((up, used)) => {
                    if up {
                        up_one(&mut out);
                        stray = stray.filter(|stray| *stray < out.len());
                    }
                    at += dot + used;
                }
                None => {
                    out.push('.');
                    at += dot;
                }
            }
            continue;
        }
        at += 1;
        match byte {
            b'\\' => out.push('/'),
            b'%' => match escaped(path, at) {
                Some(0) => return None,
                Some(value) if value.is_ascii_alphanumeric() || b"-_~.".contains(&value) => {
                    out.push(char::from(value));
                    at += 2;
                    if let Some(percent) = stray
                        && makes_escape(&out, percent, path.get(at).copied())
                    {
                        out.insert_str(percent + 1, "25");
                        stray = None;
                    }
                }
                Some(_) => {
                    out.push('%');
                    for digit in path.iter().skip(at).take(2) {
                        out.push(char::from(*digit));
                    }
                    at += 2;
                }
                None => {
                    stray = Some(out.len());
                    out.push('%');
                }
            },
            b' '..=b'~' if !b" \"<>^`{|}".contains(&byte) => out.push(char::from(byte)),
            _ => {
                let hex = b"0123456789ABCDEF";
                out.push('%');
                for digit in [byte >> 4, byte & 15] {
                    out.extend(hex.get(usize::from(digit)).copied().map(char::from));
                }
            }
        }
    }
    Some(out)
}

/// Whether what was decoded last makes an escape with a `%` before it that began none: with a
/// character between the two, or with the next one.
fn makes_escape(out: &str, percent: usize, next: Option<u8>) -> bool {
    let mut digits = out.bytes().skip(percent + 1).chain(next).take(2);
    let two =
        [digits.next(), digits.next()].map(|digit| digit.is_some_and(|d| d.is_ascii_hexdigit()));
    out.len() <= percent + 3 && two == [true, true]
}

/// The length of a dot at a place: 1, 3 for `%2e`, 0 for none.
#[inline(never)]
fn dot_length(path: &[u8], at: usize) -> usize {
    match path.get(at) {
        Some(b'.') => 1,
        Some(b'%') if escaped(path, at + 1) == Some(b'.') => 3,
        _ => 0,
    }
}

/// After a first dot: whether a segment `.` (false) or `..` (true) ends here, and how many bytes
/// more it takes. `None` where the dot is part of a name.
fn after_dot(path: &[u8], at: usize) -> Option<(bool, usize)> {
    let ends = |at: usize| match path.get(at) {
        None => Some(0),
        Some(b'/' | b'\\') => Some(1),
        Some(_) => None,
    };
    if let Some(used) = ends(at) {
        return Some((false, used));
    }
    let second = dot_length(path, at);
    if second == 0 {
        return None;
    }
    ends(at + second).map(|used| (true, second + used))
}

/// Takes the last segment off; the first slash stays.
fn up_one(out: &mut String) {
    out.pop();
    match out.rfind('/') {
        Some(slash) => out.truncate(slash + 1),
        None => out.push('/'),
    }
}

/// The value of two hexadecimal digits.
fn escaped(path: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| char::from(*path.get(at)?).to_digit(16);
    u8::try_from(digit(at)? * 16 + digit(at + 1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        use PathNormalization::{Base, DecodeAndMergeSlashes, MergeSlashes, None as Off};
        for (mode, path, expected) in [
            (Off, "/x/../a", "/x/../a"),
            (Base, "/x/../a?b=/../c", "/a?b=/../c"),
            (Base, "/./a", "/a"),
            (Base, "/%61", "/a"),
            (Base, "/x/%2e%2E/a", "/a"),
            (Base, "/a/..", "/"),
            (Base, "/..", "/"),
            (Base, "/../../a", "/a"),
            (Base, "//a", "//a"),
            (Base, "/a\\b", "/a/b"),
            (Base, "/a%2Fb", "/a%2Fb"),
            (Base, "/a.b/..c/d..", "/a.b/..c/d.."),
            (Base, "/a\"b{", "/a%22b%7B"),
            (Base, "/%zz%4", "/%zz%4"),
            (Base, "/%1%61", "/%251a"),
            (Base, "/%A%61", "/%25Aa"),
            (Base, "/%%361", "/%2561"),
            (Base, "/%%36%31", "/%2561"),
            (Base, "/%%36z", "/%6z"),
            (Base, "/%%%36%31", "/%%2561"),
            (Base, "/%/../%61%62%63", "/abc"),
            (Base, "/%2%61.%2f", "/%252a.%2f"),
            (Base, "/x/..;/a", "/a"),
            (Base, "/x/..;v=1/a", "/a"),
            (Base, "/x/.;/a", "/x/a"),
            (Base, "/..;]>", "/"),
            (Base, "/.;", "/"),
            (Base, "/..;//..b", "//..b"),
            (MergeSlashes, "/..;//..b", "/..b"),
            (Base, "/x/%2e%2e;/a", "/x/..;/a"),
            (Base, "/x/..;\\a", "/"),
            (Base, "/x/..;..;/a", "/a"),
            (Base, "/x/y/..;", "/x/"),
            (Base, "/x/..;?q=1", "/?q=1"),
            (Base, "/a;v/b", "/a;v/b"),
            (MergeSlashes, "//a", "/a"),
            (MergeSlashes, "/x//../a", "/x/a"),
            (MergeSlashes, "/a//", "/a/"),
            (MergeSlashes, "///", "//"),
            (DecodeAndMergeSlashes, "/a%2F%2fb", "/a/b"),
            (DecodeAndMergeSlashes, "/a%5Cb", "/a/b"),
            (DecodeAndMergeSlashes, "/a%252Fb", "/a%252Fb"),
        ] {
            assert_eq!(normalise(path, mode).as_deref(), Some(expected), "{path}");
        }
        for path in ["", "a", "\\a", "/a#b", "/%00", "/é", "/a b", "/\u{7f}"] {
            assert_eq!(normalise(path, Base), None, "{path}");
        }
    }
}
