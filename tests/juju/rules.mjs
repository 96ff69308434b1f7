// Juju's rules about hook tools, for stand-ins: who may read and write which databag, and what arguments the tools take.

/**
 * @typedef {object} Relation as one unit sees it
 * @property {string} endpoint
 * @property {string} remoteApp
 * @property {string} [remoteModel] the uuid of the model behind it
 * @property {Record<string, string>} remoteData the far application's databag
 * @property {Record<string, string>} localData the own application's
 *
 * @typedef {object} Context one hook of one unit
 * @property {string} unit
 * @property {string} app
 * @property {string} modelUuid
 * @property {boolean} leader
 * @property {number} [broken] the relation that is breaking
 * @property {Record<number, Relation>} relations
 * @property {Record<string, unknown>} config
 * @property {Record<string, { status: string }>} goal units as `goal-state` tells them
 * @property {string[]} tools those that this Juju has
 *
 * @typedef {{ tool: string, relation?: number, data?: Record<string, string>, text?: string }} Effect
 */

export const TOOLS = [
  'relation-ids', 'relation-list', 'relation-get', 'relation-set', 'relation-model-get', 'is-leader', 'config-get',
  'goal-state', 'juju-log', 'status-set',
];

/** What the kernel takes as one argument. */
const LONGEST_ARGUMENT = 131_071;

export class Refusal extends Error {}

/**
 * @param {string[]} args
 * @param {string[]} switches options without a value
 * @param {string[]} options options with a value
 */
function parse(args, switches, options) {
  /** @type {Record<string, string | true>} */
  const given = {};
  /** @type {string[]} */
  const words = [];
  for (let at = 0; at < args.length; at += 1) {
    const arg = /** @type {string} */ (args[at]);
    const [name, value] = /^(--[a-z]+)=(.*)$/s.exec(arg)?.slice(1) ?? [arg, undefined];
    if (arg === '--') return { given, words: [...words, ...args.slice(at + 1)] };
    if (name && switches.includes(name)) given[name] = true;
    else if (name && options.includes(name)) given[name] = value ?? args[(at += 1)] ?? '';
    else if (arg !== '-' && arg.startsWith('-')) throw new Refusal(`option provided but not defined: ${arg}`);
    else words.push(arg);
  }
  return { given, words };
}

/**
 * What a tool writes; what it does goes to `effect`. Throws a `Refusal` where Juju would refuse.
 *
 * @param {Context} context
 * @param {string} tool
 * @param {string[]} args
 * @param {string} input
 * @param {(effect: Effect) => void} effect
 * @returns {string}
 */
export function answer(context, tool, args, input, effect) {
  if (!context.tools.includes(tool)) throw new Refusal(`${tool}: command not found`);
  for (const arg of args) {
    if (Buffer.byteLength(arg) > LONGEST_ARGUMENT) throw new Refusal('argument list too long');
    if (arg.includes('\0')) throw new Refusal('an argument holds a NUL');
  }
  const { given, words } = parse(args, ['--app', '--all'], ['-r', '--format', '-l', '--file']);
  const only = (/** @type {string[]} */ ...names) => {
    for (const name of Object.keys(given)) {
      if (!names.includes(name)) throw new Refusal(`option provided but not defined: ${name}`);
    }
  };
  const json = (/** @type {unknown} */ value) => {
    // Without it the tools answer in a form of their own.
    if (given['--format'] !== 'json') return `not JSON: ${String(value)}\n`;
    return `${JSON.stringify(value)}\n`;
  };
  /** @returns {[number, Relation]} */
  const relation = () => {
    const id = Number(/^(?:.*:)?(\d+)$/.exec(String(given['-r'] ?? ''))?.[1] ?? NaN);
    const found = context.relations[id];
    const endpoint = /^(.*):\d+$/.exec(String(given['-r']))?.[1];
    if (!found || (endpoint !== undefined && endpoint !== found.endpoint)) {
      throw new Refusal(`invalid value "${given['-r']}" for option -r: relation not found`);
    }
    return [id, found];
  };

  switch (tool) {
    case 'is-leader':
      only('--format');
      return json(context.leader);
    case 'config-get':
      only('--format', '--all');
      return json(context.config);
    case 'goal-state':
      only('--format');
      return json({ units: context.goal, relations: {} });
    case 'juju-log':
      only('-l');
      if (words.length !== 1) throw new Refusal('no message specified');
      effect({ tool, text: `${given['-l']}: ${words[0]}` });
      return '';
    case 'status-set':
      only();
      if (!['active', 'blocked', 'waiting', 'maintenance'].includes(words[0] ?? '')) throw new Refusal('invalid status');
      effect({ tool, text: words.join(' ').trim() });
      return '';
    case 'relation-ids': {
      only('--format');
      const ids = Object.entries(context.relations).filter(([, { endpoint }]) => endpoint === words[0]);
      return json(ids.map(([id, { endpoint }]) => `${endpoint}:${id}`));
    }
    case 'relation-list': {
      only('-r', '--format', '--app');
      const [, { remoteApp }] = relation();
      return json(given['--app'] ? remoteApp : [`${remoteApp}/0`]);
    }
    case 'relation-model-get': {
      only('-r', '--format');
      const [, { remoteModel }] = relation();
      return json({ uuid: remoteModel ?? context.modelUuid });
    }
    case 'relation-get': {
      only('-r', '--format', '--app');
      const [id, { remoteApp, remoteData, localData }] = relation();
      if (!given['--app'] || words[0] !== '-') throw new Refusal('the stand-in knows application databags alone');
      // A peer relation has one databag, which followers may not read.
      if (words[1] === context.app) {
        if (!context.leader) throw new Refusal('permission denied');
        return json(localData);
      }
      if (id === context.broken) throw new Refusal('relation not found');
      if (words[1] !== remoteApp) throw new Refusal('permission denied');
      return json(remoteData);
    }
    case 'relation-set': {
      only('-r', '--app', '--file');
      const [id] = relation();
      if (words.length > 0 || given['--file'] !== '-') throw new Refusal('the stand-in takes databags from standard input');
      if (!given['--app']) throw new Refusal('the stand-in knows application databags alone');
      if (!context.leader) throw new Refusal('cannot write relation settings: permission denied');
      // Juju reads it as YAML, which has no other characters than these.
      if (/[^\n\x20-\x7e]/.test(input)) throw new Refusal('yaml: control characters are not allowed');
      const data = JSON.parse(input);
      for (const value of Object.values(data)) if (typeof value !== 'string') throw new Refusal('yaml: cannot unmarshal into string');
      effect({ tool, relation: id, data });
      return '';
    }
    default:
      throw new Refusal(`${tool}: command not found`);
  }
}
