import type { CharmPolicy, Diagnostic, MeshPolicy } from '../pkg/mesh_policy.js';
import type { Client, Logger } from './kubernetes.js';

/** How Juju is asked: the real hook tools, or something in their place. */
export interface HookTools {
  /** Runs a tool and returns what it writes. Throws a `HookToolError` where it fails. */
  run(tool: string, args: string[], input?: string): string;
  /** Whether there is such a tool; newer Juju has more of them. */
  has?(tool: string): boolean;
}

/** Juju's own tools, from the folder of PATH that has `relation-get`. Run by absolute path, without a shell. */
export declare function hookTools(env?: Record<string, string | undefined>): HookTools;

/** A hook tool could not be run, or failed. */
export declare class HookToolError extends Error {
  constructor(tool: string, message: string);
  readonly code: 'hook-tool-failed';
  readonly tool: string;
}

/** The charm is wrong: a policy that is not valid, or on an endpoint that is not declared. */
export declare class MeshPolicyError extends Error {
  constructor(error: { code: string; message: string });
  readonly code: string;
}

export interface HookEvent {
  /** `relation_created`, `config_changed`, `upgrade_charm` … */
  readonly name: string;
  readonly endpoint?: string;
  readonly relationId?: number;
}

/** A relation as the unit sees it. */
export interface RelationState {
  endpoint: string;
  id: number;
  app: string | null;
  /** Whether the far side lives in another model; left out where Juju cannot tell. */
  crossModel?: boolean;
  /** The far application's databag. */
  remote?: Record<string, string>;
  /** Why it could not be read. */
  unreadable?: string;
}

export interface UnitState {
  app: string;
  model: string;
  leader: boolean;
  event: HookEvent;
  relations: RelationState[];
}

/** A hook as Juju runs it. What Juju tells is asked for once and kept for this hook alone. */
export declare class Hook {
  constructor(options?: { env?: Record<string, string | undefined>; tools?: HookTools });
  readonly unit: { readonly name: string };
  readonly app: { readonly name: string };
  readonly model: { readonly name: string; readonly uuid: string | undefined };
  readonly event: HookEvent;
  isLeader(): boolean;
  config(): Record<string, string | number | boolean>;
  /** How many units the application is to have; 0 when all of it goes. */
  plannedUnits(): number;
  relationIds(endpoint: string): number[];
  remoteApp(endpoint: string, id: number): string | null;
  /** Undefined where this Juju cannot tell. */
  isCrossModel(endpoint: string, id: number): boolean | undefined;
  remoteData(endpoint: string, id: number, app: string): Record<string, string>;
  setAppData(endpoint: string | undefined, id: number, data: Record<string, string>): void;
  log(level: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR', message: string): void;
  /** Juju's log, for `PolicyResourceManager` and its like. */
  logger(): Logger;
  report(diagnostics: Diagnostic[]): void;
  setStatus(status: 'active' | 'blocked' | 'waiting' | 'maintenance', message?: string): void;
  metadata(): string | undefined;
  state(wanted: { endpoints: string[]; read: string[]; models?: boolean }): UnitState;
}

export interface ServiceMeshConsumerOptions {
  /** The endpoint of the mesh (`service-mesh`). */
  meshRelationName?: string;
  /** The endpoint that tells applications of other models who this one is (`require-cmr-mesh`). */
  crossModelMeshRequiresName?: string;
  /** The endpoint over which applications of other models tell who they are (`provide-cmr-mesh`). */
  crossModelMeshProvidesName?: string;
  /** Who may reach this application. */
  policies?: CharmPolicy[];
  /** Put the mesh's labels onto pods and Service (true). */
  autoJoin?: boolean;
  /** How the API server is reached; without it, the service account of the pod. */
  lightkubeClient?: Client;
  /** A charm file that says all of the above but the client, in place of it. */
  charm?: { file: string; text: string };
}

/** A charm joins a mesh. */
export declare class ServiceMeshConsumer {
  constructor(hook: Hook, options?: ServiceMeshConsumerOptions);
  /** What was set aside in this hook, and why. */
  readonly diagnostics: Diagnostic[];
  /** Whether there is a mesh. */
  get enabled(): boolean;
  /** Labels that a pod needs to be in the mesh; none as long as the mesh says none. */
  labels(): Record<string, string>;
  meshType(): 'istio' | null;
  /** Does what the hook asks for: databags by the leader, labels by every unit, clean-up by the leader. */
  handle(): Promise<void>;
  /** Writes the policies anew. A unit that does not lead writes nothing. */
  updateServiceMesh(): Promise<void>;
}

export interface ServiceMeshProviderOptions {
  /** Labels that put a pod or Service on the mesh. */
  labels: Record<string, string>;
  meshType: 'istio';
  /** The endpoint of the mesh (`service-mesh`). */
  meshRelationName?: string;
}

/** A charm provides a mesh. */
export declare class ServiceMeshProvider {
  constructor(hook: Hook, options: ServiceMeshProviderOptions);
  /** What `meshInfo` with `ownership` set aside, or found. */
  readonly diagnostics: Diagnostic[];
  /** Does what the hook asks for. */
  handle(): Promise<void>;
  /** Tells all related applications how to join. A unit that does not lead writes nothing. */
  updateRelations(): void;
  /**
   * The policies that related applications ask for. Without `ownership` they are taken as they are, and a databag that
   * cannot be read makes this throw, as in the Python library. With it each databag is judged by itself: what cannot be
   * used is set aside and said in `diagnostics` and in Juju's log. `enforce` leaves out policies on targets that their
   * sender does not own; `report` keeps them and says so. `applications` are names of the model's applications beyond
   * those that are related.
   */
  meshInfo(options?: { ownership?: 'enforce' | 'report'; applications?: string[] }): MeshPolicy[];
}
