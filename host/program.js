// All commands as one program: what runs, what `--help` says, and what completion and the man page are made from.
import { readFileSync } from 'node:fs';
import { Command, Help } from './commander.js';
import { DEFAULT_MAX_INPUT } from './commands/input.js';
import { UsageError } from './files.js';
import { printable } from './render.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** @typedef {import('commander').Command} Program */
/** @typedef {import('commander').Option} Option */

/** @typedef {(program: Program) => void} Register */

/**
 * The commands in the order of their use, by heading: name, what declares it, an example. A command is loaded when it is
 * wanted: loading all of them takes longer than most of what they do.
 * @type {[string, [string, () => Promise<Register>, string][]][]}
 */
const GROUPS = [
  ['See what policies mean:', [
    ['compile', async () => (await import('./commands/compile.js')).compile, 'mesh-policy compile shop=bundle.yaml --charms charms'],
    ['lint', async () => (await import('./commands/lint.js')).lint, 'mesh-policy lint shop=bundle.yaml --charms charms'],
    ['explain', async () => (await import('./commands/explain.js')).explain,
      'mesh-policy explain --manifests mesh/ --from shop/web --to service:shop/db --port 5432'],
    ['reach', async () => (await import('./commands/reach.js')).reach, 'mesh-policy reach --manifests mesh/ -o mermaid'],
    ['diff', async () => (await import('./commands/diff.js')).diff, 'mesh-policy diff old/ new/ --fail-on granted'],
    ['test', async () => (await import('./commands/test.js')).test, 'mesh-policy test expectations.yaml --manifests mesh/'],
  ]],
  ['Change a cluster:', [
    ['plan', async () => (await import('./commands/plan.js')).plan, 'mesh-policy plan shop=bundle.yaml --charms charms --exit-code'],
    ['apply', async () => (await import('./commands/apply.js')).apply, 'mesh-policy apply shop=bundle.yaml --charms charms'],
    ['delete', async () => (await import('./commands/delete.js')).remove, 'mesh-policy delete shop=bundle.yaml --charms charms'],
    ['labels', async () => (await import('./commands/labels.js')).labels,
      'mesh-policy labels web istio.io/use-waypoint=waypoint --namespace shop --plan'],
  ]],
  ['Further:', [
    ['hook', async () => (await import('./commands/hook.js')).hook, 'mesh-policy hook consumer mesh.yaml'],
    ['serve', async () => (await import('./commands/serve.js')).serve, 'mesh-policy serve --port 8080'],
    ['completion', async () => (await import('./commands/completion.js')).completion, 'source <(mesh-policy completion bash)'],
  ]],
];

/** @type {[number, string][]} */
export const EXIT_CODES = [
  [0, 'fine'],
  [1, 'something was found, left out, or (with --exit-code) would change'],
  [2, 'wrong use, or input that cannot be used'],
  [3, 'the cluster refused, or could not be reached'],
  [130, 'interrupted'],
];

/** What its default is, in words; nothing where that goes without saying. @param {Option} option */
function optionDescription(option) {
  if (Array.isArray(option.defaultValue)) return option.description;
  if (option.defaultValue === DEFAULT_MAX_INPUT) return `${option.description} (default: 64MiB)`;
  return Help.prototype.optionDescription.call(new Help(), option);
}

/**
 * A single-valued option that is given twice says two things, and an empty value is mostly a variable of a script that is
 * not set: neither is what was meant, whatever the command would make of it.
 * @param {Program} command
 */
function beStrict(command) {
  for (const option of command.options) {
    if (!option.required && !option.optional) continue;
    let given = 0;
    command.on(`option:${option.name()}`, (value) => {
      given += 1;
      if (value === '') throw new UsageError(`\`${option.long}\` is given an empty value: leave it out, or write one`);
      if (given > 1 && !Array.isArray(option.defaultValue)) throw new UsageError(`\`${option.long}\` is given twice: it takes one value`);
    });
  }
  command.commands.forEach(beStrict);
}

/**
 * Whether two words differ by one letter that is missing, added or another one, or by two that changed places.
 * @param {string} left @param {string} right
 */
function areAlike(left, right) {
  let same = 0;
  while (same < left.length && left[same] === right[same]) same += 1;
  const [a, b] = [left.slice(same), right.slice(same)];
  return a.slice(1) === b || a === b.slice(1) || a.slice(1) === b.slice(1) || (a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2));
}

/**
 * What Commander says, as everything else here says it.
 * @param {string} text
 */
function reworded(text) {
  /** @type {[RegExp, string][]} */
  const words = [
    [/^error: option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\. (.*?)\.?$/s, 'error: `$1` cannot be `$2`: $3'],
    [/^error: command-argument value '(.*)' is invalid for argument '([^']*)'\. (.*?)\.?$/s, 'error: `$2` cannot be `$1`: $3'],
    [/^error: option '(?:-\w, )?(--[\w-]+) ([^']*)' argument missing$/, 'error: `$1` needs a value: write `$1 $2`'],
    [/^error: missing required argument '(.*)'$/s, 'error: `$1` must be given'],
    [/^error: unknown (option|command) '(.*?)'\s*\(Did you mean (.*)\?\)$/s, 'error: there is no $1 `$2`: write `$3`'],
    [/^error: unknown (option|command) '(.*)'$/s, 'error: there is no $1 `$2`'],
    [/^error: too many arguments.*$/s, 'error: there are more words than this command takes'],
  ];
  for (const [pattern, form] of words) if (pattern.test(text)) return text.replace(pattern, form);
  return text;
}

/**
 * The program with all its commands, or with one of them, where the word names one and its help names no other.
 * @param {string} [word] the first of the command line
 * @returns {Promise<{ program: Program, examples: Map<Program, string> }>}
 */
export async function createProgram(word) {
  const program = new Command('mesh-policy')
    .description('a policy compiler for service meshes')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ optionDescription })
    .exitOverride();
  /** @type {Map<Program, string>} */
  const examples = new Map();
  const names = GROUPS.flatMap(([, commands]) => commands.map(([name]) => name));
  // Completion is made from all commands.
  const known = word !== undefined && names.includes(word);
  const only = known && word !== 'completion';
  program.configureOutput({
    outputError: (text, write) => write(`${printable(reworded(text.trimEnd()))}\n  help: see \`mesh-policy ${known ? `${word} ` : ''}--help\`\n`),
  });
  for (const [heading, commands] of GROUPS) {
    program.commandsGroup(heading);
    for (const [name, load, example] of commands) {
      if (only && name !== word) continue;
      (await load())(program);
      const command = program.commands[program.commands.length - 1];
      if (!command) continue;
      beStrict(command);
      command.addHelpText('after', `\nExample:\n  ${example}`);
      examples.set(command, example);
    }
  }
  // Commander takes words for alike that share hardly a letter.
  program.on('command:*', ([unknown = '']) => {
    const meant = [...names, 'help'].find((name) => areAlike(unknown, name));
    program.error(`error: unknown command '${unknown}'${meant ? ` (Did you mean ${meant}?)` : ''}`, { code: 'commander.unknownCommand' });
  });
  program.helpCommand('help [command]', 'print the help of a command');
  const codes = EXIT_CODES.map(([code, meaning]) => `  ${String(code).padEnd(5)}${meaning}`).join('\n');
  program.addHelpText('after', `\nExit codes:\n${codes}`);
  return { program, examples };
}
