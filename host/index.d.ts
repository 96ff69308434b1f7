// The core's handles have `[Symbol.dispose]`, which older `lib` settings do not know.
/// <reference lib="esnext.disposable" />
export * from '../pkg/mesh_policy.js';
export declare const Method: Readonly<{
  connect: 'CONNECT'; delete: 'DELETE'; get: 'GET'; head: 'HEAD'; options: 'OPTIONS';
  patch: 'PATCH'; post: 'POST'; put: 'PUT'; trace: 'TRACE';
}>;
export declare const PolicyTargetType: Readonly<{ app: 'app'; unit: 'unit' }>;
export declare const MeshType: Readonly<{ istio: 'istio' }>;
