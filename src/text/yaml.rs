//! YAML text into the tree, from `saphyr-parser`'s events.
//!
//! Aliases and merge keys (`<<`) are expanded within a budget, so that a small document cannot
//! become a large tree.

use super::indent::{Indented, owned};
use super::scalar::{is_word, scalar};
use super::tree::{Document, Member, Node, Object, Position, Value};
use super::{MAX_ALIAS_NODES, MAX_DEPTH, MAX_INPUT, TextError};
use crate::map::Index;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};
use std::borrow::Cow;

pub(super) const MALFORMED: &str = "malformed-yaml";

/// Reads all documents of a YAML text. An empty text has none.
pub fn parse_yaml(text: &str) -> Result<Vec<Document<'_>>, TextError> {
    if text.len() > MAX_INPUT {
        return Err(TextError::too_large());
    }
    read(text).map_err(|error| TextError {
        // Charts of Helm and bundles for Jinja are YAML only when they are rendered.
        help: (error.code == MALFORMED && text.contains("{{")).then_some(
            "`{{` begins a template: give what comes out of it, such as by `helm template`",
        ),
        ..error
    })
}

fn read(text: &str) -> Result<Vec<Document<'_>>, TextError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(found) => found,
            Err(error) => {
                let refused = malformed(&error, position(error.marker()));
                let is_indentation = error.info().starts_with("invalid indentation");
                return match is_indentation.then(|| parse_loosely(text)).flatten() {
                    Some(Ok(documents)) => Ok(documents),
                    // What lets less be read is no help.
                    Some(Err(later)) if later.at > refused.at => Err(later),
                    _ => Err(refused),
                };
            }
        };
        builder.event(event, position(&span.start))?;
    }
    Ok(builder.documents)
}

fn malformed(error: &ScanError, at: Position) -> TextError {
    TextError::new(MALFORMED, lower_first(error.info()), at)
}

/// Reads a text in which lines within brackets or quotes are not indented; `None` where there are none such, or where
/// the parser does not take for brackets and quotes what was taken for them.
fn parse_loosely<'a>(text: &str) -> Option<Result<Vec<Document<'a>>, TextError>> {
    let mut indented = Indented::new(text)?;
    let padded = std::mem::take(&mut indented.text);
    let mut builder = Builder::default();
    let mut open = Vec::new();
    for event in Parser::new_from_str(&padded) {
        let (event, span) = match event {
            Ok(found) => found,
            Err(error) => {
                let at = indented.original(position(error.marker()));
                return Some(Err(malformed(&error, at)));
            }
        };
        let at = indented.original(position(&span.start));
        indented.pass(at);
        match &event {
            Event::SequenceStart(..) | Event::MappingStart(..) => open.push(at),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(from) = open.pop() {
                    indented.saw(from, at);
                }
            }
            Event::Scalar(_, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted, ..) => {
                indented.saw(at, indented.original(position(&span.end)));
            }
            _ => {}
        }
        if let Err(error) = builder.event(owned(event), at) {
            return Some(Err(error));
        }
    }
    indented.is_confirmed().then_some(Ok(builder.documents))
}

fn position(marker: &Marker) -> Position {
    Position::new(marker.line(), marker.col() + 1)
}

fn lower_first(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| {
        std::iter::once(first.to_ascii_lowercase())
            .chain(chars)
            .collect()
    })
}

/// A collection that is being read.
struct Frame<'a> {
    at: Position,
    /// The anchor's number, 0 for none.
    anchor: usize,
    content: Content<'a>,
}

enum Content<'a> {
    Sequence(Vec<Node<'a>>),
    Mapping {
        entries: Vec<Member<'a>>,
        /// The key that waits for its value, and where it began.
        key: Option<(Position, Key<'a>)>,
        merges: Vec<Node<'a>>,
    },
}

enum Key<'a> {
    Text(Cow<'a, str>),
    Merge,
}

#[derive(Default)]
struct Builder<'a> {
    documents: Vec<Document<'a>>,
    duplicates: Vec<(Position, String)>,
    words: Vec<Position>,
    stack: Vec<Frame<'a>>,
    root: Option<Node<'a>>,
    /// The values of the document's anchors, which are numbered through all documents.
    anchors: Vec<Option<Node<'a>>>,
    /// The number before that of the document's first anchor.
    anchors_before: usize,
    copied_nodes: usize,
}

