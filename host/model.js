// The library's enumerations, as JavaScript has them: frozen objects of their values.

export const Method = Object.freeze(/** @type {const} */ ({
  connect: 'CONNECT', delete: 'DELETE', get: 'GET', head: 'HEAD', options: 'OPTIONS',
  patch: 'PATCH', post: 'POST', put: 'PUT', trace: 'TRACE',
}));

export const PolicyTargetType = Object.freeze(/** @type {const} */ ({ app: 'app', unit: 'unit' }));

export const MeshType = Object.freeze(/** @type {const} */ ({ istio: 'istio' }));
