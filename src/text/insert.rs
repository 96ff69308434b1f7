//! Items put into the lists of a YAML or JSON text, where everything else stays as it was written.

use super::tree::{Node, Position, Value};
use serde::Serialize;

/// What is put in: a value without positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A number.
    Number(u64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Item>),
    /// A mapping.
    Map(Vec<(&'static str, Item)>),
}

/// A text that is put in at a place; nothing is taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Insertion {
    /// 1-based line.
    pub line: u32,
    /// 1-based column in characters; one past the last where a line's end is meant.
    pub column: u32,
    /// What is put in.
    pub insert: String,
}

/// Puts items into a list that stands in a text; `None` where it is written in a way that is not understood.
pub fn append(text: &str, list: &Node<'_>, items: &[Item]) -> Option<Insertion> {
    let old = list.as_array()?;
    let line = text.lines().nth(index(list.at.line)?)?;
    let column = index(list.at.column)?;
    let mut insert = String::new();
    // A list in brackets begins before its first item; `- [x]` no deeper than its key begins with it.
    let own_place = old.first().is_none_or(|first| first.at != list.at);
    if own_place && line.chars().nth(column) == Some('[') {
        // At the beginning: where such a list ends is not known.
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                insert.push_str(", ");
            }
            flow(item, true, &mut insert);
        }
        if !old.is_empty() {
            insert.push_str(", ");
        }
        return Some(Insertion {
            line: list.at.line,
            column: list.at.column.checked_add(1)?,
            insert,
        });
    }
    if old.is_empty() {
        return None;
    }
    // The parser places a list at its first dash, or behind it where that is no deeper than the list's key.
    let column = if line.chars().nth(column) == Some('-') && own_place {
        column
    } else {
        let before: String = line.chars().take(column).collect();
        let dash = before.trim_end();
        if dash.trim_start() != "-" {
            return None;
        }
        dash.len().checked_sub(1)?
    };
    let end = last_line(text, index(list.at.line)?, column);
    for item in items {
        insert.push('\n');
        indent(column, &mut insert);
        insert.push_str("- ");
        block(item, column + 2, &mut insert);
    }
    Some(at_end_of(text, end, insert))
}

/// Adds a key with a list to the mapping that is a document's root, or fills the empty list that the key has.
pub fn add_list(
    text: &str,
    root: &Node<'_>,
    key: &'static str,
    items: &[Item],
) -> Option<Insertion> {
    let object = root.as_object()?;
    if let Some(member) = object.member(key) {
        if matches!(member.value.value, Value::Array(_)) {
            return append(text, &member.value, items);
        }
        // `key:` and nothing behind it.
        let at = index(member.at.line)?;
        let line = text.lines().nth(at)?;
        if !member.value.is_null() || !line.trim_end().ends_with(':') {
            return None;
        }
        let column = index(member.at.column)?;
        let mut insert = String::new();
        for item in items {
            insert.push('\n');
            indent(column + 2, &mut insert);
            insert.push_str("- ");
            block(item, column + 4, &mut insert);
        }
        return Some(at_end_of(text, at, insert));
    }
    let first = index(root.at.line)?;
    let line = text.lines().nth(first)?;
    let column = index(root.at.column)?;
    if line.chars().nth(column) == Some('{') {
        return None;
    }
    let mut insert = String::from("\n");
    indent(column, &mut insert);
    insert.push_str(key);
    insert.push(':');
    for item in items {
        insert.push('\n');
        indent(column + 2, &mut insert);
        insert.push_str("- ");
        block(item, column + 4, &mut insert);
    }
    let end = text
        .lines()
        .enumerate()
        .skip(first)
        .take_while(|(_, line)| !ends_document(line))
        .filter(|(_, line)| has_content(line))
        .last()
        .map_or(first, |(at, _)| at);
    Some(at_end_of(text, end, insert))
}

