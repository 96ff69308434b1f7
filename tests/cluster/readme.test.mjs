// The README shows what `plan` prints, and what it says about `apply` holds.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { namespace } from "./contents.mjs";
import { startCluster } from "./start.mjs";
import { ROOT, cli, existing, versions } from "./wishes.mjs";

const SKIP_EXISTING = process.env.KUBECONFIG_TEST
  ? "KUBECONFIG_TEST is set: a cluster in use may have a model named bookinfo"
  : false;

const readme = readFileSync(`${ROOT}README.md`, "utf8");
const command = /^ {4}npx mesh-policy (plan bookinfo=.*)$/m.exec(readme)?.[1]?.split(" ") ?? [];
const shown = /```text\n(istio-beacon-k8s of bookinfo:[^]*?)```/.exec(readme)?.[1];

/** @type {import("./start.mjs").Cluster} */
let cluster;
before(async () => {
  if (!SKIP_EXISTING) cluster = await startCluster();
});
after(() => cluster?.stop());

test("plan prints what the README shows; a second apply writes nothing", { skip: SKIP_EXISTING }, async () => {
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
  assert.ok(command.length > 1 && shown);
  const planned = await cli(command, { env });
  assert.equal(planned.code, 0, planned.stderr);
  assert.ok(planned.stdout.startsWith(shown), planned.stdout);

  const made = await cluster.request("POST", "/api/v1/namespaces", { body: namespace("bookinfo") });
  assert.equal(made.status, 201, made.text);
  const apply = ["apply", ...command.slice(1)];
  assert.equal((await cli(apply, { env })).code, 0);
  const items = await existing(cluster, "bookinfo");
  assert.equal(items.length, 3);
  assert.equal((await cli(apply, { env })).code, 0);
  assert.deepEqual(versions(await existing(cluster, "bookinfo")), versions(items));

  // The way to a verdict about one's own cluster.
  const linted = await cli(["lint", "--cluster"], { env });
  assert.match(linted.stdout, /^\d+ errors?, \d+ warnings?, \d+ notes?$/m, linted.stderr);
  const reached = await cli(["reach", "--cluster"], { env });
  assert.equal(reached.code, 0, reached.stderr);
  assert.match(reached.stdout, /^FROM /);
  const question = "--from bookinfo/bookinfo-productpage-k8s --to service:default/kubernetes --port 443";
  const explained = await cli(["explain", "--cluster", ...question.split(" ")], { env });
  assert.equal(explained.code, 0, explained.stderr);
  assert.match(explained.stdout, /^(allowed|denied|depends)\b.*: bookinfo\/bookinfo-productpage-k8s to /m);

  assert.equal((await cli(["delete", ...command.slice(1)], { env })).code, 0);
  assert.deepEqual(await existing(cluster, "bookinfo"), []);
});
