// `ServiceMeshConsumer`: a charm joins a mesh.
import { MeshPolicyError } from './errors.js';
import * as core from '../index.js';

/**
 * @typedef {import('./hook.js').Hook} Hook
 * @typedef {import('../juju.js').ServiceMeshConsumerOptions} Options
 * @typedef {import('../../pkg/mesh_policy.js').Diagnostic} Diagnostic
 *
 * @typedef {{ action: 'set-app-data', relationId: number, data: Record<string, string> }
 *   | { action: 'reconcile-labels', appName: string, namespace: string, labelConfigmapName: string, labels: Record<string, string> }
 *   | { action: 'remove-labels', appName: string, namespace: string, labelConfigmapName: string }} Action
 *
 * @typedef {{ actions: Action[], diagnostics: Diagnostic[], enabled: boolean, labels: Record<string, string>, meshType: 'istio' | null }} Answer
 */

export class ServiceMeshConsumer {
  #hook;
  #options;
  #client;
  /** @type {Answer | undefined} */
  #inspected;
  /** @type {Diagnostic[]} */
  diagnostics = [];

  /**
   * @param {Hook} hook
   * @param {Options} [options]
   */
  constructor(hook, { lightkubeClient, charm, ...given } = {}) {
    this.#hook = hook;
    this.#client = lightkubeClient;
    this.#options = charm
      ? { charm }
      : {
          meshRelationName: given.meshRelationName ?? 'service-mesh',
          crossModelMeshRequiresName: given.crossModelMeshRequiresName ?? 'require-cmr-mesh',
          crossModelMeshProvidesName: given.crossModelMeshProvidesName ?? 'provide-cmr-mesh',
          policies: given.policies ?? [],
          autoJoin: given.autoJoin ?? true,
          metadata: hook.metadata(),
        };
    // Wrong policies are the charm's fault, and show themselves at once.
    this.endpoints = this.#request('endpoints', { app: '', model: '', leader: false, event: { name: '' }, relations: [] });
  }

  /** @param {string} todo @param {import('../juju.js').UnitState} unit */
  #request(todo, unit) {
    const answer = JSON.parse(core.consumerHook(JSON.stringify({ do: todo, options: this.#options, unit })));
    if (answer.error) throw new MeshPolicyError(answer.error);
    return answer;
  }

  /** @param {'run' | 'update' | 'inspect'} todo @returns {Answer} */
  #ask(todo) {
    return this.#request(todo, this.#hook.state({ ...this.endpoints, models: true }));
  }

  #inspect() {
    return (this.#inspected ??= this.#ask('inspect'));
  }

  /** Whether there is a mesh. */
  get enabled() {
    return this.#inspect().enabled;
  }

  /** Labels that a pod needs to be in the mesh. */
  labels() {
    return this.#inspect().labels;
  }

  /** The kind of the mesh; null as long as it does not say. */
  meshType() {
    return this.#inspect().meshType;
  }

  /** Does what the hook asks for: databags by the leader, labels by every unit. */
  async handle() {
    await this.#carryOut(this.#ask('run'));
  }

  /** Writes the policies anew. A unit that does not lead writes nothing. */
  async updateServiceMesh() {
    await this.#carryOut(this.#ask('update'));
  }

  /** @param {Answer} answer */
  async #carryOut({ actions, diagnostics }) {
    this.diagnostics.push(...diagnostics);
    this.#hook.report(diagnostics);
    for (const { action, ...what } of actions) {
      if (action === 'set-app-data') {
        const { relationId, data } = /** @type {Extract<Action, { action: 'set-app-data' }>} */ (what);
        this.#hook.setAppData(undefined, relationId, data);
        continue;
      }
      const kubernetes = await import('../kubernetes.js');
      const client = (this.#client ??= new kubernetes.KubernetesClient({ fieldManager: this.#hook.app.name }));
      const options = /** @type {any} */ ({ fieldManager: this.#hook.app.name, ...what, client, logger: this.#hook.logger() });
      if (action === 'reconcile-labels') await kubernetes.reconcileCharmLabels(options);
      else await kubernetes.removeCharmLabels(options);
    }
  }
}
