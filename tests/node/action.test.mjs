// action.yml: its steps, run as a runner runs them, on a repository whose last commit grants access.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { load } from 'js-yaml';

const root = new URL('../../', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'mesh-policy-action-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const workspace = join(folder, 'workspace');
const checkout = join(folder, 'action');

/** @typedef {{ name: string, id?: string, if?: string, shell: string, env?: Record<string, string>, run: string }} Step */
/** @type {{ inputs: Record<string, { default?: string, required?: boolean }>, runs: { using: string, steps: Step[] } }} */
const action = /** @type {any} */ (load(readFileSync(join(root, 'action.yml'), 'utf8')));

/** @param {string[]} args */
function git(...args) {
  const own = ['-c', 'user.name=t', '-c', 'user.email=t@localhost', '-c', 'commit.gpgsign=false'];
  const { status, stdout, stderr } = spawnSync('git', [...own, ...args], { cwd: workspace, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

let base = '';
before(() => {
  const example = join(root, 'examples/diff');
  mkdirSync(join(workspace, 'mesh'), { recursive: true });
  git('init', '--quiet');
  cpSync(join(example, 'mesh.yaml'), join(workspace, 'mesh/mesh.yaml'));
  cpSync(join(example, 'expectations.yaml'), join(workspace, 'expect it.yaml'));
  cpSync(join(example, 'old.yaml'), join(workspace, 'mesh/policies.yaml'));
  writeFileSync(join(workspace, 'settings.yaml'), 'autoAllowWaypoint: true\n');
  git('add', '.');
  git('commit', '--quiet', '-m', 'old');
  base = git('rev-parse', 'HEAD');
  cpSync(join(example, 'new.yaml'), join(workspace, 'mesh/policies.yaml'));
  git('commit', '--quiet', '-a', '-m', 'new');

  // The action as its checkout is; npm only says that it was called, and how.
  for (const name of ['host', 'pkg', 'tools', 'package.json', 'package-lock.json', 'action.yml']) {
    cpSync(join(root, name), join(checkout, name), { recursive: true });
  }
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/npm'), `#!/bin/sh\necho "$PWD: npm $*"\nln -sfn '${root}node_modules' node_modules\n`);
  chmodSync(join(folder, 'bin/npm'), 0o755);
});

/** @typedef {{ status: number | null, stdout: string, stderr: string }} Ended */

/**
 * Runs the action.
 * @param {Record<string, string>} inputs
 * @param {{ cwd?: string, pullRequest?: string }} [where]
 */
function run(inputs, { cwd = workspace, pullRequest = base } = {}) {
  for (const name of Object.keys(inputs)) assert.ok(name in action.inputs, name);
  /** @param {string} name */
  const input = (name) => inputs[name] ?? action.inputs[name]?.default ?? '';
  /** The expressions that action.yml uses. @param {string} text */
  const evaluate = (text) =>
    text.replace(/\$\{\{ (.+?) \}\}/g, (_, expression) =>
      expression.split(' || ').map((/** @type {string} */ part) => {
        const [, name] = /^inputs\.([\w-]+)$/.exec(part) ?? [];
        if (name !== undefined) return input(name);
        assert.equal(part, 'github.event.pull_request.base.sha');
        return pullRequest;
      }).find(Boolean) ?? '',
    );
  const summary = join(folder, 'summary.md');
  writeFileSync(summary, '');
  /** @type {Record<string, Ended | undefined>} */
  const steps = {};
  for (const step of action.runs.steps) {
    if (step.name === 'test' && input('expectations') === '') continue;
    if (step.name === 'diff' && (input('base') || pullRequest) === '') continue;
    const env = Object.fromEntries(Object.entries(step.env ?? {}).map(([name, text]) => [name, evaluate(text)]));
    steps[step.name] = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step.run], {
      cwd,
      env: { ...process.env, PATH: `${folder}/bin:${process.env.PATH}`, GITHUB_ACTION_PATH: checkout, GITHUB_STEP_SUMMARY: summary, ...env },
      encoding: 'utf8',
    });
  }
  return { steps, summary: readFileSync(summary, 'utf8') };
}

/** @param {Ended | undefined} step */
function ended(step) {
  assert.ok(step);
  return step;
}

test('no input reaches a shell but by the environment', () => {
  assert.equal(action.runs.using, 'composite');
  for (const step of action.runs.steps) {
    assert.equal(step.shell, 'bash');
    assert.doesNotMatch(step.run, /\$\{\{/, step.name);
  }
});

test('a pull request that grants access', () => {
  const { steps: all, summary } = run({ files: 'mesh', settings: 'settings.yaml', expectations: '  expect it.yaml  \n', 'fail-on': 'granted' });
  assert.equal(ended(all.install).stdout, `${checkout}: npm ci --omit=dev --ignore-scripts --no-audit --no-fund\n`);

  const lint = ended(all.lint);
  assert.equal(lint.status, 0, lint.stderr);

  const tested = ended(all.test);
  assert.equal(tested.status, 1, tested.stderr);
  assert.match(tested.stdout, /^::error file=expect it\.yaml,line=14,title=expectation::grafana only reads metrics: /m);
  assert.match(tested.stdout, /^2 passed, 1 failed$/m);

  const diff = ended(all.diff);
  assert.equal(diff.status, 1, diff.stderr);
  assert.match(diff.stdout, /^::warning title=access granted::cos\/grafana may now GET/m);
  assert.match(summary, /^### Access: 2 granted, 0 revoked$/m);
});

test('without expectations and a base, and only reporting', () => {
  const { steps: first } = run({ files: 'mesh/mesh.yaml\nmesh/policies.yaml\n' }, { pullRequest: '' });
  assert.deepEqual(Object.keys(first), ['install', 'lint']);
  assert.match(ended(first.lint).stdout, /^::warning file=mesh\/policies\.yaml,line=1,col=1,title=pod-address-open::/m);

  const { steps: against } = run({ files: 'mesh', base: 'HEAD' }, { pullRequest: '' });
  assert.equal(ended(against.diff).stdout, '::notice title=access::equivalent: every request gets the same answer\n');
  assert.equal(ended(run({ files: 'mesh' }).steps.diff).status, 0, 'granted access fails only where that is asked for');
});

test('a file that the base does not have grants all that it grants', () => {
  writeFileSync(join(workspace, 'more.yaml'), readFileSync(join(root, 'examples/diff/mesh.yaml'), 'utf8').replace('name: web-0', 'name: web-1'));
  const { diff } = run({ files: 'mesh\nmore.yaml' }).steps;
  rmSync(join(workspace, 'more.yaml'));
  assert.equal(ended(diff).status, 0, ended(diff).stderr);
});

test('the base is fetched where the checkout does not have it', () => {
  const shallow = join(folder, 'shallow');
  git('clone', '--quiet', '--depth=1', `file://${workspace}`, shallow);
  git('config', 'uploadpack.allowAnySHA1InWant', 'true');
  const diff = ended(run({ files: 'mesh', settings: 'settings.yaml' }, { cwd: shallow }).steps.diff);
  assert.equal(diff.status, 0, diff.stderr);
  assert.match(diff.stdout, /^::warning title=access granted::/m);
});

test('what looks like a command, an option or a pattern is a file that does not exist', () => {
  for (const files of ['$(touch owned)', '`touch owned`; touch owned', '--cluster', '*']) {
    const { lint, diff } = run({ files, base: files }).steps;
    assert.equal(ended(lint).status, 2);
    assert.match(ended(lint).stderr, /cannot read `/);
    assert.notEqual(ended(diff).status, 0);
  }
  assert.equal(git('status', '--porcelain'), '');
});

test('diff --base says what is wrong with a commit', () => {
  const cli = (/** @type {string[]} */ ...args) => spawnSync(process.execPath, [join(root, 'host/cli.js'), 'diff', ...args], { cwd: join(workspace, 'mesh'), encoding: 'utf8' });
  const missing = cli('--base', '--upload-pack=touch', 'policies.yaml');
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /^error: `--upload-pack=touch` is no commit that is here/);
  const inFolder = cli('--base', base, '.');
  assert.match(inFolder.stdout, /^2 granted, 0 revoked$/m, inFolder.stderr);
  const small = cli('--base', base, '.', '--max-input', '500');
  assert.equal(small.status, 2);
  assert.match(small.stderr, /^error: the input is larger than --max-input in that commit/);
  assert.match(cli('--base', base, '-').stderr, /standard input is in no commit/);
});
