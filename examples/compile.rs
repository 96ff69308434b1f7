//! Times the native compiler, for `bench/tasks/compile.mjs`: `compile BUNDLE CHARM RUNS SECONDS [parts]`.
//!
//! With `parts` its text is taken in parts and dropped; otherwise all of it is held. Prints one JSON object.

use mesh_policy::compile::{Compiled, Input, Source, compile};
use mesh_policy::output::Format;
use sha2::{Digest, Sha256};
use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("compile BUNDLE CHARM RUNS SECONDS");
    let (bundle_file, charm_file) = (next()?, next()?);
    let runs: usize = next()?.parse()?;
    let seconds: f64 = next()?.parse()?;
    let in_parts = next().is_ok_and(|word| word == "parts");
    let bundle = std::fs::read(&bundle_file)?;
    let charm = std::fs::read(&charm_file)?;
    let work = || {
        compile(&Input {
            bundles: vec![source(&bundle_file, &bundle, Some("model"))],
            charms: vec![source(&charm_file, &charm, None)],
            databags: Vec::new(),
        })
    };

    let mut times = Vec::new();
    let begun = Instant::now();
    let enough = Duration::from_secs_f64(seconds);
    while times.len() < runs || (begun.elapsed() < enough && times.len() < 2000) {
        let start = Instant::now();
        // The result is dropped in the measured time, as wasm's is freed.
        if in_parts {
            parts(&work(), |part| drop(black_box(part)));
        } else {
            black_box(work().json());
        }
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let peak = peak_bytes();
    let mut sha = Sha256::new();
    parts(&work(), |part| sha.update(part.as_bytes()));
    let mut hash = String::new();
    for byte in sha.finalize() {
        write!(hash, "{byte:02x}")?;
    }
    println!(
        "{}",
        serde_json::json!({"times": times, "peak": peak, "output": hash})
    );
    Ok(())
}

fn parts(compiled: &Compiled, take: impl FnMut(String)) {
    compiled.parts(Format::Json).for_each(take);
}

fn source<'a>(file: &'a str, bytes: &'a [u8], model: Option<&'a str>) -> Source<'a> {
    Source {
        model,
        ..Source::new(file, bytes)
    }
}

/// The peak resident memory where Linux tells it, else 0.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}
