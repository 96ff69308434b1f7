// Whether the harness notices what it is there to notice: every recorded answer is changed in
// many ways, and each change must count as a difference.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { compareAnswers, compareValues } from "./compare.mjs";
import { JsonTextError, member, readJson, textOf } from "./json-text.mjs";

/** @typedef {import("./json-text.mjs").Json} Json */

const CORPUS = fileURLToPath(new URL("corpus.jsonl.gz", import.meta.url));
const HOSTILE = fileURLToPath(new URL("hostile.jsonl.gz", import.meta.url));
// Per change, so many answers are changed; they are spread over all operations.
const ENOUGH = 300;

/** @param {string} file */
function linesOf(file) {
  return gunzipSync(readFileSync(file)).toString("utf8").split("\n").filter(Boolean);
}

const pairs = [...linesOf(HOSTILE), ...linesOf(CORPUS)].map((line) => {
  const json = readJson(line);
  const [request, response] = ["request", "response"].map((name) => member(json, name));
  const tags = member(request, "tags");
  return {
    op: textOf(member(request, "op")) ?? "",
    tags: tags?.kind === "array" ? tags.items.map((tag) => textOf(tag) ?? "") : [],
    answer: line.slice(response?.start, response?.end),
  };
});

/** @param {Json} json @returns {string} */
function written(json) {
  if (json.kind === "string") return JSON.stringify(json.value);
  if (json.kind === "array") return `[${json.items.map(written).join(",")}]`;
  if (json.kind !== "object") return json.text;
  return `{${json.entries.map(([key, value]) => `${JSON.stringify(key)}:${written(value)}`)}}`;
}

/**
 * Every value inside, itself included, but not what errors say, for some of that does not matter.
 *
 * @param {Json} json
 * @returns {Generator<Json>}
 */
function* inside(json) {
  yield json;
  const entries = json.kind === "object" ? json.entries : [];
  const parts = entries.filter(([key]) => key !== "error").map(([, value]) => value);
  for (const part of json.kind === "array" ? json.items : parts) yield* inside(part);
}

/** @template {Json["kind"]} K @param {Json | undefined} json @param {K} kind */
function all(json, kind) {
  const found = json === undefined ? [] : [...inside(json)].filter((value) => value.kind === kind);
  return /** @type {Extract<Json, { kind: K }>[]} */ (found);
}

