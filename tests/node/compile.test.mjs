// `mesh-policy compile` as a user runs it: real examples, defects in them, and input that hurts.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { compile } from '../../host/index.js';

const root = new URL('../../', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'mesh-policy-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** @param {string[]} args @param {string | Buffer} [stdin] */
function run(args, stdin) {
  const started = Date.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'host/cli.js'), ...args], {
    cwd: root,
    input: stdin,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { status, stdout, stderr, milliseconds: Date.now() - started };
}

/** @param {string} name @param {string | Uint8Array} content */
function file(name, content) {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** @param {string[]} args */
function json(...args) {
  const { status, stdout, stderr } = run(['compile', '-o', 'json', ...args]);
  assert.notEqual(status, 2, stderr);
  return { status, ...JSON.parse(stdout) };
}

/** @param {{ diagnostics: { code: string, severity: string, place?: { file: string, line: number } }[] }} compiled */
const alarms = (compiled) =>
  compiled.diagnostics
    .filter(({ severity }) => severity !== 'note')
    .map(({ code, place }) => `${code} ${place?.file}:${place?.line}`);

/** @param {string} name */
const charms = (name) => ['--charms', `examples/${name}/charms`];

test('bookinfo: the policies that the beacon makes', () => {
  const compiled = json('bookinfo=examples/bookinfo/bundle.yaml', ...charms('bookinfo'));
  assert.equal(compiled.status, 0);
  assert.deepEqual(alarms(compiled), []);
  assert.deepEqual(
    compiled.meshPolicies.map((/** @type {any} */ p) => `${p.target_type} ${p.source_app_name} -> ${p.target_app_name}`),
    [
      'app bookinfo-productpage-k8s -> bookinfo-details-k8s',
      'unit bookinfo-details-k8s -> bookinfo-details-k8s',
      'app bookinfo-productpage-k8s -> bookinfo-reviews-k8s',
    ],
  );
  // The hash is what the Python library makes of the same policy.
  assert.deepEqual(compiled.authorizationPolicies[0], {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: {
      name: 'istio-beacon-k8s-bookinfo-policy-bookinfo-productpage-k8s-bookinfo-bookinfo-details-k8s-3201211d',
      namespace: 'bookinfo',
      labels: {
        'app.kubernetes.io/instance': 'istio-beacon-k8s-bookinfo',
        'kubernetes-resource-handler-scope': 'istio-authorization-policy',
      },
    },
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: 'bookinfo-details-k8s' }],
      rules: [
        {
          from: [{ source: { principals: ['cluster.local/ns/bookinfo/sa/bookinfo-productpage-k8s'] } }],
          to: [{ operation: { ports: ['9080'], methods: ['GET'], paths: ['/health', '/details/*'] } }],
        },
      ],
    },
  });
});

test('cross-model: the far application is the principal, in its own model', () => {
  const compiled = json(
    'bookinfo=examples/bookinfo-cross-model/bookinfo.yaml',
    'bookinfo-2=examples/bookinfo-cross-model/bookinfo-2.yaml',
    ...charms('bookinfo-cross-model'),
  );
  assert.deepEqual(alarms(compiled), []);
  const reviews = compiled.authorizationPolicies.find((/** @type {any} */ p) => p.metadata.namespace === 'bookinfo-2');
  assert.deepEqual(reviews.spec.rules[0].from[0].source.principals, [
    'cluster.local/ns/bookinfo/sa/bookinfo-productpage-k8s',
  ]);
});

test('cross-model without cross_model_mesh is reported, and no dead policy is made', () => {
  const text = readFileSync(join(root, 'examples/bookinfo-cross-model/bookinfo.yaml'), 'utf8')
    .split('\n')
    .filter((line) => !line.includes('require-cmr-mesh'))
    .join('\n');
  const compiled = json(
    `bookinfo=${file('consumer.yaml', text)}`,
    'bookinfo-2=examples/bookinfo-cross-model/bookinfo-2.yaml',
    ...charms('bookinfo-cross-model'),
  );
  assert.equal(compiled.status, 1);
  assert.ok(compiled.diagnostics.some((/** @type {any} */ d) => d.code === 'cross-model-without-cmr'));
  assert.ok(compiled.authorizationPolicies.every((/** @type {any} */ p) => p.metadata.namespace === 'bookinfo'));
});

test('cos: the defects of the real bundle, at their lines, and nothing else', () => {
  const compiled = json('cos=examples/cos/bundle.yaml', ...charms('cos'));
  const lines = readFileSync(join(root, 'examples/cos/bundle.yaml'), 'utf8').split('\n');
  /** @param {string} text */
  const line = (text) => lines.findIndex((candidate) => candidate.includes(text)) + 1;
  const bundle = 'examples/cos/bundle.yaml';
  assert.deepEqual(alarms(compiled).sort(), [
    `offer-without-cmr ${bundle}:${line('loki-logging:')}`,
    `offer-without-cmr ${bundle}:${line('mimir-receive-remote-write:')}`,
    `offer-without-cmr ${bundle}:${line('tempo-tracing:')}`,
    `unlike-interfaces ${bundle}:${line("'otelcol:ingress'")}`,
    `unlike-interfaces ${bundle}:${line("'tempo:ingress'")}`,
  ]);
});

