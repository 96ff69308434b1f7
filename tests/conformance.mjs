// Answers conformance requests through wasm: JSON lines in, JSON lines out, in order.
//
//     node tests/conformance.mjs < requests.jsonl > responses.jsonl
//
// The protocol is that of tests/oracle/README.md; `cargo run --release --example conformance` is
// the same code without wasm in between.

import { writeSync } from "node:fs";
import { conformance } from "../host/index.js";

const NEWLINE = 0x0a;
const BLANK = /^[ \t\n\v\f\r]*$/;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** @param {Buffer} bytes */
function answer(bytes) {
  let line;
  try {
    line = utf8.decode(bytes);
  } catch {
    write('{"error":{"type":"BadRequest","message":"not JSON: not UTF-8"}}\n');
    return;
  }
  if (BLANK.test(line)) return;
  write(`${conformance(line)}\n`);
}

// Written at once: if a later request is our end, the answers before it say which one it was.
/** @param {string} text */
function write(text) {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      // A pipe that is full for the moment.
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

// Cut at newlines by hand: readline also ends lines at U+2028, which JSON strings may hold.
/** @type {Buffer} */
let rest = Buffer.alloc(0);
for await (const chunk of process.stdin) {
  rest = Buffer.concat([rest, chunk]);
  let start = 0;
  for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE, start)) {
    answer(rest.subarray(start, end));
    start = end + 1;
  }
  rest = rest.subarray(start);
}
answer(rest);