// Changes to an answer, which must be noticed. Each changes the tree and returns whether there
// was anything to change.
/** @type {Record<string, (answer: Json) => boolean>} */
const CHANGES = {
  "two keys in another order": (answer) =>
    all(member(answer, "ok"), "object").some(({ entries }) => {
      if (entries.length < 2) return false;
      entries.push(.../** @type {[string, Json][]} */ (entries.splice(0, 1)));
      return true;
    }),
  "a key missing": (answer) =>
    all(member(answer, "ok"), "object").some(({ entries }) => entries.pop() !== undefined),
  "a key too many": (answer) =>
    all(member(answer, "ok"), "object").some(
      ({ entries }) => entries.push(["more", readJson("null")]) > 0,
    ),
  "the same key twice": (answer) =>
    all(member(answer, "ok"), "object").some(
      ({ entries }) => entries.length > 0 && entries.push(entries[0]) > 0,
    ),
  "two items in another order": (answer) =>
    all(member(answer, "ok"), "array").some(({ items }) => {
      if (items.length < 2 || written(items[0]) === written(items[1])) return false;
      [items[0], items[1]] = [items[1], items[0]];
      return true;
    }),
  "an item missing": (answer) =>
    all(member(answer, "ok"), "array").some(({ items }) => items.pop() !== undefined),
  "an item too many": (answer) =>
    all(member(answer, "ok"), "array").some(({ items }) => items.push(readJson("null")) > 0),
  "a list instead of null": (answer) => replace(answer, "literal", "[]", ({ text }) => text === "null"),
  "null instead of a list": (answer) => replace(answer, "array", "null"),
  "null instead of an object": (answer) => replace(answer, "object", "null"),
  "a number written as a string": (answer) =>
    replace(answer, "number", ({ text }) => JSON.stringify(text)),
  "an integer one off in its last digit": (answer) =>
    replace(answer, "number", ({ text }) => `${BigInt(text) + 1n}`, isInteger),
  "an integer as a float": (answer) => replace(answer, "number", ({ text }) => `${text}.0`, isInteger),
  "a character too many": (answer) =>
    replace(answer, "string", ({ value }) => JSON.stringify(`${value} `)),
  "a character in the other case": (answer) =>
    replace(answer, "string", ({ value }) => JSON.stringify(otherCase(value)), ({ value }) => otherCase(value) !== value),
  "no spaces in JSON inside a string": (answer) =>
    replace(answer, "string", ({ value }) => JSON.stringify(value.replace(", ", ",")), ({ value }) => value.startsWith("{") && value.includes(", ")),
  "another kind of error": (answer) => {
    const error = member(answer, "error");
    if (error?.kind !== "object") return false;
    error.entries = error.entries.map(([key, value]) =>
      key === "type" ? [key, readJson('"Exception"')] : [key, value],
    );
    return true;
  },
  "another kind of error inside a result": (answer) =>
    ["mesh_type", "labels", "mesh_info"].some((key) => {
      const inner = member(member(answer, "ok"), key);
      return inner !== undefined && CHANGES["another kind of error"](inner);
    }),
  "another place of an error inside a result": (answer) =>
    ["mesh_type", "labels", "mesh_info"].some((key) => {
      const inner = member(member(answer, "ok"), key);
      return inner !== undefined && CHANGES["another field"](inner);
    }),
  "the list of errors missing": (answer) => {
    const error = member(answer, "error");
    if (error?.kind !== "object" || !member(error, "errors")) return false;
    error.entries = error.entries.filter(([key]) => key !== "errors");
    return true;
  },
  "the first error missing": (answer) => errorsOf(answer)?.shift() !== undefined,
  "the last error missing": (answer) => errorsOf(answer)?.pop() !== undefined,
  "an error twice": (answer) => {
    const errors = errorsOf(answer);
    return errors !== undefined && errors.push(errors[0]) > 0;
  },
  "errors in another order": (answer) => {
    const errors = errorsOf(answer) ?? [];
    if (errors.length < 2) return false;
    errors.push(.../** @type {[Json]} */ (errors.splice(0, 1)));
    return true;
  },
  "another type in the list of errors": (answer) => changeError(answer, "type", () => '"missing_argument"'),
  "a place one step shorter": (answer) =>
    changeError(answer, "loc", (place) =>
      place.kind === "array" && place.items.length > 0
        ? written({ ...place, items: place.items.slice(0, -1) })
        : null,
    ),
  "a place one step longer": (answer) =>
    changeError(answer, "loc", (place) =>
      place.kind === "array" ? written({ ...place, items: [...place.items, readJson("0")] }) : null,
    ),
  "an index as a string": (answer) =>
    changeError(answer, "loc", (place) =>
      all(place, "number").length > 0 ? written(place).replace(/([0-9]+)/, '"$1"') : null,
    ),
  "another index": (answer) =>
    changeError(answer, "loc", (place) =>
      all(place, "number").length > 0 ? written(place).replace(/[0-9]+/, "99") : null,
    ),
  "another field": (answer) =>
    changeError(answer, "loc", (place) =>
      all(place, "string").length > 0 ? written(place).replace(/"(\w+)/, '"x$1') : null,
    ),
  "a place as one string": (answer) =>
    changeError(answer, "loc", (place) => JSON.stringify(written(place))),
  "an error instead of a result": (answer) => rename(answer, "ok", "error"),
  "a result instead of an error": (answer) => rename(answer, "error", "ok"),
  "a result and an error": (answer) => {
    if (answer.kind !== "object") return false;
    const other = member(answer, "ok") ? "error" : "ok";
    return answer.entries.push([other, readJson('{"type":"ValueError"}')]) > 0;
  },
  "neither result nor error": (answer) => {
    if (answer.kind !== "object") return false;
    answer.entries = answer.entries.filter(([key]) => key !== "ok" && key !== "error");
    return true;
  },
  "a refusal without a tag that allows it": (answer) => {
    if (answer.kind !== "object") return false;
    answer.entries = [["error", readJson('{"type":"Refused","message":"too big"}')]];
    return true;
  },
  "another call to the cluster": (answer) =>
    all(member(answer, "calls"), "string").some((text) => Boolean((text.value += "x"))),
  "another state of the cluster": (answer) =>
    all(member(answer, "state"), "object").some(({ entries }) => entries.pop() !== undefined),
};

// Changes that must not matter.
/** @type {Record<string, (answer: Json) => boolean>} */
const HARMLESS = {
  "another message": (answer) => {
    const error = member(answer, "error");
    if (error?.kind !== "object") return false;
    error.entries = error.entries.filter(([key]) => key !== "message" && key !== "count");
    error.entries.push(["message", readJson('"what else"')]);
    return true;
  },
  "other texts of validation errors": (answer) => changeError(answer, "msg", () => '"what else"'),
};

/**
 * @template {Json["kind"]} K
 * @typedef {Extract<Json, { kind: K }>} Of
 */
/**
 * @template {Json["kind"]} K
 * @param {Json} answer
 * @param {K} kind
 * @param {string | ((value: Of<K>) => string)} by
 * @param {(value: Of<K>) => boolean} [which]
 */
function replace(answer, kind, by, which = () => true) {
  const places = all(member(answer, "ok"), kind).filter(which);
  const place = places.at(-1);
  if (place === undefined) return false;
  const text = typeof by === "string" ? by : by(place);
  for (const key of Object.keys(place)) delete (/** @type {any} */ (place)[key]);
  Object.assign(place, readJson(text));
  return true;
}

/** @param {{ text: string }} number */
function isInteger({ text }) {
  return /^-?[0-9]+$/.test(text);
}

/** @param {string} text */
function otherCase(text) {
  return text.replace(/[a-zA-Z]/, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}

/** @param {Json} answer */
function errorsOf(answer) {
  const errors = member(member(answer, "error"), "errors");
  return errors?.kind === "array" ? errors.items : undefined;
}

/** @param {Json} answer @param {string} key @param {(value: Json) => string | null} change */
function changeError(answer, key, change) {
  return (errorsOf(answer) ?? []).some((error) => {
    const value = member(error, key);
    const text = value === undefined ? null : change(value);
    if (error.kind !== "object" || text === null) return false;
    error.entries = error.entries.map(([name, old]) => [name, name === key ? readJson(text) : old]);
    return true;
  });
}

/** @param {Json} answer @param {string} from @param {string} to */
function rename(answer, from, to) {
  if (answer.kind !== "object" || !member(answer, from)) return false;
  answer.entries = answer.entries.map(([key, value]) => [key === from ? to : key, value]);
  return true;
}

/** @param {{ answer: string }} pair @param {(answer: Json) => boolean} change */
function changed(pair, change) {
  const answer = readJson(pair.answer);
  return change(answer) ? written(answer) : null;
}

test("the recordings are whole", () => {
  assert.equal(linesOf(CORPUS).length, 3000);
  assert.equal(linesOf(HOSTILE).length, 2000);
  /** @type {Record<string, number>} */
  const counts = {};
  for (const { op } of pairs) counts[op] = (counts[op] ?? 0) + 1;
  assert.deepEqual(counts, {
    validate: 2205,
    build_mesh_policies: 727,
    istio_policies: 788,
    default_labels: 446,
    consumer_databag: 296,
    provider: 242,
    reconcile_labels: 167,
    reconcile_policies: 129,
  });
});

test("every recorded answer equals itself, however it is written", () => {
  for (const pair of pairs) {
    const rewritten = written(readJson(pair.answer));
    for (const answer of [pair.answer, rewritten, ` ${pair.answer}\r`]) {
      const verdict = compareAnswers(pair, pair.answer, answer);
      assert.deepEqual(verdict, { result: "equal" }, pair.answer);
    }
  }
});

for (const [what, change] of Object.entries(CHANGES)) {
  test(`noticed: ${what}`, () => {
    let tried = 0;
    for (let index = 0; index < pairs.length && tried < ENOUGH; index += 1) {
      // A prime step that visits every pair once, for the recordings are sorted by hostility.
      const pair = pairs[(index * 1009) % pairs.length];
      const answer = changed(pair, change);
      if (answer === null) continue;
      tried += 1;
      const untagged = { ...pair, tags: pair.tags.filter((tag) => tag === "unicode") };
      const verdict = compareAnswers(untagged, pair.answer, answer);
      assert.equal(verdict.result, "different", `${pair.answer}\n${answer}`);
      assert.ok("why" in verdict && verdict.why.length > 0);
    }
    assert.ok(tried >= 20, `only ${tried} answers could be changed`);
  });
}

for (const [what, change] of Object.entries(HARMLESS)) {
  test(`of no matter: ${what}`, () => {
    let tried = 0;
    for (let index = 0; index < pairs.length && tried < ENOUGH; index += 1) {
      // A prime step that visits every pair once, for the recordings are sorted by hostility.
      const pair = pairs[(index * 1009) % pairs.length];
      const answer = changed(pair, change);
      if (answer === null) continue;
      tried += 1;
      assert.equal(compareAnswers(pair, pair.answer, answer).result, "equal", answer);
    }
    assert.ok(tried >= 20, `only ${tried} answers could be changed`);
  });
}

test("numbers", () => {
  const same = [
    ["80", "80"],
    ["1e15", "1000000000000000.0"],
    ["1e+16", "1E16"],
    ["1e-07", "0.0000001"],
    ["-0.0", "-0.0"],
    ["123456789012345678901234567890", "123456789012345678901234567890"],
    ["NaN", "NaN"],
  ];
  const unlike = [
    ["80", "80.0"],
    ["80", "81"],
    ["9007199254740993", "9007199254740992"],
    ["9007199254740993", "9007199254740993.0"],
    ["0.0", "-0.0"],
    ["0", "-0"],
    ["1e15", "1000000000000000"],
    ["0.1", "0.10000000000000002"],
    ["NaN", "null"],
    ["Infinity", "-Infinity"],
    ["Infinity", "1e999"],
    ["1", "true"],
    ["0", "null"],
    ["80", '"80"'],
  ];
  for (const [one, other] of same) {
    assert.equal(compareValues(readJson(one), readJson(other), ""), null, `${one} ${other}`);
  }
  for (const [one, other] of unlike) {
    assert.notEqual(compareValues(readJson(one), readJson(other), ""), null, `${one} ${other}`);
    assert.notEqual(compareValues(readJson(other), readJson(one), ""), null, `${other} ${one}`);
  }
});

test("keys that look like numbers keep their order", () => {
  const [one, other] = ['{"2":"a","1":"b"}', '{"1":"b","2":"a"}'].map(readJson);
  assert.equal(compareValues(one, readJson('{"2":"a","1":"b"}'), ""), null);
  assert.notEqual(compareValues(one, other, ""), null);
});

test("databags without a cluster, and plain refusals", () => {
  const call = '"calls":[{"method":"GET"}],"state":[]';
  const ok = (labels = '{"ok":{}}', databag = "x") =>
    `{"ok":{"databags":{"data":{"1":{"k":"${databag}"}}},"mesh_type":{"ok":null},"labels":${labels}}`;
  const error = '{"error":{"type":"ApiError"}';
  /** @param {string} expected @param {string} answer @param {string[]} [tags] */
  const verdict = (expected, answer, tags = []) =>
    compareAnswers({ op: "consumer_databag", tags }, expected, answer).result;
  assert.equal(verdict(`${ok()},${call}}`, `${ok()}}`), "equal");
  assert.equal(verdict(`${ok()},${call}}`, `${ok(undefined, "y")}}`), "different");
  assert.equal(verdict(`${error},${call}}`, '{"refused":"faults"}'), "allowed");
  assert.equal(verdict(`${error},${call}}`, `${error}}`), "equal");
  assert.equal(verdict(`${error},${call}}`, `${ok()}}`), "different");
  assert.equal(verdict(`${error},"calls":[],"state":[]}`, `${ok()}}`), "different");
  assert.equal(verdict(`${error},"calls":[],"state":[]}`, '{"refused":"a-code"}'), "equal");
  assert.equal(verdict(`${ok()},${call}}`, '{"refused":"a-code"}'), "different");
  const [inner, raised] = ['{"refused":"a-code"}', '{"error":{"type":"JSONDecodeError"}}'];
  assert.equal(verdict(`${ok(raised)},${call}}`, `${ok(inner)}}`), "equal");
  assert.equal(verdict(`${ok()},${call}}`, `${ok(inner)}}`), "different");
  assert.equal(verdict(`${ok()},${call}}`, `${ok(inner)}}`, ["bigint"]), "allowed");
  assert.equal(verdict(`${ok()},${call}}`, `${ok(inner, "y")}}`, ["bigint"]), "different");
});

test("refusals", () => {
  const expected = '{"ok":{"data":1}}';
  const refusal = '{"error":{"type":"Refused","message":"too big"}}';
  /** @param {string[]} tags @param {string} answer */
  const verdict = (tags, answer) => compareAnswers({ op: "validate", tags }, expected, answer);
  assert.deepEqual(verdict(["bigint"], refusal), { result: "allowed", tag: "bigint" });
  const both = { result: "allowed", tag: "bigint+unicode-version" };
  assert.deepEqual(verdict(["unicode-version", "hostile", "bigint"], refusal), both);
  assert.equal(verdict(["bigint"], expected).result, "equal");
  assert.equal(verdict(["unicode", "hostile", "bad-json"], refusal).result, "different");
  for (const bad of [
    '{"error":{"type":"Refused"}}',
    '{"error":{"type":"Refused","message":""}}',
    '{"error":{"type":"Refused","message":"x"},"ok":1}',
    '{"error":{"type":"ValueError","message":"too big"}}',
    '{"ok":{"data":2}}',
    "",
  ]) {
    assert.equal(verdict(["bigint"], bad).result, "different", bad);
  }
});

test("what is no JSON is not read", () => {
  for (const text of [
    "",
    "{",
    "[1,]",
    '{"a":1,}',
    "01",
    "1.",
    "+1",
    ".5",
    "'a'",
    '"\t"',
    '"\\x"',
    '"a',
    "[1] x",
    "nul",
    "{a:1}",
    "[1 2]",
    "\u00a01",
    '"\\u12"',
  ]) {
    assert.throws(() => readJson(text), JsonTextError, text);
  }
});

/** @param {string[]} args @param {string} [fault] */
function run(args, fault = "none") {
  const script = fileURLToPath(new URL("run.mjs", import.meta.url));
  const env = { ...process.env, CONFORMANCE_FAULT: fault };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    env,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
}
const REPLAY = fileURLToPath(new URL("replay.mjs", import.meta.url));
// A folder of its own: what really differed stays where it is.
const DIFFERENCES = join(mkdtempSync(join(tmpdir(), "conformance-")), "differences.jsonl");
after(() => rmSync(dirname(DIFFERENCES), { recursive: true }));
const CHOSEN = ["--ops", "default_labels", "--differences", DIFFERENCES];
const REPLAYED = ["--corpus", CORPUS, "--responder", REPLAY, ...CHOSEN];

test("the runner passes what is right", () => {
  const { status, stdout, stderr } = run(REPLAYED);
  assert.equal(status, 0, stderr);
  const last =
    "compared 243 (default_labels 243): 243 equal, 0 allowed to be refused, 0 different";
  assert.equal(stdout.trim().split("\n").at(-1), last);
});

for (const [fault, message] of /** @type {const} */ ([
  ["one-missing", /242 answers to 243 requests/],
  ["one-more", /244 answers to 243 requests/],
  ["one-wrong", /1 different/],
  ["two-swapped", /2 different/],
  ["all-refused", /\b2 allowed to be refused \(unicode-version 2\), 241 different/],
  ["silent", /0 answers to 243 requests/],
  ["all-empty", /243 different/],
  ["not-json", /1 different/],
  ["bad-end", /ended with status 3/],
])) {
  test(`the runner fails: ${fault}`, () => {
    const { status, stdout } = run(REPLAYED, fault);
    assert.equal(status, 1);
    assert.match(stdout, message);
    assert.match(stdout, /again: node tests\/conformance\/run\.mjs --corpus|requests again: node/);
  });
}

test("the runner prints twenty differences and counts the rest", () => {
  const { stdout } = run(REPLAYED, "all-empty");
  assert.equal(stdout.match(/^--- difference /gm)?.length, 20);
});

test("what differs can be compared again", () => {
  run(REPLAYED, "one-wrong");
  const again = run(["--corpus", DIFFERENCES, ...REPLAYED.slice(2)]);
  assert.match(again.stdout, /compared 1 \(default_labels 1\): 1 equal/);
});

test("the runner refuses to compare nothing", () => {
  for (const [args, message] of /** @type {[string[], RegExp][]} */ ([
    [["--corpus", CORPUS, "--responder", REPLAY, "--ops", "no_such_op"], /no requests of no_such_op/],
    [["--corpus", CORPUS, "--responder", REPLAY, "--ops", "default_labels,x"], /no requests of x/],
    [["--corpus", "/nowhere", "--responder", REPLAY], /cannot read/],
    [["--corpus", CORPUS, "--responder", "/nowhere"], /there is no/],
    [["--responder", REPLAY], /one of --corpus and --live/],
    [["--corpus", CORPUS], /--responder is missing/],
    [["--corpus", CORPUS, "--responder", REPLAY, "--seed", "1"], /--seed goes with --live/],
    [["--live", "--count", "many", "--responder", REPLAY, "--python", "x"], /--count takes/],
    [["--surprise"], /surprise/],
  ])) {
    const { status, stderr } = run(args);
    assert.equal(status, 2, stderr);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /^\s+at /m);
  }
});
