// A hook as Juju runs it: what it is about, and what Juju tells when asked. Nothing is kept from one hook to the next.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HookToolError, hookTools } from './tools.js';

/**
 * @typedef {import('../../pkg/mesh_policy.js').Diagnostic} Diagnostic
 * @typedef {import('../juju.js').HookTools} HookTools
 * @typedef {import('../juju.js').UnitState} UnitState
 * @typedef {import('../juju.js').RelationState} RelationState
 */

const RELATION_EVENT = /^(.+)-(relation-(?:created|joined|changed|departed|broken))$/;
/** Juju's own tools take no longer argument than this. */
const LONGEST_MESSAGE = 32 * 1024;

/** Half a surrogate pair is no character, and no databag of Juju's holds one. @param {string} text */
const wellFormed = (text) => text.replace(/\p{Surrogate}/gu, '\ufffd');

/** JSON that is also YAML for every reader: ASCII alone. @param {unknown} value */
function asciiJson(value) {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export class Hook {
  #env;
  #tools;
  /** @type {Map<string, unknown>} */
  #told = new Map();

  /**
   * @param {object} [options]
   * @param {NodeJS.ProcessEnv} [options.env] what Juju says of the hook
   * @param {HookTools} [options.tools] how Juju is asked
   */
  constructor({ env = process.env, tools = hookTools(env) } = {}) {
    this.#env = env;
    this.#tools = tools;
    const unit = env.JUJU_UNIT_NAME ?? '';
    const [app, number] = unit.split('/');
    if (!app || !number || !env.JUJU_MODEL_NAME) {
      throw new HookToolError('', 'JUJU_UNIT_NAME and JUJU_MODEL_NAME are not set: run this in a hook, from `dispatch`');
    }
    this.unit = Object.freeze({ name: unit });
    this.app = Object.freeze({ name: app });
    this.model = Object.freeze({ name: env.JUJU_MODEL_NAME, uuid: env.JUJU_MODEL_UUID });
    this.event = Object.freeze(this.#event());
  }

  #event() {
    const { JUJU_HOOK_NAME, JUJU_DISPATCH_PATH, JUJU_ACTION_NAME, JUJU_RELATION_ID } = this.#env;
    const hook = JUJU_HOOK_NAME || (JUJU_DISPATCH_PATH ?? '').split('/').at(-1) || '';
    const relation = RELATION_EVENT.exec(hook);
    const id = Number(/(\d+)$/.exec(JUJU_RELATION_ID ?? '')?.[1] ?? NaN);
    if (!JUJU_ACTION_NAME && relation && Number.isSafeInteger(id)) {
      return { name: (relation[2] ?? '').replaceAll('-', '_'), endpoint: relation[1], relationId: id };
    }
    return { name: JUJU_ACTION_NAME ? 'action' : hook.replaceAll('-', '_') };
  }

  /**
   * @template T
   * @param {string} key
   * @param {() => T} ask
   * @returns {T}
   */
  #once(key, ask) {
    if (!this.#told.has(key)) this.#told.set(key, ask());
    return /** @type {T} */ (this.#told.get(key));
  }

  /** @param {string} tool @param {string[]} args */
  #ask(tool, args) {
    const text = this.#tools.run(tool, [...args, '--format=json']);
    try {
      return JSON.parse(text);
    } catch {
      throw new HookToolError(tool, `\`${tool}\` did not answer in JSON`);
    }
  }

  /** Whether this unit leads its application. */
  isLeader() {
    return this.#once('leader', () => this.#ask('is-leader', []) === true);
  }

  /** The charm's configuration. @returns {Record<string, string | number | boolean>} */
  config() {
    return this.#once('config', () => this.#ask('config-get', ['--all']));
  }

  /** How many units the application is to have; 0 when all of it goes. */
  plannedUnits() {
    const { units = {} } = this.#ask('goal-state', []) ?? {};
    return Object.values(units).filter((unit) => unit?.status !== 'dying').length;
  }

  /** Numbers of the relations over an endpoint. @param {string} endpoint @returns {number[]} */
  relationIds(endpoint) {
    return this.#once(`ids ${endpoint}`, () => {
      const ids = this.#ask('relation-ids', [endpoint]);
      if (!Array.isArray(ids)) return [];
      return ids.map((id) => Number(String(id).split(':').at(-1))).filter(Number.isSafeInteger);
    });
  }

  /** The application at the far side. @param {string} endpoint @param {number} id @returns {string | null} */
  remoteApp(endpoint, id) {
    return this.#once(`app ${id}`, () => {
      const { event } = this;
      if (event.relationId === id && this.#env.JUJU_REMOTE_APP) return this.#env.JUJU_REMOTE_APP;
      try {
        const app = this.#ask('relation-list', ['-r', `${endpoint}:${id}`, '--app']);
        return typeof app === 'string' && app !== '' ? app : null;
      } catch (error) {
        // A relation may go while the hook runs.
        if (error instanceof HookToolError) return null;
        throw error;
      }
    });
  }

  /**
   * Whether the far side lives in another model; undefined where this Juju cannot tell.
   * @param {string} endpoint @param {number} id @returns {boolean | undefined}
   */
  isCrossModel(endpoint, id) {
    return this.#once(`model ${id}`, () => {
      if (!this.model.uuid || !this.#tools.has?.('relation-model-get')) return undefined;
      try {
        const { uuid } = this.#ask('relation-model-get', ['-r', `${endpoint}:${id}`]) ?? {};
        return typeof uuid === 'string' && uuid !== '' ? uuid !== this.model.uuid : undefined;
      } catch (error) {
        if (error instanceof HookToolError) return undefined;
        throw error;
      }
    });
  }

  /**
   * The databag of the application at the far side.
   * @param {string} endpoint @param {number} id @param {string} app
   * @returns {Record<string, string>}
   */
  remoteData(endpoint, id, app) {
    return this.#once(`data ${id}`, () => {
      const data = this.#ask('relation-get', ['-r', `${endpoint}:${id}`, '-', app, '--app']) ?? {};
      const entries = Object.entries(data).map(([key, value]) => [wellFormed(key), wellFormed(String(value))]);
      return Object.fromEntries(entries);
    });
  }

  /**
   * Writes into the application's own databag. Only a leader may.
   * @param {string | undefined} endpoint @param {number} id @param {Record<string, string>} data
   */
  setAppData(endpoint, id, data) {
    const relation = endpoint === undefined ? String(id) : `${endpoint}:${id}`;
    // By standard input: an argument may not be longer than 128 KiB.
    this.#tools.run('relation-set', ['-r', relation, '--app', '--file', '-'], asciiJson(data));
  }

  /** @param {'DEBUG' | 'INFO' | 'WARNING' | 'ERROR'} level @param {string} message */
  log(level, message) {
    const text = wellFormed(message.slice(0, LONGEST_MESSAGE)).replaceAll('\0', '\ufffd');
    this.#tools.run('juju-log', ['-l', level, '--', text]);
  }

  /** Juju's log, for whoever takes a logger. */
  logger() {
    return {
      info: (/** @type {string} */ message) => this.log('INFO', message),
      warn: (/** @type {string} */ message) => this.log('WARNING', message),
      error: (/** @type {string} */ message) => this.log('ERROR', message),
    };
  }

  /** @param {Diagnostic[]} diagnostics */
  report(diagnostics) {
    const levels = /** @type {const} */ ({ error: 'ERROR', warning: 'WARNING', note: 'INFO' });
    for (const { severity, code, message, place, help } of diagnostics) {
      const where = place ? `${place.file} line ${place.line} column ${place.column}: ` : '';
      this.log(levels[severity], `${where}${message} [${code}]${help ? `; ${help}` : ''}`);
    }
  }

  /** @param {'active' | 'blocked' | 'waiting' | 'maintenance'} status @param {string} [message] */
  setStatus(status, message = '') {
    this.#tools.run('status-set', [status, message.slice(0, LONGEST_MESSAGE)]);
  }

  /** The text of the charm's `metadata.yaml`, or `charmcraft.yaml`; undefined where there is neither. */
  metadata() {
    return this.#once('metadata', () => {
      const folder = this.#env.JUJU_CHARM_DIR ?? this.#env.CHARM_DIR;
      for (const name of folder ? ['metadata.yaml', 'charmcraft.yaml'] : []) {
        try {
          return readFileSync(join(/** @type {string} */ (folder), name), 'utf8');
        } catch {
          // The other one, then.
        }
      }
      return undefined;
    });
  }

  /**
   * What the core is told: the relations over some endpoints, and of some their far databags.
   *
   * @param {object} wanted
   * @param {string[]} wanted.endpoints
   * @param {string[]} wanted.read endpoints whose far databags are read
   * @param {boolean} [wanted.models] ask which relations lead to other models
   * @returns {UnitState}
   */
  state({ endpoints, read, models = false }) {
    const { event } = this;
    const broken = event.name === 'relation_broken' ? event.relationId : undefined;
    const relations = endpoints.flatMap((endpoint) =>
      this.relationIds(endpoint).map((id) => {
        const app = this.remoteApp(endpoint, id);
        /** @type {RelationState} */
        const relation = { endpoint, id, app };
        if (models) relation.crossModel = this.isCrossModel(endpoint, id);
        if (app !== null && id !== broken && read.includes(endpoint)) {
          try {
            relation.remote = this.remoteData(endpoint, id, app);
          } catch (error) {
            if (!(error instanceof HookToolError)) throw error;
            relation.unreadable = error.message;
          }
        }
        return relation;
      }),
    );
    return { app: this.app.name, model: this.model.name, leader: this.isLeader(), event, relations };
  }
}
