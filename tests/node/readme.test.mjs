// The documentation shows what the commands print, links lead somewhere, and every code is explained.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize, relative } from 'node:path';
import { after, test } from 'node:test';
import { commandsOf } from '../../host/commands/completion.js';
import { createProgram } from '../../host/program.js';
import { assertShown, sessions } from './shown.mjs';

const root = new URL('../../', import.meta.url).pathname;
/** @param {string} file */
const text = (file) => readFileSync(join(root, file), 'utf8');
const readme = text('README.md');
const PAGES = [
  'README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples/README.md', 'examples/ATTRIBUTION.md',
  ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
];

// `mesh-policy` and `npx mesh-policy`, as after an installation.
const bin = mkdtempSync(join(tmpdir(), 'mesh-policy-docs-'));
after(() => rmSync(bin, { recursive: true, force: true }));
for (const [name, shift] of [['mesh-policy', ''], ['npx', 'shift']]) {
  writeFileSync(join(bin, name ?? ''), `#!/bin/sh\n${shift}\nexec '${process.execPath}' '${root}host/cli.js' "$@"\n`);
  chmodSync(join(bin, name ?? ''), 0o755);
}

for (const name of PAGES) {
  for (const { command, shown } of sessions(text(name))) {
    test(`${name}: ${command}`, () => {
      const { stdout } = spawnSync('sh', ['-c', `{ ${command}\n} 2>&1`], {
        cwd: root,
        env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
        encoding: 'utf8',
      });
      const output = stdout.trimEnd().split('\n').map((line) => line.trimEnd());
      // Pages of a command may stop where they have made their point.
      assertShown(name === 'README.md' ? shown : shown.concat(shown.length < output.length ? ['…'] : []), output);
    });
  }
}

test('the examples are found', () => {
  const commands = sessions(readme).map(({ command }) => command.split(' ')[2]);
  assert.deepEqual(commands, ['lint', 'explain', 'reach', 'diff', 'test']);
  assert.deepEqual(sessions('x\n\n    $ mesh-policy a \\\n      b\n    c\n\n    d\n\ny'), [{ command: 'mesh-policy a   b', shown: ['c', '', 'd'] }]);
  assert.throws(() => assertShown(['a', '…', 'c'], ['a', 'b', 'd']));
  assert.throws(() => assertShown(['a'], ['a', 'b']));
  assertShown(['…', 'b', '…', 'd'], ['a', 'b', 'c', 'd']);
});

test('the AuthorizationPolicy that the README shows is what `compile` prints', () => {
  const command = /^ {4}npx mesh-policy (compile bookinfo=.*)$/m.exec(readme)?.[1];
  const shown = /```yaml\n(apiVersion:[^]*?)```/.exec(readme)?.[1];
  assert.ok(command && shown);
  const { stdout, status } = spawnSync(process.execPath, ['host/cli.js', ...command.split(' ')], { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0);
  assert.ok(stdout.startsWith(`---\n${shown}---\n`), stdout.slice(0, 1000));
});

test('the way to a verdict from a databag', () => {
  const cli = (/** @type {string[]} */ ...args) => spawnSync(process.execPath, ['host/cli.js', ...args], { cwd: root, encoding: 'utf8' });
  const example = ['bookinfo=examples/bookinfo/bundle.yaml', '--charms', 'examples/bookinfo/charms'];
  const { meshPolicies } = JSON.parse(cli('compile', ...example, '-o', 'json').stdout);
  const relation = { endpoint: 'service-mesh', 'application-data': { policies: JSON.stringify(meshPolicies) }, 'related-units': {} };
  const unit = join(bin, 'unit.json');
  writeFileSync(unit, JSON.stringify({ 'istio-beacon-k8s/0': { 'relation-info': [relation] } }));
  const commands = [...readme.matchAll(/^ {4}npx mesh-policy (.*--databags MODEL=unit\.json.*)$/gm)].map(([, command = '']) =>
    command
      .replace('unit.json', unit)
      .replace('8080', '9080')
      .replace('CLIENT', 'bookinfo-productpage-k8s')
      .replace('SERVER', 'bookinfo-details-k8s')
      .replace('--path /', '--path /health')
      .replaceAll('MODEL', 'bookinfo')
      .split(' '),
  );
  assert.deepEqual(commands.map(([name]) => name), ['lint', 'explain']);
  const [lint, explain] = commands.map((command) => cli(...command));
  assert.equal(lint?.status, 0, lint?.stdout);
  assert.match(explain?.stdout ?? '', /^allowed: bookinfo\/bookinfo-productpage-k8s to send GET \/health /);
});

test('commands and options in the documentation exist', async () => {
  const { program } = await createProgram();
  /** @type {Map<string, Set<string>>} */
  const known = new Map(commandsOf(program).map(({ words, command }) => [
    words.join(' '),
    new Set(command.createHelp().visibleOptions(command).flatMap(({ short, long }) => [short ?? '', long ?? ''])),
  ]));
  let seen = 0;
  for (const name of PAGES) {
    const page = text(name).replace(/\\\n\s*/g, ' ');
    for (const [line, first = '', second = ''] of page.matchAll(/(?:mesh-policy|host\/cli\.js) +([a-z]+)(?: +([a-z]+))?[^\n`|]*/g)) {
      const command = known.has(`${first} ${second}`) ? `${first} ${second}` : first;
      // Prose, such as "mesh-policy reads them".
      const options = known.get(command);
      if (!options) continue;
      seen += 1;
      for (const [, option = ''] of line.matchAll(/(?<= )(--?[a-z][a-z-]*)/g)) {
        assert.ok(options.has(option), `${name}: \`${line}\` has ${option}`);
      }
    }
  }
  assert.ok(seen > 40, String(seen));
});

test('every link leads to a file, and to a heading in it', () => {
  const slug = (/** @type {string} */ heading) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-');
  for (const name of PAGES) {
    for (const [, target = '', anchor] of text(name).matchAll(/\]\(((?!https?:)[^)#\s]*)(?:#([^)]+))?\)/g)) {
      const file = target === '' ? name : normalize(join(dirname(name), target));
      assert.ok(existsSync(join(root, file)), `${name}: ${target}`);
      if (anchor === undefined) continue;
      const headings = [...text(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => slug(heading));
      assert.ok(headings.includes(anchor), `${name}: ${target}#${anchor}`);
    }
  }
});

test('every page is reached from the README', () => {
  const reached = new Set(['README.md']);
  for (const name of reached) {
    if (!name.endsWith('.md')) continue;
    for (const [, target = ''] of text(name).matchAll(/\]\(((?!https?:)[^)#\s]+)/g)) reached.add(normalize(join(dirname(name), target)));
  }
  for (const file of readdirSync(join(root, 'docs'), { recursive: true, withFileTypes: true })) {
    const name = relative(root, join(file.parentPath, file.name));
    if (file.isFile()) assert.ok(reached.has(name), name);
  }
  for (const name of PAGES) assert.ok(reached.has(name), name);
});

test('every code of the core is explained in docs/diagnostics.md', () => {
  const docs = text('docs/diagnostics.md');
  const source = ['src/diagnostic.rs', 'src/kube/mod.rs'].map(text).join('');
  const codes = [...source.matchAll(/pub const [A-Z_0-9]+: &str\s*=\s*"([^"]+)"/g)].map(([, code]) => code ?? '');
  assert.ok(codes.length > 20);
  for (const code of codes) assert.ok(docs.includes(`\`${code}\``), code);
});
