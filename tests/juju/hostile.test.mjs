// Databags that charms of ours never write: refused with a code, and nobody else is harmed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Hook, HookToolError, hookTools, ServiceMeshConsumer, ServiceMeshProvider } from '../../host/juju.js';
import { openOracle } from './oracle.mjs';
import { answer, Refusal, TOOLS } from './rules.mjs';

const REMOTE = 'remote-0123456789abcdef0123456789abcdef';

/** @typedef {Partial<import('./rules.mjs').Relation> & { endpoint: string, remoteApp: string }} Given */

/**
 * A hook of `hello/0` in the model `shop`, with Juju's rules but without processes.
 *
 * @param {Record<number, Given>} given
 * @param {object} [options]
 * @param {string} [options.hook]
 * @param {number} [options.relation]
 * @param {boolean} [options.leader]
 * @param {string} [options.app]
 * @param {string[]} [options.tools]
 */
function hookOf(given, { hook = 'config-changed', relation, leader = true, app = 'hello', tools = TOOLS } = {}) {
  /** @type {Record<number, import('./rules.mjs').Relation>} */
  const relations = {};
  for (const [id, each] of Object.entries(given)) relations[Number(id)] = { remoteData: {}, localData: {}, ...each };
  /** @type {import('./rules.mjs').Effect[]} */
  const effects = [];
  const broken = hook.endsWith('-broken') ? relation : undefined;
  /** @type {import('./rules.mjs').Context} */
  const context = { unit: `${app}/0`, app, modelUuid: 'shop', leader, broken, relations, config: {}, goal: {}, tools };
  const env = {
    JUJU_UNIT_NAME: `${app}/0`, JUJU_MODEL_NAME: 'shop', JUJU_MODEL_UUID: 'shop', JUJU_HOOK_NAME: hook,
    ...(relation === undefined ? {} : { JUJU_RELATION_ID: `${relations[relation]?.endpoint}:${relation}`, JUJU_REMOTE_APP: relations[relation]?.remoteApp }),
  };
  const made = new Hook({
    env,
    tools: {
      has: (tool) => tools.includes(tool),
      run(tool, args, input = '') {
        try {
          return answer(context, tool, args, input, (effect) => effects.push(effect));
        } catch (error) {
          throw error instanceof Refusal ? new HookToolError(tool, error.message) : error;
        }
      },
    },
  });
  return { hook: made, effects };
}

/** @param {string} app @param {object} [more] */
const policy = (app, more) => ({
  source_namespace: 'shop', source_app_name: 'browser', target_namespace: 'shop', target_app_name: app, ...more,
});

const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;

/** What `web` may write into `policies`: the text, and the code it gets. @type {Record<string, [string, string]>} */
const POLICIES = {
  'a wildcard as the source': [JSON.stringify([policy('web', { source_app_name: '*' })]), 'invalid-name'],
  'a wildcard as the model': [JSON.stringify([policy('web', { source_namespace: '*' })]), 'invalid-name'],
  'a way out of a principal': [JSON.stringify([policy('web', { source_app_name: '../../sa/admin' })]), 'invalid-name'],
  'a wildcard as the target': [JSON.stringify([policy('*')]), 'invalid-name'],
  'a name of 64 characters': [JSON.stringify([policy('web', { source_app_name: 'x'.repeat(64) })]), 'invalid-name'],
  'a name in capitals': [JSON.stringify([policy('web', { source_app_name: 'Browser' })]), 'invalid-name'],
  "another's application": [JSON.stringify([policy('db')]), 'target-not-owned'],
  'another namespace': [JSON.stringify([policy('web', { target_namespace: 'kube-system' })]), 'target-not-owned'],
  "another's Service": [JSON.stringify([policy('web', { target_service: 'db' })]), 'target-not-owned'],
  'the whole namespace': [JSON.stringify([policy('', { target_type: 'unit' })]), 'target-not-owned'],
  'pods by label': [JSON.stringify([policy('', { target_type: 'unit', target_selector_labels: { app: 'db' } })]), 'selector-in-databag'],
  '10 MB of policies': [JSON.stringify(Array(60_000).fill(policy('web'))), 'databag-too-large'],
  '10 MB of nonsense': ['x'.repeat(10_000_000), 'databag-too-large'],
  'deep nesting': [deep, 'invalid-databag'],
  'an object': ['{"a": 1}', 'invalid-databag'],
  'a number': ['5', 'invalid-databag'],
  null: ['null', 'invalid-databag'],
  'a list of numbers': ['[1, 2]', 'invalid-policy'],
  'wrong types': [JSON.stringify([policy('web', { endpoints: { ports: 80 } })]), 'invalid-policy'],
  'a port beyond 64 bits': [`[${JSON.stringify(policy('web')).replace('}', ', "endpoints": [{"ports": [18446744073709551616]}]}')}]`, 'invalid-policy'],
  'no JSON': ['{', 'invalid-databag'],
  nothing: ['', 'invalid-databag'],
  'a key twice': [`[${JSON.stringify(policy('web')).replace('{', '{"source_app_name": "first", ')}]`, 'duplicate-key'],
  'half a surrogate pair, escaped': [`[${JSON.stringify(policy('web')).replace('browser', '\\ud800')}]`, 'invalid-databag'],
  'half a surrogate pair': [`[${JSON.stringify(policy('web')).replace('browser', '\ud800')}]`, 'invalid-name'],
  'a million wrong endpoints': [JSON.stringify([policy('web', { endpoints: Array(400_000).fill(0) })]), 'invalid-policy'],
};

