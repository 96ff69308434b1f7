//! What an input may take: no panic, a second for 100 KB, memory in proportion.

use crate::allocations;
use crate::targets::Target;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What every input may allocate at once, in bytes.
const BASE_MEMORY: usize = 32 << 20;
/// And for each byte of input.
const MEMORY_PER_BYTE: usize = 600;

/// The processor's time that this thread has had, so that a busy machine is no finding; the clock's
/// where the system does not tell.
fn spent() -> Duration {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let began = BEGAN.get_or_init(Instant::now);
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let first = stat.as_deref().and_then(|text| text.split(' ').next());
    match first.and_then(|text| text.parse().ok()) {
        Some(nanoseconds) => Duration::from_nanos(nanoseconds),
        None => began.elapsed(),
    }
}

/// What went wrong with an input, if anything did.
pub fn run(target: &Target, input: &[u8]) -> Option<String> {
    measure(target, input).1
}

/// The time that an input took, and what went wrong with it.
pub fn measure(target: &Target, input: &[u8]) -> (Duration, Option<String>) {
    allocations::reset();
    let length = input.len().max(target.bytes);
    let start = spent();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let took = spent().saturating_sub(start);
    let peak = allocations::peak();
    if let Err(panic) = outcome {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic");
        return (took, Some(format!("panicked: {text}")));
    }
    if took > Duration::from_secs(target.seconds).mul_f64((length as f64 / 100_000.0).max(1.0)) {
        let why = format!("took {took:?} for {length} bytes");
        return (took, Some(why));
    }
    if peak > BASE_MEMORY + length * MEMORY_PER_BYTE {
        let why = format!("allocated {peak} bytes for {length} bytes of input");
        return (took, Some(why));
    }
    (took, None)
}
