//! Random input for every entry point that takes text: none may panic, take over a second for
//! 100 KB, or allocate beyond its bound.
//!
//!     cargo run --release -- [--seed N] [--count N] [--seconds N] [--target NAME] [--state FILE]
//!     cargo run --release -- --target NAME --input FILE
//!
//! Real documents are taken apart and mutated; what fails is made smaller, written to
//! `crashes/` and told with the command that repeats it. `--state` makes a long run resumable:
//! the file holds the seed and how many inputs are done. What coverage-guided runs have found worth
//! keeping (`corpus/`) is tried first.

use mesh_policy_fuzz::bounds::{measure, run};
use mesh_policy_fuzz::random::Random;
use mesh_policy_fuzz::targets::{TARGETS, Target};
use mesh_policy_fuzz::{corpus, mutate, shrink};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs};

struct Options {
    seed: u64,
    count: u64,
    seconds: u64,
    target: Option<String>,
    input: Option<String>,
    state: Option<String>,
}

fn options() -> Result<Options, String> {
    let fresh = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_nanos() as u64);
    let mut options = Options {
        seed: fresh,
        count: 500_000,
        seconds: u64::MAX,
        target: None,
        input: None,
        state: None,
    };
    let mut args = env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or(format!("`{name}` needs a value"))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("`{value}` is no number"))
        };
        match name.as_str() {
            "--seed" => options.seed = number()?,
            "--count" => options.count = number()?,
            "--seconds" => options.seconds = number()?,
            "--target" => options.target = Some(value),
            "--input" => options.input = Some(value),
            "--state" => options.state = Some(value),
            _ => return Err(format!("there is no option `{name}`")),
        }
    }
    Ok(options)
}

fn report(target: &Target, input: &[u8], why: &str, seed: u64, number: u64) {
    let small = shrink::shrink(input, |candidate| run(target, candidate).is_some());
    let file = format!(
        "{}/crashes/{}-{seed}-{number}",
        env!("CARGO_MANIFEST_DIR"),
        target.name
    );
    let _ = fs::create_dir_all(format!("{}/crashes", env!("CARGO_MANIFEST_DIR")));
    let _ = fs::write(&file, &small);
    println!("FAILED {}: {why}", target.name);
    println!(
        "  {} bytes after shrinking: {}",
        small.len(),
        String::from_utf8_lossy(&small[..small.len().min(300)])
    );
    println!(
        "  repeat: cargo run --release -- --target {} --input {file}",
        target.name
    );
}

fn main() -> ExitCode {
    let mut options = match options() {
        Ok(options) => options,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::from(2);
        }
    };
    // What panics is told by us, once, and small.
    std::panic::set_hook(Box::new(|_| {}));
    let chosen: Vec<&Target> = TARGETS
        .iter()
        .filter(|t| options.target.as_ref().is_none_or(|name| name == t.name))
        .collect();
    if chosen.is_empty() {
        eprintln!("error: targets are {}", TARGETS.map(|t| t.name).join(", "));
        return ExitCode::from(2);
    }
    if let Some(file) = &options.input {
        let Ok(input) = fs::read(file) else {
            eprintln!("error: cannot read `{file}`");
            return ExitCode::from(2);
        };
        let failures = chosen
            .iter()
            .filter_map(|target| run(target, &input))
            .collect::<Vec<_>>();
        failures.iter().for_each(|why| println!("FAILED {why}"));
        return if failures.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }

    let mut done = 0;
    if let Some((seed, before)) = options.state.as_ref().and_then(|file| resume(file)) {
        (options.seed, done) = (seed, before);
    }
    println!("seed {} from input {done}", options.seed);
    let (start, mut said) = (Instant::now(), Instant::now());
    let first = done;
    let mut failures = 0;
    let mut slowest = vec![Duration::ZERO; chosen.len()];
    let mut kept = 0;
    for target in &chosen {
        for (file, input) in corpus::of(target) {
            kept += 1;
            if let Some(why) = run(target, &input) {
                println!(
                    "FAILED {}: {why}\n  repeat: --target {0} --input {file}",
                    target.name
                );
                failures += 1;
            }
        }
    }
    println!("{kept} inputs of the corpus");
    let seeds: Vec<Vec<Vec<u8>>> = chosen.iter().map(|target| (target.seeds)()).collect();
    while done < options.count && start.elapsed().as_secs() < options.seconds && failures < 10 {
        // Each input depends on the seed and its number alone, so any can be made again.
        let mut random = Random::new(options.seed ^ done.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let many = chosen.len() as u64;
        let mut at = (done % many) as usize;
        if many > 1 && !(done / many).is_multiple_of(chosen[at].every) {
            at = random.below(chosen.len() - 1);
        }
        let input = mutate::input(&mut random, &seeds[at]);
        let (took, why) = measure(chosen[at], &input);
        slowest[at] = slowest[at].max(took);
        if let Some(why) = why {
            report(chosen[at], &input, &why, options.seed, done);
            failures += 1;
        }
        done += 1;
        if said.elapsed() > Duration::from_secs(15) {
            println!(
                "{done} inputs, {:.0} a second",
                (done - first) as f64 / start.elapsed().as_secs_f64()
            );
            said = Instant::now();
            save(&options, done);
        }
    }
    save(&options, done);
    for (target, took) in chosen.iter().zip(&slowest) {
        println!(
            "{}: {:.0} ms at most",
            target.name,
            took.as_secs_f64() * 1000.0
        );
    }
    println!(
        "{} inputs of {} targets in {:.0} s, {failures} failures, seed {}",
        done - first,
        chosen.len(),
        start.elapsed().as_secs_f64(),
        options.seed
    );
    if failures > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn resume(file: &str) -> Option<(u64, u64)> {
    let text = fs::read_to_string(file).ok()?;
    let (seed, done) = text.trim().split_once(' ')?;
    Some((seed.parse().ok()?, done.parse().ok()?))
}

fn save(options: &Options, done: u64) {
    if let Some(file) = &options.state {
        let _ = fs::write(file, format!("{} {done}\n", options.seed));
    }
}
