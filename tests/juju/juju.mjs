// A small Juju: models, applications, units, relations of and across models, hooks in their order. Charms are run through
// their own `dispatch`, with stand-ins for the hook tools; or they are Python charms, answered by the oracle.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answer, Refusal, TOOLS } from './rules.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TOOL = fileURLToPath(new URL('tool.sh', import.meta.url));

/**
 * @typedef {import('./rules.mjs').Effect} Effect
 * @typedef {{ name: string, relation?: Relation, units?: number[] }} Event
 *
 * @typedef {object} Application
 * @property {string} model
 * @property {string} name
 * @property {Charm} charm
 * @property {number[]} units
 * @property {number} next
 * @property {number} leader
 * @property {boolean} dying
 * @property {Record<string, string>} status by unit
 *
 * @typedef {{ folder: string } | { python: import('./oracle.mjs').PythonCharm }} Charm
 * @typedef {{ app: Application, endpoint: string, alias: string, data: Record<string, string> }} Side alias: what the other
 *   side calls it
 * @typedef {{ id: number, sides: [Side, Side] }} Relation a peer relation has one side twice
 * @typedef {{ app: string, unit: string, event: string, effects: Effect[], code: number, stderr: string }} Run
 */

/** @param {string} text */
const uuid = (text) => createHash('sha256').update(text).digest('hex').slice(0, 32);

/** @param {Buffer} got what a tool has sent so far; null as long as it is not all */
function readCall(got) {
  let at = 0;
  const line = () => {
    const end = got.indexOf(10, at);
    if (end < 0) return null;
    const text = got.toString('utf8', at, end);
    at = end + 1;
    return text;
  };
  const head = line();
  if (head === null) return null;
  const [context = '', tool = '', count = '', length = ''] = head.split(' ');
  const args = [];
  for (let left = Number(count); left > 0; left -= 1) {
    const size = line();
    if (size === null || got.length < at + Number(size) + 1) return null;
    args.push(got.toString('utf8', at, at + Number(size)));
    at += Number(size) + 1;
  }
  if (got.length < at + Number(length)) return null;
  return { context, tool, args, input: got.toString('utf8', at, at + Number(length)) };
}

export class Juju {
  /** @type {Application[]} */
  apps = [];
  /** @type {Relation[]} */
  relations = [];
  /** @type {Run[]} */
  runs = [];
  #ids = 1;
  #contexts = 0;
  #server;
  #port = 0;
  /** @type {Map<string, { unit: import('./rules.mjs').Context, effects: Effect[] }>} */
  #running = new Map();
  /** @type {{ app: Application, event: Event }[]} */
  #queue = [];

  /**
   * @param {object} [options]
   * @param {NodeJS.ProcessEnv} [options.env] for hooks, besides what Juju sets
   * @param {string[]} [options.tools] those that this Juju has
   */
  constructor({ env = {}, tools = TOOLS } = {}) {
    this.env = env;
    this.tools = tools;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
    this.folder = mkdtempSync(join(tmpdir(), 'mesh-policy-juju-'));
  }