test('kubeflow: charms on the mesh without a file are named', () => {
  const compiled = json('kubeflow=examples/kubeflow/bundle.yaml', ...charms('kubeflow'));
  assert.deepEqual(
    compiled.diagnostics
      .filter((/** @type {any} */ d) => d.severity !== 'note')
      .map((/** @type {any} */ d) => `${d.code} ${/`([^`]*)`/.exec(d.message)?.[1]}`)
      .sort(),
    ['kserve-controller', 'kubeflow-trainer', 'oidc-gatekeeper', 'training-operator'].map(
      (name) => `charm-file-missing ${name}`,
    ),
  );
  assert.ok(compiled.authorizationPolicies.every((/** @type {any} */ p) => !JSON.stringify(p).includes('allow-nothing')));
});

const SHOP = `
applications: {web: {charm: web}, api: {charm: api}, beacon: {charm: istio-beacon-k8s}}
relations:
- [web:api, api:api]
- [api:service-mesh, beacon:service-mesh]
`;
const API = `
charm: api
provides: {api: {interface: http}, other: {interface: http}}
requires: {service-mesh: {interface: service_mesh}}
policies:
- {kind: unit, relation: api, ports: [8080]}
`;

/** @param {string} bundle @param {string} charm */
function shop(bundle, charm) {
  const compilation = compile({
    bundles: [{ file: 'bundle.yaml', text: bundle, model: 'shop' }],
    charms: [{ file: 'api.yaml', text: charm }],
  });
  const { diagnostics, authorizationPolicies, dropped } = compilation;
  compilation.free();
  return { codes: diagnostics.map(({ code, place }) => `${code}:${place?.line}`), authorizationPolicies, dropped };
}

test('each defect has its own code and place', () => {
  assert.deepEqual(shop(SHOP, API).codes, []);
  for (const [bundle, charm, code, dropped] of /** @type {[string, string, string, boolean][]} */ ([
    [SHOP.replace('web:api', 'wbe:api'), API, 'unknown-application:4', true],
    [SHOP, API.replace('relation: api', 'relation: apis'), 'policy-on-undeclared-endpoint:6', true],
    [SHOP, API.replace('kind: unit', 'kind: pod'), 'invalid-policy:6', true],
    [SHOP, API.replace('[8080]', '[http]'), 'invalid-policy:6', true],
    [SHOP, API.replace('[8080]', '[70000]'), 'invalid-port:6', false],
    [SHOP, API.replace('kind: unit', 'kind: policy').replace('ports: [8080]', 'endpoints: []'), 'deprecated-policy:6', false],
    [SHOP, API.replace('kind: unit', 'kind: app').replace('ports: [8080]', 'endpoints: [{}]'), 'empty-operation:6', false],
    [SHOP, API.replace('policies:', 'mesh: {service_mesh_consumer: false}\npolicies:'), 'mesh-relation-without-consumer:5', false],
    [SHOP, API.replace('provides:', 'provide:'), 'misspelled-key:3', true],
    [SHOP, API.replace('charm: api', 'charm: else'), 'charm-file-missing:2', false],
    [SHOP.replace('[api:service-mesh', '[api:service-mesh, beacon:service-mesh]\n- [api:service-mesh'), API, 'several-mesh-relations:6', false],
    [SHOP.replace('web: {charm: web}', '"*": {charm: web}').replace('web:api', '"*:api"'), API, 'invalid-name:2', false],
  ])) {
    const result = shop(bundle, charm);
    assert.ok(result.codes.includes(code), `${code} in ${result.codes.join(', ')}`);
    assert.equal(result.dropped, dropped, code);
  }
});

test('relations without endpoints are resolved as Juju does', () => {
  const web = '\n---\ncharm: web\nrequires: {backend: {interface: http}}\n';
  const one = API.replace(', other: {interface: http}', '');
  const bare = SHOP.replace('[web:api, api:api]', '[web, api]').replace('api:service-mesh,', 'api,');
  // The beacon's charm is not known: nothing says which of api's endpoints is meant.
  assert.ok(shop(bare, one + web).codes.includes('unresolved-relation:5'));
  const beacon = '\n---\ncharm: istio-beacon-k8s\nprovides: {service-mesh: {interface: service_mesh}}\nmesh: {service_mesh_consumer: false}\n';
  const resolved = shop(bare, one + web + beacon);
  assert.equal(resolved.authorizationPolicies.length, 1, resolved.codes.join(', '));
  assert.deepEqual(shop(bare, API + web + beacon).codes, ['ambiguous-relation:4']);
  assert.ok(shop(bare, one + web.replace('http', 'grpc') + beacon).codes.includes('unresolved-relation:4'));
});

test('databags in place of bundles; a bad one does not harm the others', () => {
  const policy = {
    source_namespace: 'shop', source_app_name: 'web', target_namespace: 'shop', target_app_name: 'api',
    target_selector_labels: null, target_service: null, target_type: 'unit',
    endpoints: [{ hosts: null, ports: [8080], methods: null, paths: null }],
  };
  const relation = (/** @type {string} */ policies, /** @type {string} */ unit) => ({
    endpoint: 'service-mesh', 'application-data': { policies }, 'related-units': { [unit]: {} },
  });
  const show = {
    'beacon/0': {
      'relation-info': [
        relation('[{"source_namespace": 1}]', 'bad/0'),
        relation('{', 'worse/0'),
        relation(JSON.stringify([{ ...policy, source_app_name: '*' }]), 'hostile/0'),
        relation(JSON.stringify([policy]), 'api/0'),
      ],
    },
  };
  const compiled = json('--databags', `shop=${file('show-unit.json', JSON.stringify(show))}`);
  assert.equal(compiled.status, 1);
  assert.deepEqual(compiled.meshPolicies, [policy]);
  assert.match(compiled.authorizationPolicies[0].metadata.name, /^beacon-shop-policy-web-shop-api-[0-9a-f]{8}$/);
  const codes = compiled.diagnostics.map((/** @type {any} */ d) => d.code);
  for (const code of ['invalid-policy', 'invalid-databag', 'invalid-name']) assert.ok(codes.includes(code), code);
});

test('settings are checked, and change nothing that is compiled', () => {
  const bundle = ['bookinfo=examples/bookinfo/bundle.yaml', ...charms('bookinfo')];
  const settings = (/** @type {string} */ text) => run(['compile', ...bundle, '--settings', file('settings.yaml', text)]);
  const plain = run(['compile', ...bundle]);
  const given = settings('trustDomain: td.example\nhardenedMode: true\n');
  assert.deepEqual([given.status, given.stdout], [0, plain.stdout]);
  const wrong = settings('hardenedMod: true\n');
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /settings\.yaml:1:1: .*there is no setting `hardenedMod`/);
});

test('input that hurts: exit 2, a clear message, no stack trace, within two seconds', () => {
  let bomb = 'a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n';
  for (let level = 1; level < 12; level += 1) {
    bomb += `a${level}: &a${level} [${Array(10).fill(`*a${level - 1}`).join(',')}]\n`;
  }
  /** @type {[string, string[], string][]} */
  const cases = [
    ['malformed YAML', [file('bad.yaml', 'applications: [\n')], 'malformed-yaml'],
    ['wrong shape', [file('shape.yaml', 'applications: 5\n')], 'wrong-shape'],
    ['no bundle', [file('other.yaml', 'kind: Service\n')], 'wrong-shape'],
    ['10 MB of nonsense', [file('nonsense', '}%&@ {[: -\t'.repeat(1_000_000))], 'malformed-yaml'],
    ['deep nesting', [file('deep.yaml', '['.repeat(100_000))], 'nested-too-deeply'],
    ['deep JSON', [file('deep.json', '{"a":'.repeat(100_000))], 'nested-too-deeply'],
    ['alias bomb', [file('bomb.yaml', bomb)], 'too-many-aliases'],
    ['invalid UTF-8', [file('latin.yaml', Buffer.from([0x61, 0x3a, 0x20, 0xe9, 0x0a]))], 'invalid-utf-8'],
    ['a missing file', ['/no/such/bundle.yaml'], 'there is no such file'],
    ['a folder without bundles', [folder, '--charms', '/proc/1/root/none'], 'cannot read'],
    ['too large', [file('large.yaml', 'a'.repeat(2000)), '--max-input', '1000'], 'larger than 1000 bytes'],
    ['an unknown option', ['--chrams', 'x'], 'there is no option `--chrams`: write `--charms`'],
    ['nothing at all', [], 'nothing to compile'],
    ['several bundles without models', [file('a.yaml', SHOP), file('b.yaml', SHOP)], 'model-name-required'],
  ];
  for (const [name, args, expected] of cases) {
    const { status, stdout, stderr, milliseconds } = run(['compile', ...args]);
    assert.equal(status, 2, `${name}: ${stderr}`);
    assert.equal(stdout, '', name);
    assert.ok(stderr.includes(expected), `${name}: ${stderr.slice(0, 500)}`);
    assert.doesNotMatch(stderr, /\n\s+at |RuntimeError|unreachable/, name);
    assert.ok(milliseconds < 2000, `${name} took ${milliseconds} ms`);
  }
});

test('control characters of the input do not reach the terminal', () => {
  const { stderr } = run(['compile', `shop=${file('esc.yaml', SHOP.replace('[web:api', '["\\e[31mx:api"'))}`]);
  assert.ok(!stderr.includes('\u001b'), JSON.stringify(stderr));
  assert.ok(stderr.includes('unknown-application'));
});
