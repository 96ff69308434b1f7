export * from '../pkg/mesh_policy.js';
