//! Answers the requests of `tests/conformance` from standard input, one a line.

use std::io::{self, BufRead, Write};

fn main() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut output = io::BufWriter::new(io::stdout().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return output.flush();
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answer = match std::str::from_utf8(&line) {
            Ok(text) => mesh_policy::conformance::answer(text),
            Err(_) => r#"{"error":{"type":"BadRequest","message":"the line is not UTF-8"}}"#.into(),
        };
        output.write_all(answer.as_bytes())?;
        output.write_all(b"\n")?;
    }
}