/// A text with insertions made; each counts from the text as it was.
pub fn apply(text: &str, insertions: &[&Insertion]) -> String {
    let mut sorted: Vec<(usize, &str)> = insertions
        .iter()
        .map(|one| {
            let at = Position {
                line: one.line,
                column: one.column,
            };
            (offset(text, at), one.insert.as_str())
        })
        .collect();
    crate::order::sort_by(&mut sorted, |left, right| left.0.cmp(&right.0));
    let mut out = String::with_capacity(text.len() + 200);
    let mut done = 0;
    for (at, insert) in sorted {
        out.push_str(text.get(done..at).unwrap_or_default());
        out.push_str(insert);
        done = at;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

fn index(number: u32) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}

fn offset(text: &str, at: Position) -> usize {
    let (Some(line), Some(column)) = (index(at.line), index(at.column)) else {
        return text.len();
    };
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let rest = rest.lines().next().unwrap_or_default();
    let within = rest.char_indices().nth(column).map(|(at, _)| at);
    start + within.unwrap_or(rest.len())
}

/// The last line with content of a list that begins on a line, its dashes at a column; lines count from 0.
fn last_line(text: &str, first: usize, column: usize) -> usize {
    let mut last = first;
    for (at, line) in text.lines().enumerate().skip(first + 1) {
        if !has_content(line) {
            continue;
        }
        let depth = line.chars().take_while(|c| *c == ' ').count();
        let item = line.chars().nth(depth) == Some('-')
            && line.chars().nth(depth + 1).is_none_or(|c| c == ' ');
        if ends_document(line) || depth < column || depth == column && !item {
            break;
        }
        last = at;
    }
    last
}

fn has_content(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

fn ends_document(line: &str) -> bool {
    let mark = line.split([' ', '\t']).next();
    matches!(mark, Some("---" | "..."))
}

fn at_end_of(text: &str, at: usize, insert: String) -> Insertion {
    let length = text.lines().nth(at).map_or(0, |line| line.chars().count());
    let Position { line, column } = Position::new(at + 1, length + 1);
    Insertion {
        line,
        column,
        insert,
    }
}

fn indent(by: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', by));
}

/// Writes an item in lines of its own, where the first stands at a column already.
fn block(item: &Item, column: usize, out: &mut String) {
    let Item::Map(members) = item else {
        return flow(item, false, out);
    };
    for (at, (key, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push('\n');
            indent(column, out);
        }
        out.push_str(key);
        out.push(':');
        match value {
            Item::List(items) if items.iter().any(|item| matches!(item, Item::Map(_))) => {
                for item in items {
                    out.push('\n');
                    indent(column + 2, out);
                    out.push_str("- ");
                    block(item, column + 4, out);
                }
            }
            _ => {
                out.push(' ');
                flow(value, false, out);
            }
        }
    }
}

/// Writes an item in one line: as JSON, or with quotes only where YAML needs them.
fn flow(item: &Item, json: bool, out: &mut String) {
    match item {
        Item::Number(number) => out.push_str(&number.to_string()),
        Item::Text(text) if !json && is_plain(text) => out.push_str(text),
        Item::Text(text) => out.push_str(&super::to_json(text.as_str()).unwrap_or_default()),
        Item::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                flow(item, json, out);
            }
            out.push(']');
        }
        Item::Map(members) => {
            out.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                flow(&Item::Text((*key).to_owned()), json, out);
                out.push_str(": ");
                flow(value, json, out);
            }
            out.push('}');
        }
    }
}

/// Whether a text means itself in YAML without quotes, within brackets too.
fn is_plain(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    let other = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "~",
    ];
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/_-.:".contains(c))
        && !text.ends_with(':')
        && !other.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{parse_any, parse_yaml};

    fn item() -> Item {
        Item::Map(vec![
            ("ports", Item::List(vec![Item::Number(80)])),
            ("paths", Item::List(vec![Item::Text("/x y".to_owned())])),
        ])
    }

    fn appended(text: &str) -> String {
        let documents = parse_any(text).unwrap();
        let root = &documents.first().unwrap().root;
        let made = add_list(text, root, "list", &[item()]);
        apply(text, &made.iter().collect::<Vec<_>>())
    }

    #[test]
    fn appends_to_lists_however_they_are_written() {
        for (text, expected) in [
            (
                "a: 1\nlist:\n  - x: 1\n    y: 2\n\n# more\nb: 2\n",
                "a: 1\nlist:\n  - x: 1\n    y: 2\n  - ports: [80]\n    paths: [\"/x y\"]\n\n# more\nb: 2\n",
            ),
            (
                "list:\n- x\nb: 2",
                "list:\n- x\n- ports: [80]\n  paths: [\"/x y\"]\nb: 2",
            ),
            (
                "list:\n- [x]\n- - y\n  - z\n",
                "list:\n- [x]\n- - y\n  - z\n- ports: [80]\n  paths: [\"/x y\"]\n",
            ),
            (
                "list: [{x: 1}]\n",
                "list: [{\"ports\": [80], \"paths\": [\"/x y\"]}, {x: 1}]\n",
            ),
            (
                "list: []\nb: 2\n",
                "list: [{\"ports\": [80], \"paths\": [\"/x y\"]}]\nb: 2\n",
            ),
            (
                "a: ü\nlist:\nb: 2\n",
                "a: ü\nlist:\n  - ports: [80]\n    paths: [\"/x y\"]\nb: 2\n",
            ),
            (
                "a: 1\n# end\n---\nb: 2\n",
                "a: 1\nlist:\n  - ports: [80]\n    paths: [\"/x y\"]\n# end\n---\nb: 2\n",
            ),
            (
                "a: 1",
                "a: 1\nlist:\n  - ports: [80]\n    paths: [\"/x y\"]",
            ),
            (
                "{\"a\": \"ü\", \"list\": [1]}",
                "{\"a\": \"ü\", \"list\": [{\"ports\": [80], \"paths\": [\"/x y\"]}, 1]}",
            ),
        ] {
            let made = appended(text);
            assert_eq!(made, expected);
            let before = parse_yaml(text).unwrap();
            let after = parse_yaml(&made).unwrap();
            assert_eq!(before.len(), after.len());
        }
    }

    #[test]
    fn leaves_alone_what_it_does_not_understand() {
        for text in ["{a: 1}", "list: x", "list: &x [1]", "- 1"] {
            let made = appended(text);
            assert!(made == text || parse_any(&made).is_ok(), "{made}");
        }
    }
}
