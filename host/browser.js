// The package's entry in a browser: `await init()` before the first call.
export * from '../pkg/mesh_policy.js';
export { default } from '../pkg/mesh_policy.js';
export { MeshType, Method, PolicyTargetType } from './model.js';
