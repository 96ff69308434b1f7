// The published library's functions from JavaScript. Expected values are the Python library's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as mesh from '../../host/index.js';

/** @type {import('../../pkg/mesh_policy.js').CharmPolicy[]} */
const policies = [
  { kind: 'app', relation: 'data', endpoints: [{ ports: [8080], methods: [mesh.Method.get] }] },
  { kind: 'unit', relation: 'data', ports: [9090] },
  { kind: 'unit', relation: 'data' },
];

const built = mesh.buildMeshPolicies({
  relationMapping: { data: [{ id: 1, app: 'web' }, { id: 2, app: 'remote-1' }] },
  targetAppName: 'db',
  targetNamespace: 'shop',
  policies,
  cmrApplicationData: { 'remote-1': { app_name: 'far', juju_model_name: 'other' } },
});

test('buildMeshPolicies: one policy for each policy and relation, cross-model data applied', () => {
  assert.deepEqual(
    built.map((policy) => `${policy.target_type} ${policy.source_namespace}/${policy.source_app_name} ${policy.endpoints.length}`),
    ['app shop/web 1', 'app other/far 1', 'unit shop/web 1', 'unit other/far 1', 'unit shop/web 0', 'unit other/far 0'],
  );
  assert.deepEqual(built[0]?.endpoints, [{ hosts: null, ports: [8080], methods: ['GET'], paths: null }]);
});

test('an undeclared endpoint is an error with a code', () => {
  assert.throws(
    () => mesh.buildMeshPolicies({ relationMapping: {}, targetAppName: 'db', targetNamespace: 'shop', policies }),
    { code: 'policy-on-undeclared-endpoint' },
  );
});

test('meshPoliciesDatabag writes what json.dumps writes', () => {
  const text = mesh.meshPoliciesDatabag(built.slice(2, 3));
  assert.equal(
    text,
    '[{"source_namespace": "shop", "source_app_name": "web", "target_namespace": "shop", "target_app_name": "db", ' +
      '"target_selector_labels": null, "target_service": null, "target_type": "unit", ' +
      '"endpoints": [{"hosts": null, "ports": [9090], "methods": null, "paths": null}]}]',
  );
});

test('buildPolicyResources: null for a unit policy that asks for HTTP', () => {
  const [first, refused] = mesh.buildPolicyResources({
    appName: 'beacon',
    modelName: 'shop',
    policies: [built[2] ?? {}, { ...built[2], endpoints: [{ hosts: null, ports: null, methods: ['GET'], paths: null }] }],
  });
  assert.match(first?.metadata.name ?? '', /^beacon-shop-policy-web-shop-db-[0-9a-f]{8}$/);
  assert.equal(refused, null);
});

test('getDataFromCmrRelation leaves out what does not validate, and throws on bad JSON', () => {
  const good = { app: 'remote-1', data: { cmr_data: '{"app_name": "far", "juju_model_name": "other"}' } };
  assert.deepEqual(
    mesh.getDataFromCmrRelation([good, { app: 'b', data: { cmr_data: '{}' } }, { app: 'c', data: {} }]),
    { 'remote-1': { app_name: 'far', juju_model_name: 'other' } },
  );
  assert.throws(() => mesh.getDataFromCmrRelation([{ app: 'b', data: { cmr_data: '{' } }]), { code: 'malformed-json' });
});

test('validate coerces and reports every field', () => {
  assert.deepEqual(mesh.validate('Endpoint', { ports: ['80', 8080.0] }), {
    hosts: null, ports: [80, 8080], methods: null, paths: null,
  });
  assert.throws(() => mesh.validate('Endpoint', { ports: ['x'], methods: ['get'] }), (error) => {
    const { code, diagnostics } = /** @type {import('../../pkg/mesh_policy.js').MeshPolicyError} */ (error);
    assert.equal(code, 'invalid-policy');
    assert.deepEqual(diagnostics.map(({ message }) => message.split(':')[0]), ['`ports.0`', '`methods.0`']);
    return true;
  });
});

test('models are validated when they are made, filled in, and taken where policies are', () => {
  const endpoint = new mesh.Endpoint({ ports: [80] });
  assert.ok(endpoint instanceof mesh.Endpoint);
  assert.deepEqual({ ...endpoint }, { hosts: null, ports: [80], methods: null, paths: null });
  const app = new mesh.AppPolicy({ relation: 'data', endpoints: [endpoint] });
  assert.deepEqual({ ...app }, { kind: 'app', relation: 'data', endpoints: [{ ...endpoint }], service: null });
  const options = { relationMapping: { data: [{ app: 'web' }] }, targetAppName: 'db', targetNamespace: 'shop' };
  const unit = new mesh.UnitPolicy({ relation: 'data', ports: [9090] });
  const old = new mesh.Policy({ relation: 'data', endpoints: [] });
  const [made, ...others] = mesh.buildMeshPolicies({ ...options, policies: [app, unit, old] });
  assert.deepEqual({ ...new mesh.MeshPolicy(made ?? assert.fail('there is none')) }, made);
  assert.deepEqual(others.map(({ target_type }) => target_type), ['unit', 'app']);
  assert.equal(new mesh.CmrData({ app_name: 'far', juju_model_name: 'other' }).app_name, 'far');
  assert.deepEqual({ ...new mesh.ServiceMeshProviderAppData({ labels: { a: 'b' }, mesh_type: 'istio' }) }, {
    labels: { a: 'b' }, mesh_type: 'istio',
  });
});

