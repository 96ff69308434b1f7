// `mesh-policy diff`, `test` and `reach` from outside.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../host/cli.js', import.meta.url));
const examples = fileURLToPath(new URL('../../examples/diff/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'mesh-policy-exact-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** @param {string[]} args */
function run(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** @param {string} name @param {string} text */
function file(name, text) {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const old = join(examples, 'old.yaml');
const changed = join(examples, 'new.yaml');
const common = ['--manifests', join(examples, 'mesh.yaml')];

test('a diff names what is granted, with a request that explain confirms', () => {
  const found = JSON.parse(run('diff', old, changed, ...common, '-o', 'json').stdout);
  assert.equal(found.equivalent, false);
  assert.deepEqual(found.revoked, []);
  assert.ok(found.granted.length > 0);
  for (const { witness, policies } of found.granted) {
    assert.deepEqual(policies, [{ policy: 'shop/readers', change: 'changed' }]);
    const requests = file('requests.jsonl', `${JSON.stringify(witness)}\n`);
    const verdict = (/** @type {string} */ side) =>
      JSON.parse(run('explain', side, ...common, '--requests', requests, '-o', 'jsonl').stdout).verdict;
    assert.deepEqual([verdict(old), verdict(changed)], ['denied', 'allowed']);
  }
});

test('--fail-on decides the exit code', () => {
  assert.equal(run('diff', old, changed, ...common).status, 0);
  assert.equal(run('diff', old, changed, ...common, '--fail-on', 'granted').status, 1);
  assert.equal(run('diff', old, changed, ...common, '--fail-on', 'revoked').status, 0);
  assert.equal(run('diff', changed, old, ...common, '--fail-on', 'revoked').status, 1);
  const same = run('diff', old, old, ...common, '--fail-on', 'any');
  assert.equal(same.status, 0);
  assert.match(same.stdout, /^equivalent/);
  assert.equal(run('diff', old, join(folder, 'missing.yaml')).status, 2);
});

test('markdown and annotations cannot be broken out of', () => {
  const evil = file('evil.yaml', `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: "r|\`<b>", namespace: shop}
spec:
  targetRefs: [{kind: Service, group: "", name: web}]
  rules:
  - to: [{operation: {paths: ["/a|b%0A::error::x"]}}]
`);
  const markdown = run('diff', old, evil, ...common, '-o', 'markdown').stdout;
  assert.doesNotMatch(markdown, /<b>/);
  for (const line of markdown.split('\n').filter((line) => line.startsWith('|'))) {
    assert.equal(line.replaceAll('\\|', '').split('|').length, 5, line);
  }
  const linked = file('linked.yaml', `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: readers, namespace: shop}
spec:
  targetRefs: [{kind: Service, group: "", name: web}]
  rules:
  - to: [{operation: {paths: ["/[see](https://example.com)", "/![](//example.com/a.png)", "/www.example.com/&lt;"]}}]
`);
  const summary = run('diff', old, linked, ...common, '-o', 'markdown').stdout;
  assert.match(summary, /example/);
  assert.doesNotMatch(summary, /\]\(|:\/\/|www\.|&lt;/);
  const github = run('diff', old, evil, ...common, '-o', 'github').stdout;
  assert.ok(github.trimEnd().split('\n').every((line) => line.startsWith('::')), github);
});

test('expectations hold or fail with a request', () => {
  const good = run('test', join(examples, 'expectations.yaml'), old, ...common);
  assert.equal(good.status, 0, good.stdout + good.stderr);
  assert.match(good.stdout, /3 passed, 0 failed/);
  const bad = run('test', join(examples, 'expectations.yaml'), changed, ...common);
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /FAIL {2}grafana only reads metrics/);
  assert.match(bad.stdout, /"path":"\/api\/"/);
  const junit = run('test', join(examples, 'expectations.yaml'), changed, ...common, '-o', 'junit').stdout;
  assert.match(junit, /<testsuite name="mesh-policy" tests="3" failures="1">/);
  assert.equal(run('test', old, ...common).status, 2);
  const wrong = file('wrong.yaml', '- {expect: deny, to: web}\n');
  const refused = run('test', wrong, old, ...common);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /`to` cannot be `web`/);
});

test('reach says who may reach whom', () => {
  const table = run('reach', old, ...common).stdout;
  assert.match(table, /^cos\/grafana +service shop\/web +waypoint +GET \/metrics +shop\/readers$/m);
  assert.match(table, /^anyone outside the mesh +service shop\/web +service +connect +no policy needed$/m);
  const { rows } = JSON.parse(run('reach', old, ...common, '-o', 'json').stdout);
  assert.ok(rows.some((/** @type {{ to: { pod?: string } }} */ row) => row.to.pod === 'shop/web-0'));
  assert.match(run('reach', old, ...common, '-o', 'dot').stdout, /"cos\/grafana" -> "service shop\/web" \[label="GET \/metrics"\];/);
  assert.match(run('reach', old, ...common, '-o', 'mermaid').stdout, /^flowchart LR\n/);
});
