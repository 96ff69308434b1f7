//! libFuzzer over the targets of `mesh_policy_fuzz`; `tools/fuzz-coverage.mjs` builds and runs it.
//! One program for all: `FUZZ_TARGET` names the one that it runs. With `FUZZ_SEEDS` it writes the
//! target's seeds into that folder and ends.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use mesh_policy_fuzz::bounds::run;
use mesh_policy_fuzz::mutate;
use mesh_policy_fuzz::random::Random;
use mesh_policy_fuzz::targets::{TARGETS, Target};
use std::sync::OnceLock;
use std::{env, fs, process};

/// Larger documents are for `growth` and the random runs.
const MOST_BYTES: usize = 64 * 1024;

struct Chosen {
    target: &'static Target,
    seeds: Vec<Vec<u8>>,
}

fn chosen() -> &'static Chosen {
    static CHOSEN: OnceLock<Chosen> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let name = env::var("FUZZ_TARGET").unwrap_or_default();
        let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
            eprintln!(
                "FUZZ_TARGET is one of {}",
                TARGETS.map(|t| t.name).join(", ")
            );
            process::exit(2);
        };
        let seeds = (target.seeds)();
        if let Ok(folder) = env::var("FUZZ_SEEDS") {
            for (at, seed) in seeds.iter().enumerate() {
                let file = format!("{folder}/seed-{at:04}");
                fs::write(&file, seed).unwrap_or_else(|error| panic!("{file}: {error}"));
            }
            process::exit(0);
        }
        Chosen { target, seeds }
    })
}

fuzz_target!(|bytes: &[u8]| {
    let target = chosen().target;
    if let Some(why) = run(target, bytes) {
        panic!("{}: {why}", target.name);
    }
});

// Bytes as libFuzzer turns them, or a step that knows the words of our documents.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(seed.into());
    if random.one_in(3) {
        return fuzzer_mutate(data, size, max_size);
    }
    let mut bytes = data[..size].to_vec();
    for _ in 0..1 + random.below(3) {
        mutate::step(&mut random, &mut bytes, &chosen().seeds);
    }
    let length = bytes.len().min(max_size).min(MOST_BYTES);
    data[..length].copy_from_slice(&bytes[..length]);
    length
});
