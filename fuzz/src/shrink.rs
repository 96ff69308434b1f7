//! Makes a failing input smaller: takes away pieces, large ones first, as long as it still fails.

use std::time::{Duration, Instant};

/// A slow failure must not be tried for ever.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn shrink(input: &[u8], fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut best = input.to_vec();
    let start = Instant::now();
    let mut size = best.len() / 2;
    while size > 0 && start.elapsed() < PATIENCE {
        let mut at = 0;
        while at < best.len() && start.elapsed() < PATIENCE {
            let mut candidate = best[..at].to_vec();
            candidate.extend_from_slice(&best[(at + size).min(best.len())..]);
            if fails(&candidate) {
                best = candidate;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    best
}
