// `mesh-policy explain` as a user runs it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const root = new URL('../../', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'mesh-policy-explain-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** @param {string[]} args @param {string} [stdin] */
function run(args, stdin) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'host/cli.js'), 'explain', ...args], {
    cwd: root,
    input: stdin,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** @param {string} name @param {string} content */
function file(name, content) {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const bundle = ['bookinfo=examples/bookinfo/bundle.yaml', '--charms', 'examples/bookinfo/charms'];
const question = ['--from', 'bookinfo/bookinfo-productpage-k8s', '--to', 'service:bookinfo/bookinfo-details-k8s', '--port', '9080', '--path', '/details/1'];
const policy = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'p', namespace: 'shop' },
  spec: { targetRefs: [{ kind: 'Service', group: '', name: 'web' }], rules: [{ when: [{ key: 'request.headers[x-env]', values: ['prod'] }] }] },
};

test('says in sentences who decides, and what did not match', () => {
  const allowed = run([...bundle, ...question, '--method', 'GET']);
  assert.equal(allowed.status, 0, allowed.stderr);
  assert.match(allowed.stdout, /^allowed: bookinfo\/bookinfo-productpage-k8s to send GET \/details\/1 to the Service bookinfo\/bookinfo-details-k8s, port 9080\n/);
  assert.match(allowed.stdout, /through the waypoint: allowed\n {2}1\. waypoint bookinfo\/istio-beacon-k8s-bookinfo-waypoint sees cluster\.local\/ns\/bookinfo\/sa\/bookinfo-productpage-k8s on port 9080\n {5}allowed: ALLOW policy `/);
  const denied = run([...bundle, ...question, '--method', 'DELETE']);
  assert.equal(denied.status, 0);
  assert.match(denied.stdout, /^denied: /);
  assert.match(denied.stdout, /the method is `DELETE`, not `GET`/);
  assert.match(denied.stdout, /the beacons' waypoints are taken to be ready/);
  assert.match(run([...bundle, ...question]).stdout, /^it depends: .*\n {2}on the request's method, which was not given\n/);
});

test('says what to declare to allow a denied request, and where nothing helps, why', () => {
  const denied = run([...bundle, ...question, '--method', 'DELETE']);
  assert.match(denied.stdout, /\nto allow it: add an endpoint to the `app` policy for `details` in the charm `bookinfo-details-k8s`: DELETE \/details\/1 on port 9080\n {2}\S+bookinfo-details-k8s\.yaml, after line \d+:\n {6,}- ports: \[9080\]\n {8,}methods: \[DELETE\]\n {8,}paths: \[\/details\/1\]\n$/);
  const { toAllow } = JSON.parse(run([...bundle, ...question, '--method', 'DELETE', '-o', 'json']).stdout);
  assert.equal(toAllow.possible, true);
  assert.match(toAllow.edits[0].insert, /methods: \[DELETE\]/);
  const [, ...others] = question.slice(1);
  const outside = run([...bundle, '--from', 'outside', ...others, '--method', 'GET']);
  assert.match(outside.stdout, /\nno declaration allows it: a client outside the mesh has no identity/);
  const allowed = run([...bundle, ...question, '--method', 'GET', '-o', 'json']);
  assert.equal('toAllow' in JSON.parse(allowed.stdout), false);
});

test('gives the trace of one request as JSON', () => {
  const { stdout } = run([...bundle, ...question, '--method', 'DELETE', '-o', 'json']);
  const { verdict, ways } = JSON.parse(stdout);
  assert.equal(verdict, 'denied');
  const [waypoint] = ways[0].layers;
  assert.equal(waypoint.layer, 'waypoint');
  assert.equal(waypoint.considered.length, 1);
  assert.deepEqual(waypoint.nearest.misses, [{ field: 'method', expected: ['GET'], actual: 'DELETE' }]);
});

test('answers many requests, a line each, in their order', () => {
  const manifests = file('p.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [policy] }));
  const base = { to: { service: 'shop/web' }, from: { namespace: 'shop', serviceAccount: 'api' }, layer: 'waypoint' };
  const requests = [
    { ...base, id: 'a', headers: { 'X-Env': ['dev', 'prod'] } },
    { ...base, id: 'b', headers: {} },
    { id: 'c' },
  ];
  const { status, stdout, stderr } = run(['--manifests', manifests, '--requests', '-', '-o', 'jsonl'], requests.map((one) => `${JSON.stringify(one)}\n`).join(''));
  assert.equal(status, 0, stderr);
  const answers = stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(answers.map(({ id, verdict }) => [id, verdict]), [['a', 'allowed'], ['b', 'denied'], ['c', undefined]]);
  assert.equal(answers[0].ways[0].layers[0].policy, 'shop/p');
  assert.match(answers[1].ways[0].layers[0].why, /the request has no header x-env, not `prod`/);
  assert.match(answers[2].error, /`to` must be/);
});

test('a file tells by its documents whether it is a bundle or manifests; settings win', () => {
  const manifests = file('q.yaml', `kind: AuthorizationPolicy\napiVersion: security.istio.io/v1\nmetadata: {name: q, namespace: roots}\nspec: {}\n---\nkind: Pod\napiVersion: v1\nmetadata: {name: web-0, namespace: shop}\n`);
  const ask = ['--from', 'shop/api', '--to', 'pod:shop/web-0', '--port', '80'];
  assert.match(run([manifests, ...ask]).stdout, /^allowed/);
  const settings = file('s.yaml', 'rootNamespace: roots\n');
  assert.match(run([manifests, '--settings', settings, ...ask]).stdout, /^denied/);
});

test('reports what Istio refuses, with its place, and decides without it', () => {
  const refused = file('r.yaml', 'kind: AuthorizationPolicy\napiVersion: security.istio.io/v1\nmetadata: {name: r, namespace: shop}\nspec:\n  action: DENY\n  rules:\n  - to:\n    - operation: {}\n');
  const { status, stdout, stderr } = run(['--manifests', refused, '--from', 'outside', '--to', 'service:shop/web', '--layer', 'waypoint']);
  assert.equal(status, 0);
  assert.match(stdout, /^allowed/);
  assert.match(stderr, /r\.yaml:8:7: error\[refused-policy\]: Istio refuses the policy `shop\/r`: an `operation` must not be empty\n {2}help: take the `to` out/);
});

test('wrong use and input that cannot be used end with 2 and say what to do', () => {
  const manifests = file('p2.json', JSON.stringify(policy));
  for (const [args, message] of /** @type {[string[], RegExp][]} */ ([
    [['--from', 'outside', '--to', 'service:shop/web'], /nothing to look at/],
    [['--manifests', manifests], /give `--from/],
    [['--manifests', manifests, '--from', 'web', '--to', 'service:shop/web'], /names no client/],
    [['--manifests', manifests, '--from', 'outside', '--to', 'web'], /names no target/],
    [['--manifests', manifests, '--from', 'outside', '--to', 'service:shop/web', '--header', 'x'], /is no header/],
    [['--manifests', manifests, '--from', 'outside', '--to', 'service:shop/web', '--source-ip', 'here'], /is no IP address/],
    [['--manifests', file('s2.yaml', 'a: 1'), '--from', 'outside', '--to', 'service:shop/web'], /no `kind`/],
    [['--manifests', manifests, '--settings', file('s3.yaml', 'x: 1'), '--from', 'outside', '--to', 'service:shop/web'], /there is no setting `x`/],
  ])) {
    const { status, stdout, stderr } = run(args);
    assert.equal(status, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, message);
  }
});