  async #start() {
    if (this.#server.listening) return;
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve(null)));
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    this.#port = port;
    mkdirSync(join(this.folder, 'tools'));
    for (const tool of this.tools) symlinkSync(TOOL, join(this.folder, 'tools', tool));
  }

  /** @param {import('node:net').Socket} socket */
  #serve(socket) {
    let got = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      got = Buffer.concat([got, chunk]);
      const call = readCall(got);
      if (!call) return;
      const context = this.#running.get(call.context);
      try {
        if (!context) throw new Refusal('no such hook is running');
        const text = answer(context.unit, call.tool, call.args, call.input, (effect) => context.effects.push(effect));
        socket.end(`0\n${text}`);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        socket.end(`1\nERROR ${error.message}\n`);
      }
    });
  }

  close() {
    this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /**
   * Packs a charm as charmcraft would: its files, Node, and its dependencies.
   * @param {string} source
   */
  pack(source) {
    const folder = join(this.folder, `charm-${(this.#contexts += 1)}`);
    cpSync(source, folder, { recursive: true });
    for (const name of ['bin', 'node_modules']) mkdirSync(join(folder, name), { recursive: true });
    symlinkSync(process.execPath, join(folder, 'bin/node'));
    symlinkSync(ROOT, join(folder, 'node_modules/mesh-policy'));
    return folder;
  }

  /** @param {string} model @param {string} name @param {Charm} charm @param {number} [units] */
  async deploy(model, name, charm, units = 1) {
    /** @type {Application} */
    const app = { model, name, charm, units: [], next: 0, leader: 0, dying: false, status: {} };
    this.apps.push(app);
    for (const peer of this.#peers(app)) {
      /** @type {Side} */
      const side = { app, endpoint: peer, alias: name, data: {} };
      this.relations.push({ id: this.#ids++, sides: [side, side] });
    }
    await this.scale(app, units);
    return app;
  }

  /** @param {Application} app */
  #peers({ charm }) {
    if (!('folder' in charm)) return [];
    const text = readFileSync(join(charm.folder, 'charmcraft.yaml'), 'utf8');
    return [...(/^peers:\n((?: .*\n?)*)/m.exec(text)?.[1] ?? '').matchAll(/^ {2}(\S+):/gm)].map((found) => found[1] ?? '');
  }

  /** @param {Application} app @param {number} units */
  async scale(app, units) {
    while (app.units.length < units) {
      const unit = app.next++;
      app.units.push(unit);
      const only = [unit];
      this.#fire(app, { name: 'install', units: only });
      for (const relation of this.#of(app)) this.#fire(app, { name: 'relation_created', relation, units: only });
      this.#fire(app, { name: unit === app.leader ? 'leader_elected' : 'leader_settings_changed', units: only });
      this.#fire(app, { name: 'config_changed', units: only });
      this.#fire(app, { name: 'start', units: only });
      for (const relation of this.#of(app)) this.#fire(app, { name: 'relation_changed', relation, units: only });
      await this.settle();
    }
    while (app.units.length > units) {
      const unit = /** @type {number} */ (app.units.pop());
      for (const relation of this.#of(app)) {
        this.#fire(app, { name: 'relation_departed', relation, units: [unit] });
        if (app.dying) this.#fire(app, { name: 'relation_broken', relation, units: [unit] });
      }
      this.#fire(app, { name: 'stop', units: [unit] });
      this.#fire(app, { name: 'remove', units: [unit] });
      await this.settle();
    }
  }

  /** @param {Application} app */
  async remove(app) {
    app.dying = true;
    // The others lose their relations to it.
    for (const relation of this.#of(app)) {
      const other = this.#far(relation, app).app;
      if (other === app) continue;
      this.#fire(other, { name: 'relation_departed', relation });
      this.#fire(other, { name: 'relation_broken', relation });
    }
    await this.settle();
    await this.scale(app, 0);
    this.relations = this.relations.filter(({ sides }) => sides.every((side) => side.app !== app));
    this.apps = this.apps.filter((each) => each !== app);
  }

  /** @param {Application} app */
  async upgrade(app) {
    this.#fire(app, { name: 'upgrade_charm' });
    this.#fire(app, { name: 'config_changed' });
    await this.settle();
  }

  /** @param {Application} app @param {string} endpoint @param {Application} other @param {string} otherEndpoint */
  async relate(app, endpoint, other, otherEndpoint) {
    const foreign = app.model !== other.model;
    // The offering side sees a name that Juju makes, the consuming side the name of the offer.
    const alias = foreign ? `remote-${uuid(`${app.model}.${app.name}`)}` : app.name;
    /** @type {Relation} */
    const relation = {
      id: this.#ids++,
      sides: [
        { app, endpoint, alias, data: {} },
        { app: other, endpoint: otherEndpoint, alias: other.name, data: {} },
      ],
    };
    this.relations.push(relation);
    for (const side of relation.sides) this.#fire(side.app, { name: 'relation_created', relation });
    for (const side of relation.sides) {
      this.#fire(side.app, { name: 'relation_joined', relation });
      this.#fire(side.app, { name: 'relation_changed', relation });
    }
    await this.settle();
    return relation;
  }

  /** @param {Relation} relation */
  async unrelate(relation) {
    for (const { app } of relation.sides) {
      this.#fire(app, { name: 'relation_departed', relation });
      this.#fire(app, { name: 'relation_broken', relation });
    }
    await this.settle();
    this.relations = this.relations.filter((each) => each !== relation);
  }

  /** Sets a databag from outside, as a hostile charm would. @param {Relation} relation @param {Application} app @param {Record<string, string>} data */
  async write(relation, app, data) {
    Object.assign(this.#near(relation, app).data, data);
    this.#fire(this.#far(relation, app).app, { name: 'relation_changed', relation });
    await this.settle();
  }

  /** @param {Relation} relation @param {Application} app */
  data(relation, app) {
    return this.#near(relation, app).data;
  }

  /** @param {Application} app */
  #of(app) {
    return this.relations.filter(({ sides }) => sides.some((side) => side.app === app));
  }

  /** @param {Relation} relation @param {Application} app */
  #near({ sides }, app) {
    return sides[0].app === app ? sides[0] : sides[1];
  }

  /** @param {Relation} relation @param {Application} app */
  #far({ sides }, app) {
    return sides[0].app === app ? sides[1] : sides[0];
  }

  /** @param {Application} app @param {Event} event */
  #fire(app, event) {
    this.#queue.push({ app, event });
  }

  /** Runs hooks until none is left. */
  async settle() {
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const { app, event } = next;
      for (const unit of event.units ?? app.units) await this.#hook(app, unit, event);
      if (this.runs.length > 2000) throw new Error('hooks without end');
    }
  }

  /** @param {Application} app @param {number} unit @param {Event} event */
  async #hook(app, unit, event) {
    const leader = unit === app.leader;
    const effects = 'python' in app.charm ? await this.#python(app, leader, event) : await this.#dispatch(app, unit, leader, event);
    /** @type {Set<Relation>} */
    const changed = new Set();
    for (const { tool, relation: id, data, text } of effects) {
      if (tool === 'status-set') app.status[`${app.name}/${unit}`] = text ?? '';
      const relation = this.relations.find((each) => each.id === id);
      if (tool !== 'relation-set' || !relation || !data) continue;
      const near = this.#near(relation, app);
      if (Object.entries(data).some(([key, value]) => near.data[key] !== value)) changed.add(relation);
      Object.assign(near.data, data);
    }
    for (const relation of changed) this.#fire(this.#far(relation, app).app, { name: 'relation_changed', relation });
  }

  /** @param {Application} app @param {number} unit @param {boolean} leader @param {Event} event @returns {Promise<Effect[]>} */
  async #dispatch(app, unit, leader, { name, relation }) {
    const { folder } = /** @type {{ folder: string }} */ (app.charm);
    await this.#start();
    const id = `context-${(this.#contexts += 1)}`;
    /** @type {Record<number, import('./rules.mjs').Relation>} */
    const relations = {};
    for (const each of this.#of(app)) {
      const [near, far] = [this.#near(each, app), this.#far(each, app)];
      relations[each.id] = {
        endpoint: near.endpoint,
        remoteApp: far.alias,
        remoteModel: uuid(far.app.model),
        remoteData: far.data,
        localData: near.data,
      };
    }
    /** @type {import('./rules.mjs').Context} */
    const context = {
      unit: `${app.name}/${unit}`,
      app: app.name,
      modelUuid: uuid(app.model),
      leader,
      broken: name === 'relation_broken' ? relation?.id : undefined,
      relations,
      config: {},
      goal: Object.fromEntries(app.units.map((each) => [`${app.name}/${each}`, { status: 'active' }])),
      tools: this.tools,
    };
    /** @type {Effect[]} */
    const effects = [];
    this.#running.set(id, { unit: context, effects });
    const endpoint = relation && this.#near(relation, app).endpoint;
    const hook = endpoint ? `${endpoint}-${name.replaceAll('_', '-')}` : name.replaceAll('_', '-');
    /** @type {NodeJS.ProcessEnv} */
    const env = {
      ...this.env,
      PATH: `${join(this.folder, 'tools')}:/usr/bin:/bin`,
      JUJU_CONTEXT_ID: id,
      JUJU_AGENT_SOCKET_ADDRESS: String(this.#port),
      JUJU_CHARM_DIR: folder,
      JUJU_DISPATCH_PATH: `hooks/${hook}`,
      JUJU_HOOK_NAME: hook,
      JUJU_UNIT_NAME: context.unit,
      JUJU_MODEL_NAME: app.model,
      JUJU_MODEL_UUID: context.modelUuid,
      ...(relation && endpoint
        ? { JUJU_RELATION: endpoint, JUJU_RELATION_ID: `${endpoint}:${relation.id}`, JUJU_REMOTE_APP: this.#far(relation, app).alias }
        : {}),
    };
    const child = spawn(join(folder, 'dispatch'), { cwd: folder, env, stdio: ['ignore', 'inherit', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    /** @type {number} */
    const code = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status) => resolve(status ?? -1));
    });
    this.#running.delete(id);
    this.runs.push({ app: app.name, unit: context.unit, event: hook, effects, code, stderr });
    // A hook that fails writes nothing.
    return code === 0 ? effects : effects.filter(({ tool }) => tool !== 'relation-set');
  }

  /** @param {Application} app @param {boolean} leader @param {Event} event @returns {Promise<Effect[]>} */
  async #python(app, leader, { name, relation }) {
    const { python } = /** @type {{ python: import('./oracle.mjs').PythonCharm }} */ (app.charm);
    const seen = this.#of(app).map((each) => {
      const [near, far] = [this.#near(each, app), this.#far(each, app)];
      return { endpoint: near.endpoint, id: each.id, app: far.alias, remote: far.data, local: near.data };
    });
    const answer = await python.fire({ app: app.name, model: app.model, leader, name, relation: relation?.id, seen });
    this.runs.push({ app: app.name, unit: app.name, event: name, effects: [], code: answer ? 0 : 1, stderr: python.last?.error?.message ?? '' });
    return Object.entries(answer ?? {}).map(([id, data]) => ({ tool: 'relation-set', relation: Number(id), data }));
  }
}
