//! Keys that nobody reads.

use super::charm::clip;
use crate::diagnostic::{Diagnostic, code};
use crate::names::one_edit_apart;
use crate::text::{Object, Position};

/// Warns of keys that look like a misspelling of one that is known; others are passed by.
pub(super) fn misspelled(
    file: &str,
    object: &Object<'_>,
    known: &[&str],
    diagnostics: &mut Vec<Diagnostic>,
) {
    judge(file, None, object, known, false, diagnostics);
}

/// The same of what stands in the text of a databag, which has one place.
pub(super) fn misspelled_at(
    file: &str,
    place: Option<Position>,
    object: &Object<'_>,
    known: &[&str],
    diagnostics: &mut Vec<Diagnostic>,
) {
    judge(file, place, object, known, false, diagnostics);
}

/// Warns of every key that is not known: for what nobody but us gives a meaning to.
pub(super) fn unknown(
    file: &str,
    object: &Object<'_>,
    known: &[&str],
    diagnostics: &mut Vec<Diagnostic>,
) {
    judge(file, None, object, known, true, diagnostics);
}

fn judge(
    file: &str,
    place: Option<Position>,
    object: &Object<'_>,
    known: &[&str],
    all: bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for member in object.iter() {
        let key = member.key.as_ref();
        if known.contains(&key) {
            continue;
        }
        let meant = known.iter().find(|name| one_edit_apart(key, name));
        let (code, help) = match meant {
            Some(meant) => (code::MISSPELLED_KEY, format!("write `{meant}`")),
            None if all => (
                code::UNKNOWN_KEY,
                format!("the keys are {}", known.join(", ")),
            ),
            None => continue,
        };
        let text = format!("the key `{}` is not known and is ignored", clip(key));
        diagnostics.push(
            Diagnostic::warning(code, text)
                .at(file, place.unwrap_or(member.at))
                .help(help),
        );
    }
}
