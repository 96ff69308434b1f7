// The example charms through their whole life, by `dispatch`, with stand-ins for the hook tools and a real API server.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startCluster } from '../cluster/start.mjs';
import { Juju } from './juju.mjs';
import { openOracle, pythonConsumer, pythonProvider } from './oracle.mjs';

const EXAMPLES = fileURLToPath(new URL('../../examples/charm', import.meta.url));
const LABELS = { 'istio.io/dataplane-mode': 'ambient' };
/** The policies of examples/charm/consumer. */
const POLICIES = [
  { kind: 'app', relation: 'web', endpoints: [{ ports: [8080], methods: ['GET'] }] },
  { kind: 'unit', relation: 'peers', ports: [9000] },
];

/** @type {import('../cluster/start.mjs').Cluster} */
let cluster;
/** @type {import('./oracle.mjs').Oracle} */
let oracle;
/** @type {string} */
let shop;
/** @type {string} */
let far;
/** @type {Juju[]} */
const open = [];
before(async () => {
  [cluster, oracle] = [await startCluster(), openOracle()];
  [shop, far] = [await cluster.createNamespace('shop'), await cluster.createNamespace('far')];
  for (const [model, app] of [[shop, 'hello'], [far, 'away']]) await workload(model ?? '', app ?? '');
});
after(async () => {
  for (const juju of open) juju.close();
  oracle?.close();
  await cluster?.stop();
});

function juju() {
  const made = new Juju({ env: { KUBECONFIG: cluster.kubeconfig } });
  open.push(made);
  return made;
}

/** @param {string} method @param {string} path @param {object} [body] */
async function kube(method, path, body) {
  const { status, json } = await cluster.request(method, path, body === undefined ? {} : { body });
  return { status, body: json };
}

/** What Juju makes for an application. @param {string} model @param {string} app */
async function workload(model, app) {
  const labels = { 'app.kubernetes.io/name': app };
  const metadata = { name: app, namespace: model, labels };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'charm', image: 'none' }] } };
  const set = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec: { serviceName: app, selector: { matchLabels: labels }, template } };
  const service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 8080 }], selector: labels } };
  for (const [path, body] of /** @type {[string, object][]} */ ([
    [`/apis/apps/v1/namespaces/${model}/statefulsets`, set],
    [`/api/v1/namespaces/${model}/services`, service],
  ])) {
    const { status } = await kube('POST', path, body);
    assert.equal(status, 201);
  }
}

/** Labels of pods, of the Service, and what the ConfigMap remembers. @param {string} model @param {string} app */
async function labelsOf(model, app) {
  const pods = await kube('GET', `/apis/apps/v1/namespaces/${model}/statefulsets/${app}`);
  const service = await kube('GET', `/api/v1/namespaces/${model}/services/${app}`);
  const ledger = await kube('GET', `/api/v1/namespaces/${model}/configmaps/juju-service-mesh-${app}-labels`);
  return {
    pods: pods.body.spec.template.metadata.labels,
    service: service.body.metadata.labels,
    ledger: ledger.status === 404 ? null : JSON.parse(ledger.body.data.labels),
  };
}

/** Principals, or the target, of the policies in a namespace. @param {string} model */
async function policiesOf(model) {
  const { body } = await kube('GET', `/apis/security.istio.io/v1/namespaces/${model}/authorizationpolicies`);
  return body.items
    .map((/** @type {any} */ { spec }) => {
      const target = spec.targetRefs ? spec.targetRefs[0].name : `pods of ${spec.selector.matchLabels['app.kubernetes.io/name']}`;
      return `${spec.rules[0].from[0].source.principals[0].replace('cluster.local/ns/', '')} -> ${target}`;
    })
    .sort();
}

