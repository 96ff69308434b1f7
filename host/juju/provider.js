// `ServiceMeshProvider`: a charm provides a mesh.
import { MeshPolicyError } from './errors.js';
import * as core from '../index.js';

/**
 * @typedef {import('./hook.js').Hook} Hook
 * @typedef {import('../juju.js').ServiceMeshProviderOptions} Options
 * @typedef {import('../../pkg/mesh_policy.js').Diagnostic} Diagnostic
 * @typedef {import('../../pkg/mesh_policy.js').MeshPolicy} MeshPolicy
 */

export class ServiceMeshProvider {
  #hook;
  #options;
  /** What `meshInfo` with a check set aside, or found. @type {Diagnostic[]} */
  diagnostics = [];

  /**
   * @param {Hook} hook
   * @param {Options} options
   */
  constructor(hook, { labels, meshType, meshRelationName = 'service-mesh' }) {
    this.#hook = hook;
    this.#options = { labels, meshType, meshRelationName };
    // Wrong labels are the charm's fault, and show themselves at once.
    this.#request('run', { app: '', model: '', leader: false, event: { name: '' }, relations: [] });
  }

  /** @param {string} todo @param {import('../juju.js').UnitState} unit @param {object} [more] */
  #request(todo, unit, more) {
    const request = { do: todo, options: { ...this.#options, ...more }, unit };
    const answer = JSON.parse(core.providerHook(JSON.stringify(request)));
    if (answer.error) throw new MeshPolicyError(answer.error);
    return answer;
  }

  /** @param {'run' | 'update'} todo */
  #write(todo) {
    const endpoints = [this.#options.meshRelationName];
    const { actions } = this.#request(todo, this.#hook.state({ endpoints, read: [] }));
    for (const { relationId, data } of actions) this.#hook.setAppData(endpoints[0], relationId, data);
  }

  /** Does what the hook asks for. */
  async handle() {
    this.#write('run');
  }

  /** Tells all related applications how to join. A unit that does not lead writes nothing. */
  updateRelations() {
    this.#write('update');
  }

  /**
   * The policies that related applications ask for. Without `ownership` they are taken as they are, and one databag that
   * cannot be read makes this throw, as in the Python library. With it, each databag is judged by itself: what cannot be
   * used is set aside and said in `diagnostics` and Juju's log; `enforce` leaves out policies on targets that their
   * sender does not own, `report` keeps them and says so.
   *
   * @param {{ ownership?: 'enforce' | 'report', applications?: string[] }} [options]
   * @returns {MeshPolicy[]}
   */
  meshInfo({ ownership, applications = [] } = {}) {
    const endpoints = [this.#options.meshRelationName];
    const state = this.#hook.state({ endpoints, read: endpoints, models: ownership !== undefined });
    if (ownership === undefined) return this.#request('info', state).policies;
    const { policies, diagnostics } = this.#request('checkedInfo', state, { ownership, applications });
    this.diagnostics.push(...diagnostics);
    this.#hook.report(diagnostics);
    return policies;
  }
}
