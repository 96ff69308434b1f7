// The library's enumerations, as JavaScript has them: frozen objects of their values; and its models, which the core
// validates when one is made: what does not fit throws an `Error` with `code` and `diagnostics`.
import { validate } from '../pkg/mesh_policy.js';

export const Method = Object.freeze(/** @type {const} */ ({
  connect: 'CONNECT', delete: 'DELETE', get: 'GET', head: 'HEAD', options: 'OPTIONS',
  patch: 'PATCH', post: 'POST', put: 'PUT', trace: 'TRACE',
}));

export const PolicyTargetType = Object.freeze(/** @type {const} */ ({ app: 'app', unit: 'unit' }));

export const MeshType = Object.freeze(/** @type {const} */ ({ istio: 'istio' }));

/** What may be requested; what is left out does not restrict. */
export class Endpoint {
  constructor(fields = {}) {
    Object.assign(this, validate('Endpoint', fields));
  }
}

/** Access to an application through its Service, for those related over an endpoint. */
export class AppPolicy {
  kind = /** @type {const} */ ('app');

  /** @param {unknown} fields */
  constructor(fields) {
    Object.assign(this, validate('AppPolicy', fields));
  }
}

/** Access to an application's pods, for those related over an endpoint. */
export class UnitPolicy {
  kind = /** @type {const} */ ('unit');

  /** @param {unknown} fields */
  constructor(fields) {
    Object.assign(this, validate('UnitPolicy', fields));
  }
}

/** @deprecated means what AppPolicy means */
export class Policy {
  kind = /** @type {const} */ ('policy');

  /** @param {unknown} fields */
  constructor(fields) {
    Object.assign(this, validate('Policy', fields));
  }
}

/** Who may reach whom, as charms tell their beacon. */
export class MeshPolicy {
  /** @param {unknown} fields */
  constructor(fields) {
    Object.assign(this, validate('MeshPolicy', fields));
  }
}

/** What a charm tells an application of another model about itself. */
export class CmrData {
  /** @param {unknown} fields */
  constructor(fields) {
    Object.assign(this, validate('CMRData', fields));
  }
}

/** What a beacon tells the charms that joined its mesh. */
export class ServiceMeshProviderAppData {
  /** @param {unknown} fields */
  constructor(fields) {
    Object.assign(this, validate('ServiceMeshProviderAppData', fields));
  }
}