/** A charm that does nothing. @param {Juju} juju */
function idle(juju) {
  const folder = join(juju.folder, 'idle');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'charmcraft.yaml'), 'name: idle\n');
  writeFileSync(join(folder, 'dispatch'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  return { folder };
}

/** @param {Juju} juju */
function failures({ runs }) {
  return runs.filter(({ code }) => code !== 0).map(({ unit, event, stderr }) => `${unit} ${event}: ${stderr}`);
}

test('a consumer and a provider: install, join, relate, scale, cross-model, leave, remove', async () => {
  const model = juju();
  const own = { 'app.kubernetes.io/name': 'hello' };
  const joined = { pods: { ...own, ...LABELS }, service: { ...own, ...LABELS }, ledger: LABELS };
  const consumer = model.pack(join(EXAMPLES, 'consumer'));
  const hello = await model.deploy(shop, 'hello', { folder: consumer });
  const beacon = await model.deploy(shop, 'beacon', { folder: model.pack(join(EXAMPLES, 'provider')) });
  const browser = await model.deploy(shop, 'browser', idle(model));
  assert.equal(hello.status['hello/0'], 'active not in a mesh');
  assert.deepEqual(await policiesOf(shop), []);

  // join
  const mesh = await model.relate(hello, 'service-mesh', beacon, 'service-mesh');
  assert.deepEqual(model.data(mesh, beacon), { labels: '{"istio.io/dataplane-mode": "ambient"}', mesh_type: '"istio"' });
  assert.deepEqual(await labelsOf(shop, 'hello'), joined);
  assert.equal(hello.status['hello/0'], 'active in the mesh (istio)');
  assert.deepEqual(await policiesOf(shop), [`${shop}/sa/hello -> pods of hello`]);

  // relate
  const web = await model.relate(browser, 'web', hello, 'web');
  assert.deepEqual(await policiesOf(shop), [`${shop}/sa/browser -> hello`, `${shop}/sa/hello -> pods of hello`]);

  // scale: followers write no databag, which the stand-in would refuse, and see the same mesh
  await model.scale(hello, 3);
  assert.equal(hello.status['hello/2'], 'active in the mesh (istio)');
  await model.scale(hello, 2);
  assert.deepEqual(await labelsOf(shop, 'hello'), joined);
  const followers = model.runs.filter(({ unit, effects }) => unit !== 'hello/0' && unit.startsWith('hello/') && effects.some(({ tool }) => tool === 'relation-set'));
  assert.deepEqual(followers, []);

  // cross-model
  const away = await model.deploy(far, 'away', { folder: consumer });
  const request = await model.relate(away, 'web', hello, 'web');
  const before = await policiesOf(shop);
  assert.equal(before.some((/** @type {string} */ policy) => policy.includes('remote-')), false);
  const cmr = await model.relate(away, 'require-cmr-mesh', hello, 'provide-cmr-mesh');
  assert.deepEqual(model.data(cmr, away), { cmr_data: `{"app_name": "away", "juju_model_name": "${far}"}` });
  assert.deepEqual(await policiesOf(shop), [`${far}/sa/away -> hello`, ...before]);
  // … and a consumer of another model in this mesh, whose targets are its own
  const foreign = await model.relate(away, 'service-mesh', beacon, 'service-mesh');
  assert.deepEqual(await policiesOf(far), [`${far}/sa/away -> pods of away`]);
  assert.deepEqual((await labelsOf(far, 'away')).ledger, LABELS);

  // the other model does not say any more who it is: no access
  await model.unrelate(cmr);
  assert.deepEqual(await policiesOf(shop), before);
  await model.unrelate(request);

  // upgrade changes nothing
  await model.upgrade(hello);
  assert.deepEqual(await policiesOf(shop), before);

  // leave
  await model.unrelate(web);
  await model.unrelate(mesh);
  assert.deepEqual(await policiesOf(shop), []);
  assert.deepEqual(await labelsOf(shop, 'hello'), { pods: own, service: own, ledger: null });
  assert.equal(hello.status['hello/1'], 'active not in a mesh');

  // join again, then everything goes
  await model.relate(hello, 'service-mesh', beacon, 'service-mesh');
  assert.deepEqual(await policiesOf(shop), [`${shop}/sa/hello -> pods of hello`]);
  await model.remove(hello);
  assert.deepEqual(await policiesOf(shop), []);
  assert.deepEqual((await labelsOf(shop, 'hello')).ledger, null);
  assert.equal((await policiesOf(far)).length, 1);
  await model.scale(beacon, 2);
  await model.scale(beacon, 1);
  assert.equal((await policiesOf(far)).length, 1, 'the removal of one unit of several takes no policy away');
  await model.unrelate(foreign);
  await model.remove(beacon);
  assert.deepEqual(await policiesOf(far), []);
  assert.deepEqual(failures(model), []);
});

describe('with Python charms, over the same databags', () => {
  /**
   * One story, told with charms of either language; returns all databags after each step.
   *
   * @param {'javascript' | 'python'} consumerIs
   * @param {'javascript' | 'python'} providerIs
   */
  async function story(consumerIs, providerIs) {
    const model = juju();
    const hello = await model.deploy(shop, 'hello', consumerIs === 'javascript' ? { folder: model.pack(join(EXAMPLES, 'consumer')) } : { python: pythonConsumer(oracle, { policies: POLICIES, declared: ['web', 'peers'] }) });
    const python = pythonProvider(oracle, LABELS);
    const beacon = await model.deploy(shop, 'beacon', providerIs === 'javascript' ? { folder: model.pack(join(EXAMPLES, 'provider')) } : { python });
    // A Python charm has no charmcraft.yaml here that would declare its peers.
    if (consumerIs === 'python') await model.relate(hello, 'peers', hello, 'peers');
    const browser = await model.deploy(shop, 'browser', idle(model));
    const away = await model.deploy(far, 'away', { python: pythonConsumer(oracle, { policies: [], declared: ['web'] }) });

    /** @type {Record<string, unknown>} */
    const seen = {};
    const note = (/** @type {string} */ step) => {
      seen[step] = model.relations
        .map(({ sides: [one, other] }) => [one.endpoint, one.app.name, one.data, other.app.name, other.data])
        .filter(([endpoint]) => endpoint !== 'peers')
        .map((databags) => structuredClone(databags));
    };
    note('installed');
    const first = await model.relate(browser, 'web', hello, 'web');
    note('related');
    const mesh = await model.relate(hello, 'service-mesh', beacon, 'service-mesh');
    note('in the mesh');
    const applied = providerIs === 'javascript' ? await policiesOf(shop) : python.last?.ok.mesh_info;
    await model.scale(hello, 2);
    note('scaled');
    const request = await model.relate(away, 'web', hello, 'web');
    const cmr = await model.relate(away, 'require-cmr-mesh', hello, 'provide-cmr-mesh');
    note('cross-model');
    await model.upgrade(hello);
    note('upgraded');
    await model.unrelate(first);
    note('one less');
    await model.unrelate(request);
    note('none left');
    await model.unrelate(cmr);
    await model.unrelate(mesh);
    note('left');
    await model.relate(hello, 'service-mesh', beacon, 'service-mesh');
    note('again in the mesh');
    await model.remove(hello);
    note('removed');
    await model.remove(beacon);
    assert.deepEqual(failures(model), []);
    return { seen, applied };
  }

  /** @type {Awaited<ReturnType<typeof story>>} */
  let python;
  before(async () => {
    python = await story('python', 'python');
  });

  test('our consumer, a Python provider', async () => {
    const { seen, applied } = await story('javascript', 'python');
    assert.deepEqual(seen, python.seen);
    assert.deepEqual(applied, python.applied);
  });

  test('a Python consumer, our provider', async () => {
    const { seen, applied } = await story('python', 'javascript');
    assert.deepEqual(seen, python.seen);
    assert.deepEqual(applied, [`${shop}/sa/browser -> hello`, `${shop}/sa/hello -> pods of hello`]);
  });
});
