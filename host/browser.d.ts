export * from './index.js';
export { default } from '../pkg/mesh_policy.js';
