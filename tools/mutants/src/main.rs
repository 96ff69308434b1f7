//! Weaves mutants into one build: `weave LIST TREE [ID]...` reads what `cargo mutants --list --json`
//! prints, and puts each mutant into the sources under TREE, behind a switch that the environment
//! sets. The mutants with the IDs that follow are left out. What was woven is printed as JSON.
//!
//! Building each mutant by itself takes most of the time of `cargo mutants`; woven, they are built once.

use proc_macro2::{LineColumn, Span};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::{env, fs, process};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Arm, BinOp, Expr, ExprBinary, ExprMatch, ExprUnary, Pat};

#[derive(Deserialize)]
struct Mutant {
    name: String,
    file: String,
    genre: String,
    replacement: String,
    span: Range,
}

#[derive(Deserialize, Clone, Copy)]
struct Range {
    start: Place,
    end: Place,
}

/// Lines and columns from 1, columns in characters.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    line: usize,
    column: usize,
}

#[derive(Serialize)]
struct Woven<'a> {
    id: usize,
    name: &'a str,
    file: &'a str,
    /// Where it stands in the woven file, in bytes; empty where it could not be woven.
    start: usize,
    end: usize,
}

/// Text that comes before (`at`, outer first) or after what is there.
struct Insertion {
    at: usize,
    /// Openings go from the outermost in, closings from the innermost out, closings first.
    order: (u8, usize),
    text: String,
    id: usize,
}

struct Source {
    text: String,
    lines: Vec<usize>,
}

impl Source {
    fn new(text: String) -> Source {
        let mut lines = vec![0];
        lines.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        Source { text, lines }
    }

    fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.lines[line - 1];
        let rest = self.text[start..].char_indices().nth(column);
        start + rest.map_or(self.text.len() - start, |(at, _)| at)
    }

    fn place(&self, place: Place) -> usize {
        self.offset(place.line, place.column - 1)
    }

    fn span(&self, span: Span) -> (usize, usize) {
        let offset = |at: LineColumn| self.offset(at.line, at.column);
        (offset(span.start()), offset(span.end()))
    }
}

/// Where the expressions are that mutants name by an operator or a guard.
struct Finder<'s> {
    source: &'s Source,
    /// By the operator's offset: the whole expression and the operator's end.
    binary: HashMap<usize, (usize, usize, usize)>,
    unary: HashMap<usize, (usize, usize, usize)>,
    /// By the arm's offset: the end of its pattern, and its guard, with whether that has a `let`.
    arms: HashMap<usize, (usize, Option<(usize, usize, bool)>)>,
    /// Arms of a `match` that has one for everything: without them it is still whole.
    spare: HashSet<usize>,
}

/// A chain of `&&` with a `let` in it is no expression that could stand elsewhere.
fn has_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(ExprBinary {
            left,
            op: BinOp::And(_),
            right,
            ..
        }) => has_let(left) || has_let(right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_expr_binary(&mut self, node: &'ast ExprBinary) {
        if !(has_let(&node.left) || has_let(&node.right)) {
            let (start, end) = self.source.span(node.span());
            let (at, after) = self.source.span(node.op.span());
            self.binary.insert(at, (start, end, after));
        }
        visit::visit_expr_binary(self, node);
    }

    fn visit_expr_unary(&mut self, node: &'ast ExprUnary) {
        let (start, end) = self.source.span(node.span());
        let (at, after) = self.source.span(node.op.span());
        self.unary.insert(at, (start, end, after));
        visit::visit_expr_unary(self, node);
    }

    fn visit_expr_match(&mut self, node: &'ast ExprMatch) {
        let catches_all = |arm: &Arm| arm.guard.is_none() && matches!(&arm.pat, Pat::Wild(_));
        if node.arms.iter().any(catches_all) {
            for arm in &node.arms {
                self.spare.insert(self.source.span(arm.span()).0);
            }
        }
        visit::visit_expr_match(self, node);
    }

    fn visit_arm(&mut self, node: &'ast Arm) {
        let (start, _) = self.source.span(node.span());
        let (_, pattern) = self.source.span(node.pat.span());
        let guard = node.guard.as_ref().map(|(_, guard)| {
            let (start, end) = self.source.span(guard.span());
            (start, end, has_let(guard))
        });
        self.arms.insert(start, (pattern, guard));
        visit::visit_arm(self, node);
    }
}

