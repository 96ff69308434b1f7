// Python charms: the published library, run by the oracle.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pythonWithLibrary } from '../conformance/programs.mjs';

const ORACLE = fileURLToPath(new URL('../oracle/oracle.py', import.meta.url));

/**
 * @typedef {{ endpoint: string, id: number, app: string, remote: Record<string, string>, local: Record<string, string> }} Seen
 * @typedef {{ app: string, model: string, leader: boolean, name: string, relation: number | undefined, seen: Seen[] }} Hook
 * @typedef {{ fire(hook: Hook): Promise<Record<string, Record<string, string>> | null>, last: any }} PythonCharm own
 *   databags by relation; null where the charm raised. `last` is the oracle's last answer
 */

/** The oracle, asked one request at a time. */
export function openOracle() {
  const child = spawn(pythonWithLibrary(undefined), [ORACLE], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    /** @param {object} request */
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value } = await lines.next();
      return JSON.parse(String(value));
    },
    close() {
      child.stdin.end();
      child.kill();
    },
  };
}

/** @typedef {ReturnType<typeof openOracle>} Oracle */

/** Events that the oracle knows under another name, or not at all. @type {Record<string, string>} */
const NAMES = { leader_settings_changed: 'update_status', remove: 'update_status', stop: 'update_status' };

/** @param {any} answer */
function databags(answer) {
  if (answer.error?.type === 'BadRequest') throw new Error(`the oracle did not understand: ${answer.error.message}`);
  if (!answer.ok) return null;
  return Object.assign({}, ...Object.values(answer.ok.databags));
}

/** @param {Hook} hook */
function eventOf({ name, relation }) {
  return relation === undefined ? { name: NAMES[name] ?? name } : { name, relation_id: relation };
}

/**
 * @param {Oracle} oracle
 * @param {{ policies: object[], declared: string[] }} charm
 * @returns {PythonCharm}
 */
export function pythonConsumer(oracle, { policies, declared }) {
  return {
    last: null,
    async fire(hook) {
      const { app, model, leader, seen } = hook;
      /** @type {Record<string, object[]>} */
      const relations = {};
      for (const { endpoint, ...relation } of seen) (relations[endpoint] ??= []).push(relation);
      const meta = { name: app, namespace: model };
      const labels = { 'app.kubernetes.io/name': app };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'charm' }] } };
      const spec = { selector: { matchLabels: labels }, serviceName: app, template };
      const cluster = [
        { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: meta, spec },
        { apiVersion: 'v1', kind: 'Service', metadata: meta },
      ];
      const event = eventOf(hook);
      this.last = await oracle.ask({ op: 'consumer_databag', app, model, leader, event, relations, declared, policies, cluster });
      return databags(this.last);
    },
  };
}

/**
 * @param {Oracle} oracle
 * @param {Record<string, string>} labels
 * @returns {PythonCharm}
 */
export function pythonProvider(oracle, labels) {
  return {
    last: null,
    async fire(hook) {
      const { app, model, leader, seen } = hook;
      const relations = seen.map(({ endpoint: _, ...relation }) => relation);
      this.last = await oracle.ask({ op: 'provider', app, model, leader, event: eventOf(hook), relations, labels });
      return databags(this.last);
    },
  };
}
