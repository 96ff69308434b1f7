// Answers requests with their recorded answers, for the tests of the harness itself.
// CONFORMANCE_FAULT makes it answer wrongly: see FAULTS.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { member, readJson, textOf } from "./json-text.mjs";

/** @type {Record<string, (answers: string[]) => string[]>} */
const FAULTS = {
  none: (answers) => answers,
  "one-missing": (answers) => answers.slice(0, -1),
  "one-more": (answers) => [...answers, '{"ok":null}'],
  "one-wrong": (answers) => answers.with(7, '{"ok":null}'),
  "two-swapped": (answers) => {
    const other = answers.findIndex((answer) => answer !== answers[0]);
    return answers.with(0, answers[other]).with(other, answers[0]);
  },
  "all-refused": (answers) =>
    answers.map(() => '{"error":{"type":"Refused","message":"not today"}}'),
  silent: () => [],
  "all-empty": (answers) => answers.map(() => "{}"),
  "not-json": (answers) => answers.with(3, "Segmentation fault"),
  "bad-end": (answers) => answers,
};

const fault = process.env.CONFORMANCE_FAULT ?? "none";
const corpus = fileURLToPath(new URL("corpus.jsonl.gz", import.meta.url));
/** @type {Map<string, string>} */
const answers = new Map();
for (const line of gunzipSync(readFileSync(corpus)).toString("utf8").split("\n").filter(Boolean)) {
  const json = readJson(line);
  const response = member(json, "response");
  const id = textOf(member(member(json, "request"), "id")) ?? "";
  answers.set(id, line.slice(response?.start, response?.end));
}
const requests = readFileSync(0, "utf8").split("\n").filter(Boolean);
const ids = requests.map((request) => textOf(member(readJson(request), "id")) ?? "");
for (const answer of FAULTS[fault](ids.map((id) => answers.get(id) ?? ""))) console.log(answer);
if (fault === "bad-end") process.exitCode = 3;