fn insertions(
    source: &Source,
    finder: &Finder<'_>,
    id: usize,
    mutant: &Mutant,
) -> Option<Vec<Insertion>> {
    // A function has one type of iterator, whatever its callers may know of it.
    if mutant.replacement.starts_with("::std::iter::") {
        return None;
    }
    let at = source.place(mutant.span.start);
    let switch = format!("crate::mutant({id})");
    let single = |at: usize, text: String| {
        Some(vec![Insertion {
            at,
            order: (1, 0),
            text,
            id,
        }])
    };
    let around = |start: usize, end: usize, mutated: &str| {
        let length = end - start;
        Some(vec![
            Insertion {
                at: start,
                order: (1, usize::MAX - length),
                text: format!("(if {switch} {{({mutated})}} else {{("),
                id,
            },
            Insertion {
                at: end,
                order: (0, length),
                text: ")})".to_owned(),
                id,
            },
        ])
    };
    match mutant.genre.as_str() {
        "FnValue" => single(
            at,
            format!("if {switch} {{ return {}; }} ", mutant.replacement),
        ),
        "BinaryOperator" => {
            let &(start, end, after) = finder.binary.get(&at)?;
            let (left, right) = (&source.text[start..at], &source.text[after..end]);
            around(
                start,
                end,
                &format!("{left} {} {right}", mutant.replacement),
            )
        }
        "UnaryOperator" => {
            let &(start, end, after) = finder.unary.get(&at)?;
            around(start, end, &source.text[after..end])
        }
        "MatchArmGuard" => {
            let end = source.place(mutant.span.end);
            let known = finder
                .arms
                .values()
                .any(|(_, guard)| *guard == Some((at, end, false)));
            if known {
                around(at, end, &mutant.replacement)
            } else {
                None
            }
        }
        "MatchArm" if !finder.spare.contains(&at) => None,
        "MatchArm" => match *finder.arms.get(&at)? {
            (pattern, None) => single(pattern, format!(" if !{switch}")),
            (_, Some((start, _, true))) => single(start, format!("!{switch} && ")),
            (_, Some((start, end, false))) => Some(vec![
                Insertion {
                    at: start,
                    order: (1, 0),
                    text: format!("!{switch} && ("),
                    id,
                },
                Insertion {
                    at: end,
                    order: (0, usize::MAX),
                    text: ")".to_owned(),
                    id,
                },
            ]),
        },
        _ => None,
    }
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [list, tree, without @ ..] = args.as_slice() else {
        eprintln!("usage: weave LIST TREE [ID]...");
        process::exit(2);
    };
    let read =
        |path: &str| fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mutants: Vec<Mutant> = serde_json::from_str(&read(list)).expect("a list of mutants");
    let without: HashSet<usize> = without.iter().filter_map(|id| id.parse().ok()).collect();
    let mut files: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (id, mutant) in mutants.iter().enumerate() {
        files.entry(&mutant.file).or_default().push(id);
    }
    let mut woven = Vec::new();
    for (file, ids) in &files {
        let path = format!("{tree}/{file}");
        let source = Source::new(read(&path));
        let parsed =
            syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (binary, unary, arms, spare) = Default::default();
        let mut finder = Finder {
            source: &source,
            binary,
            unary,
            arms,
            spare,
        };
        finder.visit_file(&parsed);
        let mut all = Vec::new();
        for &id in ids {
            let made = if without.contains(&id) {
                None
            } else {
                insertions(&source, &finder, id, &mutants[id])
            };
            all.extend(made.into_iter().flatten());
        }
        all.sort_by_key(|one| (one.at, one.order));
        let (mut out, mut from) = (String::new(), 0);
        let mut places: HashMap<usize, (usize, usize)> = HashMap::new();
        for one in &all {
            out.push_str(&source.text[from..one.at]);
            from = one.at;
            let start = out.len();
            out.push_str(&one.text);
            places.entry(one.id).or_insert((start, start)).1 = out.len();
        }
        out.push_str(&source.text[from..]);
        fs::write(&path, out).expect("the tree can be written");
        for &id in ids {
            let (start, end) = places.get(&id).copied().unwrap_or_default();
            woven.push(Woven {
                id,
                name: &mutants[id].name,
                file,
                start,
                end,
            });
        }
    }
    let switch = "
/// Whether this mutant is the one that is tried.
pub fn mutant(id: u32) -> bool {
    static CHOSEN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let read = || std::env::var(\"MUTANT\").ok().and_then(|text| text.parse().ok());
    *CHOSEN.get_or_init(|| read().unwrap_or(u32::MAX)) == id
}
";
    let library = format!("{tree}/src/lib.rs");
    fs::write(&library, read(&library) + switch).expect("the tree can be written");
    println!("{}", serde_json::to_string(&woven).expect("JSON"));
}
