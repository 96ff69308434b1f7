//! Paths of which the two sides make different things.
//!
//! The sides normalise paths each in its own way. What both leave as it is, is compared like all else.
//! Of the other paths a policy may see any two that a request can be turned into; which pairs there are
//! is not decided exactly. Where no pair could make a difference, that is a proof; where one could,
//! requests are looked for that do.

use super::Change;
use super::compare::{Both, differing};
use super::reasons::path_mode as name;
use crate::analysis::path::normalise;
use crate::analysis::symbolic::region::Region;
use crate::analysis::symbolic::solve::{Gap, Side, all_present, path_mode, space};
use crate::analysis::symbolic::space::Field;
use crate::analysis::symbolic::strings::TooComplex;

/// So many paths of policies are tried together.
const MAX_TRIED: usize = 40;

/// What is found.
pub(super) struct Found {
    pub(super) granted: Vec<Change>,
    pub(super) revoked: Vec<Change>,
    /// There is nothing else to find.
    pub(super) complete: bool,
}

/// Why some paths are not compared.
pub(super) fn text(old: &Side<'_>, new: &Side<'_>) -> String {
    let mode = |side: &Side<'_>| name(side.analysis.mesh.settings.path_normalization);
    format!(
        "paths that the normalisations {} and {} make different are searched for examples only; all \
         others are compared",
        mode(old),
        mode(new)
    )
}

/// Changes for paths that are normalised differently.
pub(super) fn changes(
    old: &mut Side<'_>,
    new: &Side<'_>,
    both: &mut Both<'_>,
) -> Result<Found, Gap> {
    let mut found = Found {
        granted: Vec::new(),
        revoked: Vec::new(),
        complete: true,
    };
    let modes = [&*old, new].map(|side| side.analysis.mesh.settings.path_normalization);
    if modes.first() == modes.last() || both.space.level(&Field::Path).is_none() {
        return Ok(found);
    }
    // All paths that either side may see.
    let strict = old.paths;
    old.paths = path_mode(&old.analysis.mesh.settings).min(path_mode(&new.analysis.mesh.settings));
    let wide = space(old, &[&both.old, &both.new], &[], &[]);
    old.paths = strict;
    both.space = wide?;
    let Some(level) = both.space.level(&Field::Path) else {
        return Ok(found);
    };
    let x = both.old.verdict(&mut both.space, &all_present)?;
    let y = both.new.verdict(&mut both.space, &all_present)?;
    let regions = &mut both.space.regions;
    let open = |regions: &mut crate::analysis::symbolic::region::Regions, a, b| {
        let known = regions.or(a, b)?;
        regions.not(known)
    };
    let unknown = (
        open(regions, x.allowed, x.denied)?,
        open(regions, y.allowed, y.denied)?,
    );
    for (a, b) in [(x.allowed, y.allowed), (x.denied, y.denied), unknown] {
        let other = regions.not(b)?;
        let (a, other) = (regions.forget(a, level)?, regions.forget(other, level)?);
        found.complete &= regions.and(a, other)?.is_none();
    }
    // What depends on something that the input does not say may depend on it otherwise.
    let depends = both.old.has_unknown() || both.new.has_unknown();
    found.complete &= !depends || unknown.0.is_none();
    if found.complete {
        return Ok(found);
    }
    both.differing = differing(old, new, both)?;
    let [before, after] = modes;
    for path in tried(&both.space.texts(&Field::Path)) {
        let (Some(p), Some(q)) = (normalise(&path, before), normalise(&path, after)) else {
            continue;
        };
        if p == q {
            continue;
        }
        let class = |path: &str| both.space.class(&Field::Path, path);
        let (Some(p), Some(q)) = (class(&p), class(&q)) else {
            continue;
        };
        let regions = &mut both.space.regions;
        let mut meet = |a: Region, b: Region| -> Result<Region, TooComplex> {
            let (a, b) = (regions.given(a, level, p)?, regions.given(b, level, q)?);
            regions.and(a, b)
        };
        let granted = meet(x.denied, y.allowed)?;
        let revoked = meet(x.allowed, y.denied)?;
        if found.granted.is_empty() {
            found.granted = both.changes(granted, true, Some(&path))?;
        }
        if found.revoked.is_empty() {
            found.revoked = both.changes(revoked, false, Some(&path))?;
        }
        if !found.granted.is_empty() && !found.revoked.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// Ways to write paths that some normalisation undoes.
fn tried(paths: &[String]) -> Vec<String> {
    let paths = paths.get(..MAX_TRIED).unwrap_or(paths);
    let mut found = Vec::new();
    for path in paths {
        let (before, query) = path.split_at(path.find('?').unwrap_or(path.len()));
        found.push(format!("/.{path}"));
        found.push(format!("/{path}"));
        if let Some((start, end)) = before.rsplit_once('/') {
            found.push(format!("{start}//{end}{query}"));
            found.push(format!("{start}/.//{end}{query}"));
            if !start.is_empty() {
                found.push(format!("{start}%2F{end}{query}"));
            }
        }
        for start in paths.iter().filter(|start| !start.contains('?')) {
            let start = start.strip_suffix('/').unwrap_or(start);
            let up = "/..".repeat(start.matches('/').count());
            found.push(format!("{start}{up}{path}"));
        }
    }
    found
}
