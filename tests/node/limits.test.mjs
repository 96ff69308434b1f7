// The limits of hosts in docs/limits.md: what is beyond each has its code or its message, and no stack trace.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { compile } from '../../host/index.js';
import { hookTools } from '../../host/juju/tools.js';
import { print } from '../../host/print.js';
import { Writable } from 'node:stream';
import { ShareError, fromFragment, toFragment } from '../../www/src/share/fragment.js';

const root = new URL('../../', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'mesh-policy-limits-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** @param {string[]} args */
function run(...args) {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'host/cli.js'), ...args], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.doesNotMatch(stderr, /\n {4}at /);
  return { status, stderr };
}

/** @param {string} name @param {string | Uint8Array} content */
function file(name, content) {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const CHARM = `charm: server
provides: {data: {interface: data}}
requires: {service-mesh: {interface: service_mesh}}
policies: [{kind: app, relation: data, endpoints: [{ports: [8080], paths: [/é]}]}]
`;

/** @param {number} size */
function bundle(size) {
  const clients = Array.from({ length: size }, (_, at) => `client-${at}`);
  return JSON.stringify({
    applications: Object.fromEntries(['server', 'beacon', ...clients].map((name) => [name, { charm: name.replace(/-.*/, '') }])),
    relations: [['server:service-mesh', 'beacon:service-mesh'], ...clients.map((name) => [`${name}:data`, 'server:data'])],
  });
}

/** @param {number} size @param {string} [charm] */
const compiled = (size, charm = CHARM) =>
  compile({ bundles: [{ file: 'bundle.json', text: bundle(size), model: 'shop' }], charms: [{ file: 'charm.yaml', text: charm }] });

test('--max-input counts all files together, and is obeyed before anything is parsed', () => {
  const [one, other] = [file('one.yaml', bundle(1)), file('charm.yaml', CHARM)];
  const bytes = bundle(1).length + Buffer.byteLength(CHARM);
  assert.equal(run('compile', `shop=${one}`, '--charms', other, '--max-input', String(bytes)).status, 0);
  const { status, stderr } = run('compile', `shop=${one}`, '--charms', other, '--max-input', String(bytes - 1));
  assert.equal(status, 2);
  assert.match(stderr, /larger than \d+ bytes: give less, or raise --max-input/);
  const settings = file('settings.yaml', 'rootNamespace: istio-system');
  const more = run('compile', `shop=${one}`, '--charms', other, '--settings', settings, '--max-input', String(bytes + 5));
  assert.equal(more.status, 2);
});

test('a charm file, manifests and settings are paths, whatever is in their names', () => {
  const [one, other] = [file('one.yaml', bundle(1)), file('charm=1.yaml', CHARM)];
  for (const command of ['compile', 'lint']) {
    const args = [join(root, 'host/cli.js'), command, `shop=${one}`, '--charms', basename(other)];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
});

test('a text of 2 GiB is refused before it is copied', () => {
  const text = new Uint8Array(2 ** 31);
  assert.throws(() => compile({ bundles: [{ file: 'b', text, model: 'm' }] }), { code: 'input-too-large' });
});

test('input for which there is no memory ends the command with a code', () => {
  // A list of so many numbers has no room in 4 GiB together with the shorter list that it grew from.
  const path = file('numbers.json', `[${'0,'.repeat(68_000_000)}0]`);
  const { status, stderr } = run('compile', `m=${path}`, '--max-input', '1GiB');
  assert.equal(status, 2);
  assert.match(stderr, /^error\[out-of-memory\]: .*\n$/);
  rmSync(path);
});

test('text that no string can hold is refused, and comes in parts', () => {
  // A policy of 4 MiB for each of 140 applications.
  const charm = `charm: client\nraw_policies: [{name: '{app}', spec: {rules: ['${'x'.repeat(1 << 22)}']}}]\n`;
  const compilation = compiled(140, charm);
  assert.throws(() => compilation.json(), { code: 'output-too-large' });
  assert.throws(() => compilation.yaml(), { code: 'output-too-large' });
  const parts = compilation.parts('json');
  let bytes = 0;
  for (let part; (part = parts.read()); ) bytes += part.length;
  assert.ok(bytes > 2 ** 29, String(bytes));
  parts.free();
  compilation.free();
});

test('parts are the whole, in both notations', () => {
  const compilation = compiled(3000);
  for (const format of /** @type {const} */ (['json', 'yaml'])) {
    const parts = compilation.parts(format);
    /** @type {Uint8Array[]} */
    const read = [];
    for (let part; (part = parts.read()); ) read.push(part);
    assert.equal(parts.read(), undefined);
    parts.free();
    assert.ok(read.length > 3);
    assert.equal(Buffer.concat(read).toString(), format === 'json' ? compilation.json() : compilation.yaml());
  }
  assert.throws(() => compilation.parts(/** @type {any} */ ('xml')), TypeError);
  const parts = compilation.parts('json');
  compilation.free();
  assert.ok(parts.read(), 'they outlive the compilation');
  parts.free();
});

test('what is printed waits for its reader', async () => {
  let most = 0;
  const slow = new Writable({
    highWaterMark: 10,
    write(_, __, done) {
      most = Math.max(most, slow.writableLength);
      setTimeout(done, 1);
    },
  });
  let left = 20;
  assert.equal(await print(() => (left-- > 0 ? new Uint8Array(100) : undefined), slow), true);
  assert.equal(most, 100);
});

test('a reader that stops early stops the printing, quietly', async () => {
  const [one, charms] = [file('many.json', bundle(20_000)), file('charm.yaml', CHARM)];
  const child = spawn(process.execPath, [join(root, 'host/cli.js'), 'compile', `shop=${one}`, '--charms', charms], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += chunk));
  child.stdout.once('data', () => child.stdout.destroy());
  const status = await new Promise((resolve) => child.on('close', resolve));
  assert.deepEqual({ status, errors }, { status: 0, errors: '' });
});

test('a charm file for a hook, and what a hook tool prints', () => {
  const { status, stderr } = run('hook', 'consumer', file('large.yaml', `# ${'x'.repeat(4 * 1024 * 1024)}\n`));
  assert.equal(status, 2);
  assert.match(stderr, /larger than 4194304 bytes/);
  const bin = mkdtempSync(join(folder, 'bin-'));
  for (const name of ['relation-get', 'relation-ids']) {
    writeFileSync(join(bin, name), '#!/bin/sh\nexec head -c 67108865 /dev/zero\n');
    chmodSync(join(bin, name), 0o755);
  }
  const tools = hookTools({ PATH: `${bin}:/usr/bin:/bin` });
  assert.throws(() => tools.run('relation-ids', []), { code: 'hook-tool-failed', message: /more than 67108864 bytes/ });
});

test('links of the page', async () => {
  const noise = Array.from({ length: 60_000 }, (_, at) => String.fromCharCode(33 + ((at * at * 7919 + at * 31) % 90))).join('');
  /** @param {string} text @param {number} [count] */
  const shared = (text, count = 1) => ({
    files: Array.from({ length: count }, () => ({ name: 'a', kind: /** @type {any} */ ('bundle'), model: '', text })),
    active: 0,
    view: '',
  });
  const random = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('base64') + noise;
  await assert.rejects(toFragment(shared(random)), ShareError);
  await assert.rejects(fromFragment(`#w1.${'A'.repeat(60_001)}`), ShareError);
  await assert.rejects(fromFragment(await toFragment(shared('x'.repeat(4 * 1024 * 1024)))), ShareError);
  assert.equal((await fromFragment(await toFragment(shared('x', 1000)))).files.length, 1000);
  await assert.rejects(fromFragment(await toFragment(shared('x', 1001))), ShareError);
});
