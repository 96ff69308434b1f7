// All commands as one program: what runs, what `--help` says, and what completion and the man page are made from.
import { readFileSync } from 'node:fs';
import { Command, Help } from 'commander';
import { apply } from './commands/apply.js';
import { compile } from './commands/compile.js';
import { completion } from './commands/completion.js';
import { remove } from './commands/delete.js';
import { diff } from './commands/diff.js';
import { explain } from './commands/explain.js';
import { hook } from './commands/hook.js';
import { DEFAULT_MAX_INPUT } from './commands/input.js';
import { labels } from './commands/labels.js';
import { lint } from './commands/lint.js';
import { plan } from './commands/plan.js';
import { reach } from './commands/reach.js';
import { serve } from './commands/serve.js';
import { test } from './commands/test.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** @typedef {import('commander').Option} Option */

/**
 * The commands in the order of their use, by heading, each with an example of it.
 * @type {[string, [(program: Command) => void, string][]][]}
 */
const GROUPS = [
  ['See what policies mean:', [
    [compile, 'mesh-policy compile shop=bundle.yaml --charms charms'],
    [lint, 'mesh-policy lint shop=bundle.yaml --charms charms'],
    [explain, 'mesh-policy explain --manifests mesh/ --from shop/web --to service:shop/db --port 5432'],
    [reach, 'mesh-policy reach --manifests mesh/ -o mermaid'],
    [diff, 'mesh-policy diff old/ new/ --fail-on granted'],
    [test, 'mesh-policy test expectations.yaml --manifests mesh/'],
  ]],
  ['Change a cluster:', [
    [plan, 'mesh-policy plan shop=bundle.yaml --charms charms --exit-code'],
    [apply, 'mesh-policy apply shop=bundle.yaml --charms charms'],
    [remove, 'mesh-policy delete shop=bundle.yaml --charms charms'],
    [labels, 'mesh-policy labels web istio.io/use-waypoint=waypoint --namespace shop --plan'],
  ]],
  ['Further:', [
    [hook, 'mesh-policy hook consumer mesh.yaml'],
    [serve, 'mesh-policy serve --port 8080'],
    [completion, 'source <(mesh-policy completion bash)'],
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

/** @returns {{ program: Command, examples: Map<Command, string> }} */
export function createProgram() {
  const program = new Command('mesh-policy')
    .description('a policy compiler for service meshes')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ optionDescription })
    .showHelpAfterError('(see `mesh-policy --help`)')
    .exitOverride();
  /** @type {Map<Command, string>} */
  const examples = new Map();
  for (const [heading, commands] of GROUPS) {
    program.commandsGroup(heading);
    for (const [register, example] of commands) {
      register(program);
      const command = program.commands[program.commands.length - 1];
      if (!command) continue;
      command.addHelpText('after', `\nExample:\n  ${example}`);
      examples.set(command, example);
    }
  }
  program.helpCommand('help [command]', 'print the help of a command');
  const codes = EXIT_CODES.map(([code, meaning]) => `  ${String(code).padEnd(5)}${meaning}`).join('\n');
  program.addHelpText('after', `\nExit codes:\n${codes}`);
  return { program, examples };
}
