import type { KubeChange, KubeFailure, KubeOutcome, KubeRemark, KubeRequest, MeshPolicy, Diagnostic } from '../pkg/mesh_policy.js';

export type { KubeChange, KubeFailure, KubeOutcome, KubeRemark, KubeRequest } from '../pkg/mesh_policy.js';

export interface ClientRequest {
  method: string;
  /** Percent-encoded, from the server's root. */
  path: string;
  /** Percent-encoded, without `?`. */
  query?: string;
  contentType?: string;
  body?: string;
  /** Aborted when nobody waits for the answer any more. */
  signal?: AbortSignal;
}

export interface ClientResponse {
  status: number;
  /** With lower-case names; `retry-after` is honoured. */
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** How the API server is reached. Anything with `request` will do. */
export interface Client {
  /** Rejects with a `ConnectionError` where there is no answer. Anything else that it throws ends the run as it is. */
  request(request: ClientRequest): Promise<ClientResponse>;
  /** The name under which it writes, in `metadata.managedFields`. */
  fieldManager?: string;
  /** The namespace that its configuration names. */
  namespace?(): Promise<string>;
  close?(): void;
}

export interface ClientOptions {
  /** A file. Without it: KUBECONFIG, `~/.kube/config`, the pod's service account, in this order. */
  kubeconfig?: string;
  /** Of the kubeconfig; without it the current one. */
  context?: string;
  fieldManager?: string;
  /** For one request, from its start to the end of its answer (30,000). */
  timeoutMs?: number;
  /** Of one answer (64 MiB). */
  maxResponseBytes?: number;
  /** Connections at a time (16). */
  maxSockets?: number;
}

/** By kubeconfig, certificates, tokens, credential programs or the pod's service account. */
export class KubernetesClient implements Client {
  constructor(options?: ClientOptions);
  readonly fieldManager: string | undefined;
  request(request: ClientRequest): Promise<ClientResponse>;
  namespace(): Promise<string>;
  /** The server's address. */
  server(): Promise<string>;
  close(): void;
}

/** There is no usable answer. */
export class ConnectionError extends Error {
  constructor(
    code: ConnectionError['code'],
    message: string,
    more?: { sent?: boolean; help?: string; cause?: unknown },
  );
  readonly code: 'config' | 'credentials' | 'unreachable' | 'timeout' | 'interrupted' | 'too-large';
  /** Whether the server may have got the request. */
  readonly sent: boolean;
  readonly help: string | undefined;
}

/** The cluster refused, or did not answer. What was done until then is in it. */
export class KubernetesError extends Error {
  constructor(failure: KubeFailure);
  readonly code: string;
  readonly diagnostic: Diagnostic;
  readonly diagnostics: Diagnostic[];
  /** What was changed, in order. */
  readonly changes: KubeChange[];
  /** What may have been changed: sent, and not answered in a way that tells. */
  readonly unresolved: KubeChange[];
}

export interface Logger {
  info?(message: string): void;
  warn?(message: string): void;
  error?(message: string): void;
}

interface Watching {
  /** Hears diagnostics. */
  logger?: Logger;
  /** In `metadata.managedFields`; without it the client's. */
  fieldManager?: string;
  /** Once aborted, nothing more is sent; a `KubernetesError` says what was done. */
  signal?: AbortSignal;
  onProgress?(progress: { phase: string; done: number; total: number }): void;
  onRequest?(request: KubeRequest): void;
}

export interface PolicyResourceManagerOptions extends Watching {
  /** In whose name policies are made. */
  charm: { app: { name: string }; model: { name: string } };
  lightkubeClient: Client;
  /** On every managed policy, and what they are found by. */
  labels?: Record<string, string | null> | null;
}

/** Manages the policy resources of one application: those that carry its labels. */
export class PolicyResourceManager {
  constructor(options: PolicyResourceManagerOptions);
  /**
   * Makes what is wanted and missing, changes what differs, removes what is managed and not wanted. Nothing wanted means
   * that all goes. A policy that cannot be made is named in `diagnostics` and left out; the others are applied.
   */
  reconcile(
    policies: Partial<MeshPolicy>[],
    meshType: 'istio',
    rawPolicies?: object[] | null,
    force?: boolean,
    ignoreMissing?: boolean,
  ): Promise<KubeOutcome>;
  /** Deletes all that is managed. */
  delete(ignoreMissing?: boolean): Promise<KubeOutcome>;
}

export interface CharmLabelsOptions extends Watching {
  client: Client;
  appName: string;
  namespace: string;
  /** The ConfigMap that remembers what was set (`juju-service-mesh-APP-labels`). */
  labelConfigmapName?: string;
}

/**
 * Sets labels on an application's pods (by its StatefulSet) and Service, and takes away those that an earlier call set and
 * this one does not. Changing labels restarts the pods.
 */
export function reconcileCharmLabels(
  options: CharmLabelsOptions & { labels: Record<string, string | null> },
): Promise<KubeOutcome>;

/** Takes all labels away that `reconcileCharmLabels` set, then the ConfigMap that remembers them. */
export function removeCharmLabels(options: CharmLabelsOptions): Promise<KubeOutcome>;

/** Reads what decides about access: namespaces, Services, pods, service accounts, gateways, policies and Istio's own settings. */
export function readMesh(
  options: Omit<Watching, 'fieldManager'> & {
    client: Client;
    /** These and Istio's; all unless given. */
    namespaces?: string[];
    /** Where Istio's settings are (`istio-system`). */
    rootNamespace?: string;
  },
): Promise<{
  /** The JSON text of a Kubernetes `List`. */
  manifests: string;
  /** What could not be read. */
  unknown: KubeRemark[];
}>;
