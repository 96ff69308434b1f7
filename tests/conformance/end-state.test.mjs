// Whether the comparison of end states sees what it is there to see, and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { endState, hasFaults, hasTwins } from "./end-state.mjs";

const REQUEST = JSON.stringify({
  op: "reconcile_policies",
  model_name: "m",
  labels: { a: "b", key: null },
  raw_policies: [{ via: "dict", metadata: { name: "raw" }, spec: {} }],
});
/** @param {object[]} state @param {object[]} [calls] */
const answer = (state, calls = []) => JSON.stringify({ ok: null, calls, state });
const policy = { kind: "AuthorizationPolicy", metadata: { name: "x", namespace: "m", labels: { a: "b" } }, spec: {} };

/** @param {string} library @param {string} ours */
const agree = (library, ours) => endState(REQUEST, library, true) === endState(REQUEST, ours, false);

test("calls, versions and the order of keys do not matter", () => {
  const { kind, metadata, spec } = policy;
  const ours = { spec, metadata: { labels: { a: "b" }, namespace: "m", name: "x", resourceVersion: "7" }, kind };
  assert.ok(agree(answer([policy], [{ method: "GET" }]), answer([ours])));
  assert.deepEqual(metadata, policy.metadata);
});

test("anything else does", () => {
  for (const other of [
    [],
    [policy, policy],
    [{ ...policy, spec: { action: "DENY" } }],
    [{ ...policy, metadata: { ...policy.metadata, labels: { a: "c" } } }],
    [{ ...policy, metadata: { ...policy.metadata, namespace: "n" } }],
    [{ ...policy, status: {} }],
  ]) {
    assert.ok(!agree(answer([policy]), answer(other)), JSON.stringify(other));
  }
  assert.ok(!agree(answer([policy]), '{"error":{"type":"ApiError"},"state":[]}'));
});

test("of errors the type counts", () => {
  /** @param {string} type */
  const error = (type) => JSON.stringify({ error: { type, message: type }, calls: [], state: [policy] });
  assert.ok(agree(error("ApiError"), '{"error":{"type":"ApiError","message":"no"}}'));
  assert.ok(!agree(error("ApiError"), error("ValueError")));
});

test("raw policies have the manager's labels here, and not there", () => {
  const raw = { kind: "AuthorizationPolicy", metadata: { name: "raw", namespace: "m" }, spec: {} };
  const labelled = { ...raw, metadata: { ...raw.metadata, labels: { a: "b" } } };
  assert.ok(agree(answer([raw]), answer([labelled])));
  assert.ok(!agree(answer([raw]), answer([raw])));
  const other = { ...raw, metadata: { ...raw.metadata, name: "other" } };
  assert.ok(agree(answer([other]), answer([other])));
});

test("faults are seen", () => {
  assert.equal(hasFaults(REQUEST), false);
  assert.equal(hasFaults('{"faults":[]}'), false);
  assert.equal(hasFaults('{"faults":[{"status":500}]}'), true);
});

test("raw policies of one name are seen", () => {
  assert.equal(hasTwins(REQUEST), false);
  const raw = { metadata: { name: "x", namespace: "m" } };
  assert.equal(hasTwins(JSON.stringify({ raw_policies: [raw, raw] })), true);
});