/** @type {import('./oracle.mjs').Oracle} */
let oracle;
/** @type {string} */
let folder;
before(() => {
  oracle = openOracle();
  folder = mkdtempSync(join(tmpdir(), 'mesh-policy-hostile-'));
});
after(() => {
  oracle?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const LABELS = { 'istio.io/dataplane-mode': 'ambient' };
/** @param {Hook} hook */
const provider = (hook) => new ServiceMeshProvider(hook, { labels: LABELS, meshType: 'istio' });

describe('a provider', () => {
  for (const [what, [text, code]] of Object.entries(POLICIES)) {
    test(`is sent ${what}: ${code}`, () => {
      const { hook, effects } = hookOf({
        1: { endpoint: 'service-mesh', remoteApp: 'db', remoteData: { policies: JSON.stringify([policy('db')]) } },
        2: { endpoint: 'service-mesh', remoteApp: 'web', remoteData: { policies: text } },
        3: { endpoint: 'service-mesh', remoteApp: 'mail', remoteData: { policies: JSON.stringify([policy('mail')]) } },
      }, { app: 'beacon' });
      const mesh = provider(hook);
      const start = performance.now();
      const targets = mesh.meshInfo({ ownership: 'enforce' }).map(({ target_app_name }) => target_app_name);
      assert.deepEqual(targets, code === 'duplicate-key' ? ['db', 'web', 'mail'] : ['db', 'mail']);
      assert.deepEqual([...new Set(mesh.diagnostics.map((each) => each.code))], [code]);
      assert.ok(mesh.diagnostics.every(({ place }) => place?.file === 'service-mesh:2 policies'));
      // It is in Juju's log, short.
      const logged = effects.filter(({ tool }) => tool === 'juju-log').map(({ text }) => text ?? '');
      assert.ok(logged.length > 0 && logged.length <= 6 && logged.every((line) => line.includes(`[${code}]`) && line.length < 1000), logged.join('\n'));
      assert.ok(performance.now() - start < 10_000);
    });
  }

  test('the Python library serves nobody when one databag is malformed', async () => {
    const relations = [
      { id: 1, app: 'db', remote: { policies: JSON.stringify([policy('db')]) } },
      { id: 2, app: 'web', remote: { policies: '{' } },
    ];
    const request = { op: 'provider', app: 'beacon', model: 'shop', event: { name: 'config_changed' }, labels: LABELS, relations };
    const { ok } = await oracle.ask(request);
    assert.equal(ok.mesh_info.error.type, 'JSONDecodeError');
  });

  test('without `ownership`, meshInfo is the library: it throws where that raises, with a code', () => {
    const given = { 1: { endpoint: 'service-mesh', remoteApp: 'web', remoteData: { policies: '{' } } };
    assert.throws(() => provider(hookOf(given).hook).meshInfo(), { code: 'malformed-json' });
    given[1].remoteData.policies = JSON.stringify([policy('somebody-else')]);
    assert.equal(provider(hookOf(given).hook).meshInfo()[0]?.target_app_name, 'somebody-else');
  });

  test('a databag that cannot be read is set aside', () => {
    const { hook } = hookOf({
      1: { endpoint: 'service-mesh', remoteApp: 'db', remoteData: { policies: JSON.stringify([policy('db')]) } },
      2: { endpoint: 'service-mesh', remoteApp: 'web' },
    }, { hook: 'service-mesh-relation-changed', relation: 2 });
    const read = hook.remoteData.bind(hook);
    hook.remoteData = (endpoint, id, app) => {
      if (id === 2) throw new HookToolError('relation-get', 'the tool wrote more than it may');
      return read(endpoint, id, app);
    };
    const mesh = provider(hook);
    assert.equal(mesh.meshInfo({ ownership: 'enforce' }).length, 1);
    assert.match(mesh.diagnostics[0]?.message ?? '', /`web` is set aside: the tool wrote more than it may/);
  });

  test('an old Juju does not tell models: names that Juju makes do', () => {
    const given = { 1: { endpoint: 'service-mesh', remoteApp: REMOTE, remoteModel: 'far', remoteData: { policies: JSON.stringify([policy('web')]) } } };
    for (const tools of [TOOLS, TOOLS.filter((tool) => tool !== 'relation-model-get')]) {
      const mesh = provider(hookOf(given, { tools }).hook);
      assert.deepEqual([mesh.meshInfo({ ownership: 'enforce' }), mesh.diagnostics[0]?.code], [[], 'target-not-owned']);
    }
  });

  test('one of 1,000 consumers is hostile: 999 are served', () => {
    for (const [what, [original, code]] of Object.entries(POLICIES)) {
      if (code === 'duplicate-key') continue;
      const text = original.replaceAll('"db"', '"app-1"');
      /** @type {Record<number, Given>} */
      const given = {};
      for (let id = 1; id <= 1000; id += 1) {
        const app = id === 500 ? 'web' : `app-${id}`;
        given[id] = { endpoint: 'service-mesh', remoteApp: app, remoteData: { policies: id === 500 ? text : JSON.stringify([policy(app)]) } };
      }
      const mesh = provider(hookOf(given, { app: 'beacon' }).hook);
      assert.equal(mesh.meshInfo({ ownership: 'enforce' }).filter(({ target_app_name }) => target_app_name?.startsWith('app-')).length, 999, what);
      assert.deepEqual([...new Set(mesh.diagnostics.map((each) => each.code))], [code], what);
    }
  });

  test('followers write nothing; a leader writes to all', async () => {
    const given = { 1: { endpoint: 'service-mesh', remoteApp: 'a' }, 2: { endpoint: 'service-mesh', remoteApp: 'b' } };
    for (const leader of [true, false]) {
      const { hook, effects } = hookOf(given, { leader });
      await provider(hook).handle();
      provider(hook).updateRelations();
      assert.deepEqual(effects.map(({ relation }) => relation), leader ? [1, 2, 1, 2] : []);
    }
    assert.throws(() => new ServiceMeshProvider(hookOf({}).hook, { labels: /** @type {any} */ ({ a: 1 }), meshType: 'istio' }), { code: 'invalid-policy' });
  });
});

/** What an application of another model may say of itself. @type {Record<string, [string, string]>} */
const CMR = {
  'a wildcard': ['{"app_name": "*", "juju_model_name": "far"}', 'invalid-name'],
  'a path': ['{"app_name": "a/sa/b", "juju_model_name": ".."}', 'invalid-name'],
  'half of it': ['{"app_name": "only"}', 'invalid-databag'],
  'no JSON': ['{', 'invalid-databag'],
  'a list': ['[]', 'invalid-databag'],
  'deep nesting': [deep, 'invalid-databag'],
  'too much': [JSON.stringify({ app_name: 'x', juju_model_name: 'y', more: 'z'.repeat(10_000_000) }), 'databag-too-large'],
  'half a surrogate pair': ['{"app_name": "\\udc00", "juju_model_name": "far"}', 'invalid-databag'],
};

describe('a consumer', () => {
  /** @param {Record<number, Given>} given @param {Parameters<typeof hookOf>[1]} [options] */
  async function consume(given, options) {
    const { hook, effects } = hookOf(given, options);
    const mesh = new ServiceMeshConsumer(hook, { policies: [{ kind: 'unit', relation: 'web', ports: [80] }], autoJoin: false });
    await mesh.handle();
    const written = effects.find(({ tool, data }) => tool === 'relation-set' && data?.policies)?.data?.policies;
    const sources = written && JSON.parse(written).map((/** @type {any} */ each) => `${each.source_namespace}/${each.source_app_name}`);
    return { mesh, effects, written, sources, codes: mesh.diagnostics.map(({ code }) => code) };
  }
  /** @param {string | null} cmr @returns {Record<number, Given>} */
  const situation = (cmr) => ({
    1: { endpoint: 'service-mesh', remoteApp: 'beacon', remoteData: { labels: '{"a": "b"}', mesh_type: '"istio"' } },
    2: { endpoint: 'web', remoteApp: 'browser' },
    3: { endpoint: 'web', remoteApp: REMOTE, remoteModel: 'far' },
    4: { endpoint: 'provide-cmr-mesh', remoteApp: REMOTE, remoteModel: 'far', remoteData: cmr === null ? {} : { cmr_data: cmr } },
  });

  for (const [what, [text, code]] of Object.entries(CMR)) {
    test(`is told ${what} by an application of another model: ${code}`, async () => {
      const { sources, codes } = await consume(situation(text), { hook: 'provide-cmr-mesh-relation-changed', relation: 4 });
      assert.deepEqual([sources, codes], [['shop/browser'], [code]]);
    });
  }

  test('cross-model data: none yet, good, repeated, and gone', async () => {
    assert.deepEqual((await consume(situation(null), { hook: 'upgrade-charm' })).codes, ['cross-model-without-cmr']);
    const good = '{"app_name": "away", "juju_model_name": "far"}';
    assert.deepEqual((await consume(situation(good), { hook: 'upgrade-charm' })).sources, ['shop/browser', 'far/away']);
    const twice = await consume(situation(good.replace('{', '{"app_name": "first", ')), { hook: 'upgrade-charm' });
    assert.deepEqual([twice.sources, twice.codes], [['shop/browser', 'far/away'], ['duplicate-key']]);
    const gone = await consume(situation(good), { hook: 'provide-cmr-mesh-relation-broken', relation: 4 });
    assert.deepEqual([gone.sources, gone.codes], [['shop/browser'], ['cross-model-without-cmr']]);
  });

  test('the Python library makes a dead policy of invalid cross-model data, fails on bad JSON, and does not see it go', async () => {
    const ask = async (/** @type {string} */ cmr, /** @type {object} */ event) => {
      const relations = {
        'service-mesh': [{ id: 1, app: 'beacon' }],
        web: [{ id: 3, app: REMOTE }],
        'provide-cmr-mesh': [{ id: 4, app: REMOTE, remote: { cmr_data: cmr } }],
      };
      const policies = [{ kind: 'unit', relation: 'web', ports: [80] }];
      return oracle.ask({ op: 'consumer_databag', app: 'hello', model: 'shop', event, relations, policies });
    };
    const dead = await ask('{"app_name": "only"}', { name: 'upgrade_charm' });
    assert.match(dead.ok.databags['service-mesh']['1'].policies, new RegExp(`"source_namespace": "shop", "source_app_name": "${REMOTE}"`));
    assert.equal((await ask('{', { name: 'upgrade_charm' })).error.type, 'JSONDecodeError');
    const gone = await ask('{"app_name": "away", "juju_model_name": "far"}', { name: 'relation_broken', relation_id: 4 });
    assert.deepEqual(gone.ok.databags['service-mesh']['1'], {});
  });

  test('labels of a mesh that cannot be used are left as they are', async () => {
    for (const remoteData of [
      { labels: '{', mesh_type: '"istio"' },
      { labels: '{"a": 1}', mesh_type: '"istio"' },
      { labels: '{}', mesh_type: '"linkerd"' },
      { labels: deep, mesh_type: '"istio"' },
    ]) {
      const { hook } = hookOf({ 1: { endpoint: 'service-mesh', remoteApp: 'beacon', remoteData } }, { hook: 'service-mesh-relation-changed', relation: 1 });
      const mesh = new ServiceMeshConsumer(hook, {
        // Nobody is asked to change a label.
        lightkubeClient: { request: () => assert.fail('a request to the cluster') },
      });
      await mesh.handle();
      assert.deepEqual([mesh.enabled, mesh.labels(), mesh.meshType()], [true, {}, null]);
      assert.deepEqual(mesh.diagnostics.map(({ code }) => code), ['invalid-databag']);
    }
  });

  test('two meshes at once: nothing is changed, and it says so', async () => {
    const { codes, effects } = await consume({
      1: { endpoint: 'service-mesh', remoteApp: 'beacon' }, 2: { endpoint: 'service-mesh', remoteApp: 'other' },
    }, { hook: 'upgrade-charm' });
    assert.deepEqual([codes, effects.filter(({ tool }) => tool === 'relation-set')], [['several-mesh-relations'], []]);
  });

  test('policies that are wrong are the charm\'s fault, and throw at once', () => {
    const { hook } = hookOf({});
    assert.throws(() => new ServiceMeshConsumer(hook, { policies: [/** @type {any} */ ({ kind: 'unit', relation: 'web', ports: ['http'] })] }), { name: 'MeshPolicyError', code: 'invalid-policy' });
    hook.metadata = () => 'requires: {web: {interface: http}}';
    const policies = [/** @type {const} */ ({ kind: 'unit', relation: 'other' })];
    assert.throws(() => new ServiceMeshConsumer(hook, { policies }), { code: 'policy-on-undeclared-endpoint' });
  });

  test('1,000 related applications: a databag far over the limit of an argument', async () => {
    const given = situation(null);
    for (let id = 10; id < 1010; id += 1) given[id] = { endpoint: 'web', remoteApp: `app-${id}` };
    const { sources, written } = await consume(given, { hook: 'upgrade-charm' });
    assert.equal(sources.length, 1001);
    assert.ok((written?.length ?? 0) > 131_072);
  });
});

describe('hook tools', () => {
  /** @param {string} name @param {string} script */
  function tool(name, script) {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  test('run by absolute path, from the folder that has them, without a shell', () => {
    tool('first/is-leader', 'echo not this one');
    tool('tools/relation-get', '');
    tool('tools/is-leader', 'printf "%s|" "$0" "$@"');
    const tools = hookTools({ PATH: `.:relative:${join(folder, 'first')}:${join(folder, 'tools')}` });
    const said = tools.run('is-leader', ['$(id)', '; id', '`id`', '*']);
    assert.equal(said, `${join(folder, 'tools/is-leader')}|$(id)|; id|\`id\`|*|`);
    assert.equal(tools.has?.('relation-model-get'), false);
  });

  test('what fails says so, with a code', () => {
    tool('tools/relation-get', '');
    tool('tools/relation-ids', 'echo "ERROR permission denied" >&2; exit 1');
    const tools = hookTools({ PATH: join(folder, 'tools') });
    assert.throws(() => tools.run('relation-ids', ['x']), { code: 'hook-tool-failed', message: /permission denied/ });
    assert.throws(() => tools.run('no-such-tool', []), { code: 'hook-tool-failed', message: /ENOENT/ });
    assert.throws(() => tools.run('relation-get', ['x'.repeat(140_000)]), { code: 'hook-tool-failed', message: /E2BIG/ });
    assert.throws(() => hookTools({ PATH: '/nowhere' }).run('is-leader', []), { message: /run this in a hook/ });
    assert.throws(() => new Hook({ env: {} }), { message: /run this in a hook/ });
  });
});

test('`mesh-policy hook consumer` reads the same charm file as `compile`', () => {
  const tools = join(folder, 'hook-tools');
  mkdirSync(tools);
  /** @type {Record<string, string>} */
  const scripts = {
    'relation-get': `echo '{}'`,
    'relation-ids': `case "$1" in service-mesh) echo '["service-mesh:1"]' ;; details) echo '["details:2"]' ;; *) echo '[]' ;; esac`,
    'relation-list': `case "$2" in details:2) echo '"productpage"' ;; *) echo '"beacon"' ;; esac`,
    'is-leader': 'echo true',
    'relation-set': `cat > '${join(folder, 'written')}'`,
    'juju-log': 'exit 0',
  };
  for (const [name, script] of Object.entries(scripts)) writeFileSync(join(tools, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const charm = join(root, 'examples/bookinfo/charms/bookinfo-details-k8s.yaml');
  const env = { PATH: `${tools}:/usr/bin:/bin`, JUJU_UNIT_NAME: 'details/0', JUJU_MODEL_NAME: 'bookinfo', JUJU_HOOK_NAME: 'upgrade-charm' };
  const run = (/** @type {string[]} */ args, /** @type {NodeJS.ProcessEnv} */ more = {}) =>
    spawnSync(process.execPath, [join(root, 'host/cli.js'), 'hook', ...args], { env: { ...env, ...more }, encoding: 'utf8' });
  const done = run(['consumer', charm]);
  assert.deepEqual([done.status, done.stderr], [0, '']);
  const [policy, ...more] = JSON.parse(JSON.parse(readFileSync(join(folder, 'written'), 'utf8')).policies);
  assert.deepEqual([policy.source_app_name, policy.target_app_name, more.length], ['productpage', 'details', 0]);

  assert.equal(run(['provider', 'a=b', '--no-policies']).status, 0);
  for (const [args, env, said] of /** @type {[string[], NodeJS.ProcessEnv, RegExp][]} */ ([
    [['consumer', '/nowhere.yaml'], {}, /there is no such file/],
    [['consumer', join(root, 'package.json')], {}, /^/],
    [['consumer', charm], { JUJU_UNIT_NAME: '' }, /run this in a hook/],
    [['consumer', charm], { PATH: '/usr/bin' }, /run this in a hook/],
    [['provider', 'no-label'], {}, /write `KEY=VALUE`/],
  ])) {
    const { status, stderr } = run(args, env);
    assert.doesNotMatch(stderr, /^ {4}at /m);
    assert.match(stderr, said);
    if (!args.includes(join(root, 'package.json'))) assert.equal(status, 2, stderr);
  }
});
