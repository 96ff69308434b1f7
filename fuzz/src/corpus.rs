//! Inputs that coverage guidance has found, made few: each reaches code that no other of its target does.

use crate::targets::{Target, project};
use std::fs;

/// The kept inputs of a target, with their files, in the order of names.
pub fn of(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = project().join("fuzz/corpus").join(target.name);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| Some((path.display().to_string(), fs::read(path).ok()?));
    files.iter().filter_map(read).collect()
}
