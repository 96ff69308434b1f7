// What `mesh-policy diff` says of pairs of policy sets whose verdicts another tool publishes. See README.md.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { MESHES } from "./meshes.mjs";
import { PAIRS } from "./pairs.mjs";

/**
 * @typedef {import("./pairs.mjs").Pair} Pair
 * @typedef {import("./pairs.mjs").Policy} Policy
 */

const CLI = fileURLToPath(new URL("../../host/cli.js", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "mesh-policy-peer-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/**
 * @param {Policy} policy
 * @param {number} at
 */
const manifest = ({ name, namespace = "default", app, action, rules }, at) => ({
  apiVersion: "security.istio.io/v1beta1",
  kind: "AuthorizationPolicy",
  metadata: { name: name ?? `policy-${at}`, namespace },
  spec: {
    ...(app && { selector: { matchLabels: { app } } }),
    ...(action && { action }),
    ...(rules && { rules }),
  },
});

/**
 * A folder with all that there is.
 * @param {Pair} pair
 * @param {"old" | "new"} side
 */
function written(pair, side) {
  const at = path.join(folder, `${PAIRS.indexOf(pair)}-${side}`);
  mkdirSync(at);
  const files = [...MESHES[pair.mesh], ...pair[side].map(manifest)];
  files.forEach((object, i) => writeFileSync(path.join(at, `${i}.json`), JSON.stringify(object)));
  return at;
}

/**
 * @param {string[]} folders
 * @param {string[]} options
 */
async function diff(folders, ...options) {
  const command = [CLI, "diff", ...folders, "--output", "json", ...options];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, command);
  assert.equal(stderr, "");
  return JSON.parse(stdout);
}

/** @param {any} found */
function verdict({ equivalent, granted, revoked }) {
  if (equivalent) return "same";
  if (revoked.length === 0) return "more";
  return granted.length === 0 ? "less" : "neither";
}

test("the verdicts of a peer", { concurrency: 4 }, async (t) => {
  await Promise.all(
    PAIRS.map((pair) =>
      t.test(pair.name, async () => {
        const folders = [written(pair, "old"), written(pair, "new")];
        const { ours, described = ours } = pair;
        for (const [expected, ...options] of [[ours], [described, "--only-described"]]) {
          const found = await diff(folders, ...options);
          assert.deepEqual([found.unknown, found.notCompared], [[], []]);
          assert.equal(verdict(found), expected, JSON.stringify(found));
        }
        const agreed = pair.peer === ours || (pair.peer === "not the same" && ours !== "same");
        assert.equal(agreed, pair.because === undefined, "either they agree, or it is said why not");
      }),
    ),
  );
});
