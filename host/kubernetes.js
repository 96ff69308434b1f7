// `mesh-policy/kubernetes`: what the Python library's PolicyResourceManager and reconcile_charm_labels do, from Node.
// Names, arguments and meanings are the library's, in camelCase.
import * as core from './index.js';
import { KubernetesClient } from './kubernetes/client.js';
import { drive } from './kubernetes/drive.js';
import { ConnectionError } from './kubernetes/errors.js';

export { ConnectionError, KubernetesClient };

/**
 * @typedef {import('../pkg/mesh_policy.js').KubeOutcome} KubeOutcome
 * @typedef {import('../pkg/mesh_policy.js').KubeFailure} KubeFailure
 * @typedef {import('../pkg/mesh_policy.js').MeshPolicy} MeshPolicy
 * @typedef {import('./kubernetes/client.js').Client} Client
 * @typedef {Pick<import('./kubernetes/drive.js').DriveOptions, 'signal' | 'onProgress' | 'onRequest'>} Watching
 *
 * @typedef {object} Logger
 * @property {(message: string) => void} [info]
 * @property {(message: string) => void} [warn]
 * @property {(message: string) => void} [error]
 */

/** The cluster refused, or did not answer. What was done until then is in it. */
export class KubernetesError extends Error {
  /** @param {KubeFailure} failure */
  constructor(failure) {
    const { diagnostic, changes, unresolved, diagnostics } = failure;
    super(diagnostic.help ? `${diagnostic.message}: ${diagnostic.help}` : diagnostic.message);
    this.name = 'KubernetesError';
    this.code = diagnostic.code;
    this.diagnostic = diagnostic;
    this.diagnostics = [diagnostic, ...diagnostics];
    /** What was changed, in order. */
    this.changes = changes;
    /** What may have been changed: sent, and not answered in a way that tells. */
    this.unresolved = unresolved;
  }
}

/**
 * Runs a program; its failure is thrown.
 *
 * @param {import("../pkg/mesh_policy.js").Program} program
 * @param {Client} client
 * @param {Watching & { logger?: Logger }} watching
 * @returns {Promise<KubeOutcome>}
 */
async function run(program, client, { logger, ...watching }) {
  const end = await drive(program, client, watching);
  const result = 'done' in end ? end.done : end.failed;
  for (const { severity, code, message } of result.diagnostics) {
    const say = severity === 'error' ? logger?.error : severity === 'warning' ? logger?.warn : logger?.info;
    say?.call(logger, `${code}: ${message}`);
  }
  if ('failed' in end) throw new KubernetesError(end.failed);
  return end.done;
}

/** Manages the policy resources of one application: those that carry its labels. */
export class PolicyResourceManager {
  #identity;
  #client;
  #watching;

  /**
   * @param {object} options
   * @param {{ app: { name: string }, model: { name: string } }} options.charm in whose name policies are made
   * @param {Client} options.lightkubeClient how the API server is reached, such as a `KubernetesClient`
   * @param {Record<string, string | null> | null} [options.labels] on every managed policy, and what they are found by
   * @param {Logger} [options.logger] hears diagnostics
   * @param {string} [options.fieldManager] in `metadata.managedFields`; without it the client's, else the application's name
   * @param {AbortSignal} [options.signal] once aborted, nothing more is sent
   * @param {Watching['onProgress']} [options.onProgress]
   * @param {Watching['onRequest']} [options.onRequest]
   */
  constructor({ charm, lightkubeClient, labels = null, logger, fieldManager, signal, onProgress, onRequest }) {
    this.#identity = {
      appName: charm.app.name,
      modelName: charm.model.name,
      labels,
      fieldManager: fieldManager ?? lightkubeClient.fieldManager ?? charm.app.name,
    };
    this.#client = lightkubeClient;
    this.#watching = { logger, signal, onProgress, onRequest };
  }

  /**
   * Makes what is wanted and missing, changes what differs, removes what is managed and not wanted. Nothing wanted means
   * that all goes. A policy that cannot be made is named in `diagnostics` and left out; the others are applied.
   *
   * @param {Partial<MeshPolicy>[]} policies
   * @param {'istio'} meshType
   * @param {object[] | null} [rawPolicies] AuthorizationPolicies to be managed as they are
   * @param {boolean} [force] take over what other field managers changed in managed policies
   * @param {boolean} [ignoreMissing] deleting what is gone already is no error
   * @returns {Promise<KubeOutcome>}
   */
  async reconcile(policies, meshType, rawPolicies = [], force = true, ignoreMissing = true) {
    const options = { ...this.#identity, policies, meshType, rawPolicies: rawPolicies ?? [], force, ignoreMissing };
    return run(core.Program.reconcilePolicies(options), this.#client, this.#watching);
  }

  /**
   * Deletes all that is managed.
   *
   * @param {boolean} [ignoreMissing]
   * @returns {Promise<KubeOutcome>}
   */
  async delete(ignoreMissing = true) {
    return run(core.Program.deletePolicies({ ...this.#identity, ignoreMissing }), this.#client, this.#watching);
  }
}

/**
 * Sets labels on an application's pods (by its StatefulSet) and Service, and takes away those that an earlier call set and
 * this one does not. Labels that nobody set through this function are left alone. Changing labels restarts the pods.
 *
 * @param {object} options
 * @param {Client} options.client
 * @param {string} options.appName
 * @param {string} options.namespace
 * @param {string} [options.labelConfigmapName] the ConfigMap that remembers what was set
 * @param {Record<string, string | null>} options.labels
 * @param {Logger} [options.logger]
 * @param {string} [options.fieldManager]
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<KubeOutcome>}
 */
export async function reconcileCharmLabels({ client, appName, namespace, labelConfigmapName, labels, fieldManager, ...watching }) {
  const options = { appName, namespace, labelConfigmapName, labels, fieldManager: fieldManager ?? client.fieldManager };
  return run(core.Program.reconcileCharmLabels(options), client, watching);
}

/**
 * Takes all labels away that `reconcileCharmLabels` set, then the ConfigMap that remembers them.
 *
 * @param {object} options
 * @param {Client} options.client
 * @param {string} options.appName
 * @param {string} options.namespace
 * @param {string} [options.labelConfigmapName]
 * @param {Logger} [options.logger]
 * @param {string} [options.fieldManager]
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<KubeOutcome>}
 */
export async function removeCharmLabels({ client, appName, namespace, labelConfigmapName, fieldManager, ...watching }) {
  const options = { appName, namespace, labelConfigmapName, fieldManager: fieldManager ?? client.fieldManager };
  return run(core.Program.removeCharmLabels(options), client, watching);
}

/**
 * Reads what decides about access: namespaces, Services, pods, service accounts, gateways, policies and Istio's own settings.
 *
 * @param {object} options
 * @param {Client} options.client
 * @param {string[]} [options.namespaces] these and Istio's; all unless given
 * @param {string} [options.rootNamespace] where Istio's settings are (`istio-system`)
 * @param {Logger} [options.logger]
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<{ manifests: string, unknown: KubeOutcome['unknown'] }>} the JSON text of a Kubernetes `List`, and what
 *   could not be read
 */
export async function readMesh({ client, namespaces, rootNamespace, ...watching }) {
  const { manifests, unknown } = await run(core.Program.readMesh({ namespaces, rootNamespace }), client, watching);
  return { manifests: manifests ?? '', unknown };
}