test('a model that does not fit is an error that says where', () => {
  const scope = { source_namespace: 'shop', source_app_name: 'web', target_namespace: 'shop' };
  for (const make of [
    () => new mesh.Endpoint(/** @type {any} */ ({ methods: ['FETCH'] })),
    () => new mesh.AppPolicy(/** @type {any} */ ({ relation: 'data' })),
    () => new mesh.UnitPolicy(/** @type {any} */ ({ ports: [80] })),
    () => new mesh.MeshPolicy({ ...scope, target_type: 'unit', target_service: 'db' }),
    () => new mesh.CmrData(/** @type {any} */ ({})),
    () => new mesh.ServiceMeshProviderAppData(/** @type {any} */ ({ labels: {}, mesh_type: 'linkerd' })),
  ]) {
    assert.throws(make, (error) => {
      const { code, diagnostics } = /** @type {import('../../pkg/mesh_policy.js').MeshPolicyError} */ (error);
      assert.equal(code, 'invalid-policy');
      assert.ok(diagnostics.length > 0 && diagnostics.every(({ message }) => message.length > 0));
      return true;
    });
  }
});

test('labels', () => {
  assert.equal(mesh.charmKubernetesLabel({ modelName: 'shop', appName: 'db' }), 'shop.db');
  assert.equal(mesh.charmKubernetesLabel({ modelName: 'm'.repeat(63), appName: 'a'.repeat(63) }).length, 63);
  assert.throws(() => mesh.charmKubernetesLabel({ modelName: '', appName: 'db' }), { code: 'invalid-name' });
  assert.deepEqual(mesh.createCharmDefaultLabels({ applicationName: 'db', modelName: 'shop', scope: 's' }), {
    'app.kubernetes.io/instance': 'shop-db',
    'kubernetes-resource-handler-scope': 's',
  });
  assert.deepEqual(mesh.generateTelemetryLabels({ appName: 'db', modelName: 'shop' }), {
    'charms.canonical.com/shop.db.telemetry': 'aggregated',
  });
  assert.equal(mesh.labelConfigmapName('db'), 'juju-service-mesh-db-labels');
  assert.equal(mesh.peerIdentityForJujuApplication('db', 'shop'), 'cluster.local/ns/shop/sa/db');
});

test('an argument of a wrong type throws a TypeError, and nothing is the worse for it', () => {
  const analysis = mesh.analyse({ manifests: [{ file: 'a', text: 'apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n' }] });
  const wrong = [undefined, null, 5, 5n, true, Symbol('s'), {}, [], ['a'], { length: 4_294_967_295 }, () => 1];
  for (const value of /** @type {any[]} */ (wrong)) {
    for (const call of [
      () => analysis.ask(value),
      () => analysis.explain(value),
      () => analysis.trace(value),
      () => analysis.prove(value),
      () => mesh.conformance(value),
      () => mesh.labelConfigmapName(value),
    ]) assert.throws(call, TypeError, `${call} of ${String(value)}`);
    if (!Array.isArray(value)) assert.throws(() => mesh.isExpectations(value), TypeError);
  }
  // One whose elements make it longer while they are read.
  const growing = [0];
  Object.defineProperty(growing, 0, { get: () => growing.push(0) });
  assert.equal(mesh.isExpectations(growing), false);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  assert.throws(() => analysis.suggest(/** @type {any} */ ({ bundles: proxy }), '{"to": {"pod": "shop/web"}}'), TypeError);
  assert.match(analysis.explain('{"to": {"pod": "shop/web"}}'), /shop\/web/);
  analysis.free();
});

test('an input that nobody reads is a mistake, and so is a value of another type beside a text', () => {
  /** @type {any} */
  const core = mesh;
  for (const input of [{ bundle: [] }, { manifest: [] }, { files: [], setting: [] }]) {
    assert.throws(() => core.compile(input), /there is no input `/, JSON.stringify(input));
    assert.throws(() => core.analyse(input), /there is no input `/, JSON.stringify(input));
  }
  for (const more of [{ model: 5 }, { overlay: 'false' }, { modle: 'm' }, { models: ['m'] }]) {
    const input = { bundles: [{ file: 'b.yaml', text: 'applications: {}', ...more }] };
    assert.throws(() => core.compile(input), TypeError, JSON.stringify(more));
  }
  // One input for all of them.
  const whole = { files: [], bundles: [], charms: [], databags: [], manifests: [], settings: [], expectations: [] };
  core.compile(whole).free();
  const analysis = core.analyse(whole);
  analysis.test(whole).free();
  analysis.free();
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  assert.throws(() => core.analyse(revoked.proxy), TypeError);
});
