// The core's handles have `[Symbol.dispose]`, which older `lib` settings do not know.
/// <reference lib="esnext.disposable" />
import type * as core from '../pkg/mesh_policy.js';

export * from '../pkg/mesh_policy.js';
export declare const Method: Readonly<{
  connect: 'CONNECT'; delete: 'DELETE'; get: 'GET'; head: 'HEAD'; options: 'OPTIONS';
  patch: 'PATCH'; post: 'POST'; put: 'PUT'; trace: 'TRACE';
}>;
export declare const PolicyTargetType: Readonly<{ app: 'app'; unit: 'unit' }>;
export declare const MeshType: Readonly<{ istio: 'istio' }>;

// The models: a type, and a class that validates what it is made of and fills in what was left out. What does not fit
// throws a `MeshPolicyError`.

export type Endpoint = core.Endpoint;
export declare const Endpoint: new (fields?: core.EndpointInput) => Endpoint;

export type AppPolicy = core.AppPolicy;
export declare const AppPolicy: new (fields: Omit<AppPolicy, 'kind'>) =>
  AppPolicy & { endpoints: Endpoint[]; service: string | null };

export type UnitPolicy = core.UnitPolicy;
export declare const UnitPolicy: new (fields: Omit<UnitPolicy, 'kind'>) => UnitPolicy & { ports: number[] | null };

/** @deprecated means what AppPolicy means */
export type Policy = core.Policy;
/** @deprecated means what AppPolicy means */
export declare const Policy: new (fields: Omit<Policy, 'kind'>) =>
  Policy & { endpoints: Endpoint[]; service: string | null };

export type MeshPolicy = core.MeshPolicy;
/** What a MeshPolicy is made of: the target's type is `app` unless given. */
export type MeshPolicyFields =
  Pick<MeshPolicy, 'source_namespace' | 'source_app_name' | 'target_namespace'>
  & Partial<Omit<MeshPolicy, 'endpoints'>>
  & { endpoints?: core.EndpointInput[] };
export declare const MeshPolicy: new (fields: MeshPolicyFields) => MeshPolicy;

export type CmrData = core.CmrData;
export declare const CmrData: new (fields: CmrData) => CmrData;

export interface ServiceMeshProviderAppData { labels: Record<string, string>; mesh_type: 'istio' }
export declare const ServiceMeshProviderAppData: new (fields: ServiceMeshProviderAppData) => ServiceMeshProviderAppData;
