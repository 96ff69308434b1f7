// `apply --prove` against a stand-in for an API server that counts what is written.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'mesh-policy-apply-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/** @param {string[]} args @returns {Promise<{ code: number, stdout: string, stderr: string }>} */
function cli(args) {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, 'host/cli.js'), ...args], { cwd: ROOT }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

/**
 * Lists what `objects` has by the last part of a path; takes every write.
 *
 * @param {Record<string, object[]>} objects
 * @param {(access: string[], writes: string[]) => Promise<void>} use
 */
async function withServer(objects, use) {
  /** @type {string[]} */
  const writes = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    let text = '';
    request.on('data', (chunk) => { text += chunk; });
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (request.method === 'GET') {
        const items = objects[path.split('/').at(-1) ?? ''] ?? [];
        response.end(JSON.stringify({ kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items }));
        return;
      }
      writes.push(`${request.method} ${path}`);
      const body = JSON.parse(text || '{}');
      response.end(JSON.stringify({ ...body, metadata: { ...body.metadata, resourceVersion: '2', uid: 'u' } }));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const file = join(dir, `${port}.kubeconfig`);
  writeFileSync(file, JSON.stringify({
    'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'c',
    'clusters': [{ name: 'k', cluster: { server: `http://127.0.0.1:${port}` } }],
    'users': [{ name: 'u', user: { token: 'secret' } }],
    'contexts': [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
  }));
  try {
    await use(['--kubeconfig', file], writes);
  } finally {
    server.close();
  }
}

const bundle = ['bookinfo=examples/bookinfo/bundle.yaml', '--charms', 'examples/bookinfo/charms'];

test('a plan that swaps the policies of two targets is not applied, unless asked for', async () => {
  /** @type {any[]} */
  let wanted = [];
  await withServer({}, async (access) => {
    const planned = await cli(['plan', ...bundle, ...access, '-o', 'json']);
    assert.equal(planned.code, 0, planned.stderr);
    wanted = JSON.parse(planned.stdout).runs
      .flatMap((/** @type {any} */ run) => run.done.changes)
      .map((/** @type {any} */ change) => JSON.parse(change.request.body))
      .filter((/** @type {any} */ policy) => policy.spec.targetRefs);
  });
  const first = wanted[0];
  const second = wanted.find(({ spec }) => spec.targetRefs[0].name !== first.spec.targetRefs[0].name);
  assert.ok(first && second, 'two targets');
  const targets = [first, second].map(({ spec }) => spec.targetRefs[0].name);
  const there = [[first, second], [second, first]].map(([one, other]) => ({
    ...one,
    metadata: { ...one.metadata, uid: one.metadata.name, resourceVersion: '1' },
    spec: { ...one.spec, targetRefs: other.spec.targetRefs },
  }));
  const namespace = first.metadata.namespace;
  const objects = {
    authorizationpolicies: there,
    namespaces: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'istio.io/dataplane-mode': 'ambient', 'istio.io/use-waypoint': 'w' } } }],
    gateways: [{
      apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', metadata: { name: 'w', namespace },
      spec: { gatewayClassName: 'istio-waypoint' }, status: { addresses: [{ value: '10.0.0.9' }] },
    }],
    services: targets.map((name) => ({
      apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { selector: { app: name }, ports: [{ name: 'http', port: 9080 }] },
    })),
    pods: targets.map((name) => ({
      apiVersion: 'v1', kind: 'Pod', metadata: { name: `${name}-0`, namespace, labels: { app: name } }, spec: { serviceAccountName: name },
    })),
  };
  await withServer(objects, async (access, writes) => {
    const refused = await cli(['apply', ...bundle, ...access, '--prove']);
    assert.equal(refused.code, 1, refused.stderr);
    assert.match(refused.stdout, /not safe at every moment/);
    assert.match(refused.stdout, /exposes: updates: after updating ALLOW /);
    assert.match(refused.stdout, /such as \{"from":/);
    assert.match(refused.stderr, /nothing was written: `--allow-exposure`/);
    assert.deepEqual(writes, []);
    const json = await cli(['apply', ...bundle, ...access, '--prove', '-o', 'json']);
    assert.equal(json.code, 1);
    assert.equal(JSON.parse(json.stdout).safety.safe, false);
    assert.deepEqual(writes, []);
    const all = await cli(['apply', ...bundle, ...access, '--prove', '--allow-exposure']);
    assert.match(all.stdout, /exposes: /);
    assert.ok(writes.length > 1, all.stderr);
  });
});
