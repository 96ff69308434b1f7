// The page's Content-Security-Policy lets a worker start only from an address that this policy has passed.

/** @typedef {{ createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string } }} Factory */

const policy = /** @type {{ trustedTypes?: Factory }} */ (globalThis).trustedTypes?.createPolicy("mesh-policy", {
  createScriptURL(url) {
    if (new URL(url, location.href).origin !== location.origin) throw new TypeError("a worker of another origin");
    return url;
  },
});

/**
 * @param {string} url of this page's own build
 * @param {string} name
 */
export function startWorker(url, name) {
  // A browser without trusted types takes the address as it is.
  return new Worker(policy ? policy.createScriptURL(url) : url, { type: "module", name });
}