impl<'a> Builder<'a> {
    fn event(&mut self, event: Event<'a>, at: Position) -> Result<(), TextError> {
        match event {
            Event::DocumentStart(_) => {
                self.root = None;
                self.anchors_before += self.anchors.len();
                self.anchors.clear();
            }
            Event::DocumentEnd => {
                let root = self.root.take().unwrap_or(Node {
                    at,
                    value: Value::Null,
                });
                self.documents.push(Document {
                    root,
                    duplicates: std::mem::take(&mut self.duplicates),
                    words: std::mem::take(&mut self.words),
                });
            }
            Event::Alias(anchor) => {
                let at_anchor = anchor.wrapping_sub(self.anchors_before + 1);
                let Some(Some(node)) = self.anchors.get(at_anchor) else {
                    return Err(TextError::new(
                        MALFORMED,
                        "the alias stands inside the value that it names",
                        at,
                    ));
                };
                let (mut node, depth) = budgeted_copy(node, &mut self.copied_nodes, at)?;
                if self.stack.len() + depth > MAX_DEPTH {
                    return Err(too_deep(at));
                }
                node.at = at;
                self.place(node, false)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                if style == ScalarStyle::Plain && tag.is_none() && is_word(&text) {
                    self.words.push(at);
                }
                let is_merge = text == "<<" && style == ScalarStyle::Plain && tag.is_none();
                let node = Node {
                    at,
                    value: scalar(text, style, tag.as_deref())
                        .map_err(|message| TextError::new(MALFORMED, message, at))?,
                };
                self.remember(anchor, &node)?;
                self.place(node, is_merge)?;
            }
            Event::SequenceStart(anchor, _) => {
                self.enter(at, anchor, Content::Sequence(Vec::new()))?;
            }
            Event::MappingStart(anchor, _) => self.enter(
                at,
                anchor,
                Content::Mapping {
                    entries: Vec::new(),
                    key: None,
                    merges: Vec::new(),
                },
            )?,
            Event::SequenceEnd | Event::MappingEnd => self.leave()?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd => {}
        }
        Ok(())
    }

    fn enter(
        &mut self,
        at: Position,
        anchor: usize,
        content: Content<'a>,
    ) -> Result<(), TextError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.stack.push(Frame {
            at,
            anchor,
            content,
        });
        Ok(())
    }

    fn leave(&mut self) -> Result<(), TextError> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let value = match frame.content {
            Content::Sequence(nodes) => Value::Array(nodes),
            Content::Mapping {
                entries, merges, ..
            } => {
                let mut object = Object::from_entries(entries, &mut self.duplicates);
                self.merge(&mut object, merges)?;
                Value::Object(object)
            }
        };
        let node = Node {
            at: frame.at,
            value,
        };
        self.remember(frame.anchor, &node)?;
        self.place(node, false)
    }

    /// Applies `<<: mapping` and `<<: [mapping, …]`: keys of the mapping itself win, then those of
    /// earlier mappings.
    fn merge(&mut self, object: &mut Object<'a>, merges: Vec<Node<'a>>) -> Result<(), TextError> {
        if merges.is_empty() {
            return Ok(());
        }
        let mut present = Index::default();
        for member in object.iter() {
            present.add(member.key.clone());
        }
        for merge in merges {
            let sources = match merge.value {
                Value::Array(nodes) => nodes,
                value => vec![Node {
                    at: merge.at,
                    value,
                }],
            };
            for source in sources {
                let Value::Object(source_object) = source.value else {
                    return Err(TextError::new(
                        MALFORMED,
                        "a merge key (`<<`) needs a mapping or a list of mappings",
                        source.at,
                    ));
                };
                for member in source_object.members {
                    if present.add(member.key.clone()) {
                        object.members.push(member);
                    }
                }
            }
        }
        Ok(())
    }

    fn remember(&mut self, anchor: usize, node: &Node<'a>) -> Result<(), TextError> {
        if anchor > 0 {
            let (copy, _) = budgeted_copy(node, &mut self.copied_nodes, node.at)?;
            let at = anchor.saturating_sub(self.anchors_before + 1);
            if self.anchors.len() <= at {
                self.anchors.resize_with(at + 1, || None);
            }
            if let Some(place) = self.anchors.get_mut(at) {
                *place = Some(copy);
            }
        }
        Ok(())
    }

    fn place(&mut self, node: Node<'a>, is_merge_key: bool) -> Result<(), TextError> {
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut frame.content {
            Content::Sequence(nodes) => nodes.push(node),
            Content::Mapping {
                entries,
                key,
                merges,
            } => match key.take() {
                None => {
                    let name = if is_merge_key {
                        Key::Merge
                    } else {
                        Key::Text(key_text(&node)?)
                    };
                    *key = Some((node.at, name));
                }
                Some((_, Key::Merge)) => merges.push(node),
                Some((at, Key::Text(key))) => entries.push(Member {
                    key,
                    at,
                    value: node,
                }),
            },
        }
        Ok(())
    }
}

