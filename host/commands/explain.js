// `mesh-policy explain`
import { InvalidArgumentError } from '../commander.js';
import { reader, readText, UsageError } from '../files.js';
import { printable } from '../render.js';
import { collect, oneOf } from './input.js';
import { analysedInput, mesh, meshInput } from './mesh.js';

/** How many requests go to the core in one call: enough to make the crossing cheap, few enough to print soon. */
const BATCH = 4096;

/** @param {import('commander').Command} program */
export function explain(program) {
  mesh(program.command('explain').description('say whether a client may send a request to a target, and which policy decides'))
    .option('--from <client>', 'NAMESPACE/SERVICEACCOUNT, or outside')
    .option('--to <target>', 'NAMESPACE/SERVICE, service:NAMESPACE/NAME or pod:NAMESPACE/NAME')
    .option('--port <number>', 'the port that is connected to', port)
    .option('--method <method>', 'the HTTP method')
    .option('--path <path>', 'the path, with its query, as the client writes it')
    .option('--host <host>', 'the Host header')
    .option('--header <name: value>', 'another header', collect, [])
    .option('--source-ip <address>', "the client's address")
    .option('--layer <layer>', 'ask one enforcement point only: waypoint, ztunnel or sidecar', oneOf('waypoint', 'ztunnel', 'sidecar'))
    .option('--requests <file>', 'many requests, a JSON object a line; - for standard input')
    .option('-o, --output <format>', 'human or json; for many requests jsonl', oneOf('human', 'json', 'jsonl'))
    .action(run);
}

/** @param {string} text */
function port(text) {
  if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 65535) throw new InvalidArgumentError('write a number from 1 to 65535.');
  return Number(text);
}

/**
 * @typedef {object} Question
 * @property {string} [from]
 * @property {string} [to]
 * @property {number} [port]
 * @property {string} [method]
 * @property {string} [path]
 * @property {string} [host]
 * @property {string[]} header
 * @property {string} [sourceIp]
 * @property {string} [layer]
 * @property {string} [requests]
 * @property {string} [output]
 */

/**
 * @param {string[]} files
 * @param {import('./mesh.js').MeshOptions & Question} options
 */
async function run(files, options) {
  const many = options.requests;
  if (many === undefined && (options.from === undefined || options.to === undefined)) {
    throw new UsageError('give `--from NAMESPACE/SERVICEACCOUNT` (or `--from outside`) and `--to NAMESPACE/SERVICE`, or `--requests FILE`');
  }
  if (many !== undefined) {
    const { from, to, port, method, path, host, header, sourceIp, layer } = options;
    const one = Object.entries({ from, to, port, method, path, host, header: header[0], 'source-ip': sourceIp, layer }).find(([, value]) => value !== undefined);
    if (one) throw new UsageError(`\`--${one[0]}\` asks one question, \`--requests\` others: give one of the two`);
    if (options.output === 'human') throw new UsageError('the answers to `--requests` are JSON, one a line: leave `-o human` out');
  }
  const question = many === undefined ? asRequest(options) : '';
  const lines = many === undefined ? '' : readText(reader(options.maxInput), many);
  const input = await meshInput(files, options);
  const analysis = input && await analysedInput(input);
  if (!analysis) return;
  if (many === undefined) {
    try {
      if (options.output === undefined || options.output === 'human') {
        process.stdout.write(visible(analysis.explain(question) + (analysis.suggestText(input, question) ?? '')));
      } else {
        const suggestion = analysis.suggest(input, question);
        const answer = analysis.trace(question);
        process.stdout.write(`${suggestion === undefined ? answer : `${answer.slice(0, -1)},"toAllow":${suggestion}}`}\n`);
      }
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error));
    } finally {
      analysis.free();
    }
    return;
  }
  const { asked, unread } = askAll(analysis, lines.split('\n'), (answers) => process.stdout.write(answers));
  analysis.free();
  if (asked === 0) throw new UsageError(`\`${many}\` holds no request: write a JSON object a line`);
  // Those that can be read are answered, whatever stands between them.
  const text = `${unread} of ${asked} requests in \`${many}\` cannot be read; their answers say why`;
  if (unread === asked) throw new UsageError(text);
  if (unread > 0) process.stderr.write(`warning: ${printable(text)}\n`);
}

/**
 * @param {import('../../pkg/mesh_policy.js').MeshAnalysis} analysis
 * @param {string[]} lines
 * @param {(answers: string) => void} write
 */
function askAll(analysis, lines, write) {
  let asked = 0;
  let unread = 0;
  for (let at = 0; at < lines.length; at += BATCH) {
    const answers = analysis.ask(lines.slice(at, at + BATCH).join('\n'));
    write(answers);
    for (const line of answers.split('\n')) {
      if (line === '') continue;
      asked += 1;
      if (line.includes(',"error":') && typeof JSON.parse(line).error === 'string') unread += 1;
    }
  }
  return { asked, unread };
}

/** @param {Question} options */
function asRequest({ from = '', to = '', port, method, path, host, header, sourceIp, layer }) {
  const client = /^([^/]+)\/([^/]+)$/.exec(from);
  if (from !== 'outside' && !client) throw new UsageError(`\`${from}\` names no client: write NAMESPACE/SERVICEACCOUNT, or outside`);
  const [, kind = 'service', target] = /^(?:(service|pod):)?([^/:]+\/[^/:]+)$/.exec(to) ?? [];
  if (target === undefined) throw new UsageError(`\`${to}\` names no target: write NAMESPACE/SERVICE, service:NAMESPACE/NAME or pod:NAMESPACE/NAME`);
  /** @type {Record<string, string[]>} */
  const headers = Object.create(null);
  for (const text of header) {
    const at = text.indexOf(':');
    if (at <= 0) throw new UsageError(`\`${text}\` is no header: write NAME: VALUE`);
    const name = text.slice(0, at).toLowerCase();
    headers[name] = [...(headers[name] ?? []), text.slice(at + 1).trim()];
  }
  return JSON.stringify({
    from: client ? { namespace: client[1], serviceAccount: client[2] } : null,
    to: { [kind]: target },
    port,
    method,
    path,
    host,
    headers,
    sourceIp,
    layer,
  });
}

/** @param {string} text */
const visible = (text) => text.split('\n').map(printable).join('\n');
