// Completion in real shells, and that the man page is what its source gives.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createProgram } from '../../host/program.js';
import { manPage } from '../../tools/man.mjs';

const root = new URL('../../', import.meta.url).pathname;

/** @param {string} shell */
function script(shell) {
  const { stdout, status } = spawnSync(process.execPath, [`${root}host/cli.js`, 'completion', shell], { encoding: 'utf8' });
  assert.equal(status, 0);
  return stdout;
}

const BASH = script('bash');

/** @param {string} shell */
const skip = (shell) => (spawnSync(shell, ['--version']).status === 0 ? false : `no ${shell} here`);

/**
 * What bash offers after these words.
 * @param {...string} words
 */
function offers(...words) {
  const asked = 'COMP_WORDS=(mesh-policy "$@"); COMP_CWORD=$#; _mesh_policy; printf "%s\\n" "${COMPREPLY[@]}"';
  // A bash whose input is a socket takes it for a remote shell's, and reads its start file, were it not for `--norc`.
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-u', '-c', `${BASH}\n${asked}`, 'bash', ...words], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  return stdout.split('\n').filter(Boolean);
}

test('bash completes commands, options and values', async () => {
  const { program } = await createProgram();
  const commands = program.commands.map((command) => command.name());
  assert.ok(commands.includes('reach') && commands.includes('completion'));
  assert.deepEqual(offers(''), [...commands, 'help', '-V', '--version', '-h', '--help']);
  assert.deepEqual(offers('p'), ['plan']);
  assert.deepEqual(offers('lint', '--fail'), ['--fail-on']);
  assert.deepEqual(offers('lint', '--fail-on', ''), ['error', 'warning']);
  assert.deepEqual(offers('lint', '-o', 'sa'), ['sarif']);
  assert.deepEqual(offers('diff', 'old', 'new', '--output', '=', 'm'), ['markdown']);
  assert.deepEqual(offers('diff', 'old', 'new', '--output', '='), ['human', 'json', 'markdown', 'github']);
  assert.deepEqual(offers('hook', ''), ['consumer', 'provider']);
  assert.deepEqual(offers('hook', 'provider', '--ownership', ''), ['enforce', 'report']);
  assert.deepEqual(offers('help', 'la'), ['labels']);
  assert.deepEqual(offers('completion', 'f'), ['fish']);
  assert.deepEqual(offers('compile', 'pl'), [], 'files are left to bash');
});

test('every option of every command is offered', async () => {
  const { program } = await createProgram();
  for (const command of program.commands) {
    const offered = offers(command.name(), '-');
    for (const { long } of command.options) assert.ok(long && offered.includes(long), `${command.name()} ${long}`);
  }
});

test('fish completes', { skip: skip('fish') }, () => {
  /** @param {string} line */
  const fish = (line) => {
    const { stdout, stderr } = spawnSync('fish', ['-c', 'source (printf %s $argv[1] | psub); complete -C $argv[2]', script('fish'), line], { encoding: 'utf8' });
    assert.equal(stderr, '');
    return stdout.split('\n').map((text) => text.split('\t')[0]).filter(Boolean);
  };
  assert.deepEqual(fish('mesh-policy pl'), ['plan']);
  assert.deepEqual(fish('mesh-policy hook c'), ['consumer']);
  assert.deepEqual(fish('mesh-policy lint -o '), ['github', 'human', 'json', 'sarif']);
  assert.ok(fish('mesh-policy diff --fail').includes('--fail-on'));
});

test('zsh completes', { skip: skip('zsh') }, () => {
  // A terminal for zsh, in which Tab is pressed twice: once to complete, once to list.
  const drive = `
    zmodload zsh/zpty
    zpty z 'zsh -f -i'
    say() { zpty -w z "$1" }
    say 'PS1=; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D; source $FILE; echo rea""dy'
    zpty -r z seen '*ready*'
    zpty -w -n z $'mesh-policy '$1$'\\t\\t'
    zpty -r -m z seen '*'$2'*' && print found
    zpty -d z`;
  /** @param {string} line @param {string} wanted */
  const zsh = (line, wanted) => {
    const { stdout, stderr } = spawnSync('bash', ['-c', 'FILE=$(mktemp); export FILE; printf %s "$1" >"$FILE"; timeout 20 zsh -f -c "$2" zsh "$3" "$4"; rm "$FILE"', 'bash', script('zsh'), drive, line, wanted], { encoding: 'utf8' });
    assert.match(stdout, /found/, `${line}: ${stderr}`);
  };
  zsh('pla', 'plan');
  zsh('lint --fail', '--fail-on');
  zsh('lint -o sar', 'sarif');
  zsh('hook con', 'consumer');
  assert.equal(spawnSync('zsh', ['-n'], { input: script('zsh'), encoding: 'utf8' }).stderr, '');
});

test('the man page is what `node tools/man.mjs` writes', async () => {
  assert.ok(readFileSync(`${root}man/mesh-policy.1`, 'utf8') === await manPage(), 'run `make man` and commit man/mesh-policy.1');
});

test('man reads the man page without a complaint', { skip: skip('groff') }, () => {
  const { stdout, stderr } = spawnSync('groff', ['-man', '-ww', '-Tascii', `${root}man/mesh-policy.1`], { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.match(stdout, /mesh-policy/);
});