/// A key as text. Kubernetes and Juju know string keys only; a number or boolean is read as the
/// text that it was meant as.
fn key_text<'a>(node: &Node<'a>) -> Result<Cow<'a, str>, TextError> {
    match &node.value {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(Cow::Borrowed("null")),
        _ => node
            .scalar_text()
            .map(|text| Cow::Owned(text.into_owned()))
            .ok_or_else(|| {
                TextError::new(
                    MALFORMED,
                    "a key must be text, not a list or a mapping",
                    node.at,
                )
            }),
    }
}

/// Copies a node, charging its size to the budget for aliases before the copy is made. Returns
/// the copy and how deeply it nests.
fn budgeted_copy<'a>(
    node: &Node<'a>,
    copied_nodes: &mut usize,
    at: Position,
) -> Result<(Node<'a>, usize), TextError> {
    let (size, depth) = measure(node);
    *copied_nodes = copied_nodes.saturating_add(size);
    if *copied_nodes > MAX_ALIAS_NODES {
        return Err(TextError::new(
            "too-many-aliases",
            format!("anchors and aliases add more than {MAX_ALIAS_NODES} values"),
            at,
        ));
    }
    Ok((node.clone(), depth))
}

/// How many nodes a tree has, and how many collections nest in it.
// INVARIANT: no tree in the builder nests more than `MAX_DEPTH` collections, aliases included, so
// this recursion, `clone` and `drop` are bounded.
fn measure(node: &Node<'_>) -> (usize, usize) {
    fn sum<'n, 'a: 'n>(nodes: impl Iterator<Item = &'n Node<'a>>) -> (usize, usize) {
        nodes.map(measure).fold((1, 0), |(size, depth), child| {
            (size.saturating_add(child.0), depth.max(child.1))
        })
    }
    let (size, depth) = match &node.value {
        Value::Array(nodes) => sum(nodes.iter()),
        Value::Object(object) => sum(object.iter().map(|member| &member.value)),
        _ => return (1, 0),
    };
    (size, depth + 1)
}

fn too_deep(at: Position) -> TextError {
    TextError::new(
        "nested-too-deeply",
        format!("the text nests more than {MAX_DEPTH} collections"),
        at,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Document<'_> {
        let mut documents = parse_yaml(text).expect(text);
        assert_eq!(documents.len(), 1);
        documents.remove(0)
    }

    #[test]
    fn keeps_positions() {
        let document = read("a:\n  - é: 1\n    b: [x, y]\n");
        let list = document
            .root
            .get("a")
            .and_then(Node::as_array)
            .expect("list");
        let b = list[0].get("b").and_then(Node::as_array).expect("list");
        assert_eq!(b[1].at, Position::new(3, 12));
        let member = list[0].as_object().and_then(|o| o.member("b")).expect("b");
        assert_eq!(member.at, Position::new(3, 5));
    }

    #[test]
    fn expands_aliases_and_merges() {
        let document = read("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nlist: [*b]\n");
        let used = document.root.get("use").expect("use");
        assert_eq!(used.get("x").map(|node| &node.value), Some(&Value::Int(1)));
        assert_eq!(used.get("y").map(|node| &node.value), Some(&Value::Int(3)));
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let previous = level - 1;
            let aliases = vec![format!("*a{previous}"); 10].join(",");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert_eq!(
            parse_yaml(&text).expect_err("bomb").code,
            "too-many-aliases"
        );
    }

    #[test]
    fn aliases_cannot_nest_beyond_the_bound() {
        let mut text = String::from("a0: &a0 [x]\n");
        for level in 1..400 {
            text.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
        }
        assert_eq!(
            parse_yaml(&text).expect_err("deep").code,
            "nested-too-deeply"
        );
    }

    #[test]
    fn depth_is_bounded() {
        for text in [
            "[".repeat(100_000),
            "- ".repeat(100_000),
            "? ".repeat(100_000),
        ] {
            let error = parse_yaml(&text).expect_err("too deep");
            assert!(error.at.column > 1, "{error}");
        }
    }

    #[test]
    fn several_documents() {
        let documents = parse_yaml("a: 1\n--- # overlay\nb: 2\n").expect("reads");
        assert_eq!(documents.len(), 2);
        assert!(parse_yaml("").expect("reads").is_empty());
    }
}
