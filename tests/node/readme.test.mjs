// The README shows what the commands print.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url).pathname;
const readme = readFileSync(`${root}README.md`, 'utf8');

test("the README's example prints what the README shows", () => {
  const command = /^ {4}node (host\/cli\.js compile bookinfo=.*)$/m.exec(readme)?.[1];
  const shown = /```yaml\n(apiVersion:[^]*?)```/.exec(readme)?.[1];
  assert.ok(command && shown);
  const { stdout, status } = spawnSync(process.execPath, command.split(' '), { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0);
  assert.ok(stdout.startsWith(`---\n${shown}---\n`), stdout.slice(0, 1000));
});

test('every file that the README links to exists', () => {
  for (const [, link = ''] of readme.matchAll(/\]\(([^)#]+)\)/g)) readFileSync(`${root}${link}`);
});

test('every code of the core is explained in docs/diagnostics.md', () => {
  const docs = readFileSync(`${root}docs/diagnostics.md`, 'utf8');
  const sources = ['src/diagnostic.rs', 'src/kube/mod.rs'];
  const source = sources.map((file) => readFileSync(`${root}${file}`, 'utf8')).join('');
  const codes = [...source.matchAll(/pub const [A-Z_0-9]+: &str\s*=\s*"([^"]+)"/g)].map(([, code]) => code ?? '');
  assert.ok(codes.length > 20);
  for (const code of codes) assert.ok(docs.includes(`\`${code}\``), code);
});
