// Tokens (JWT) that Envoy takes for valid, with any claims.

import { generateKeyPairSync, sign } from "node:crypto";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

/** What they are checked with. */
export const JWKS = JSON.stringify({
  keys: [{ ...publicKey.export({ format: "jwk" }), kid: "test", alg: "ES256", use: "sig" }],
});

// RFC 7519 has them as single strings.
const SINGLE = new Set(["iss", "sub"]);

/**
 * @param {Record<string, string[]>} claims By path, joined by dots.
 * @returns {string}
 */
export function token(claims) {
  /** @type {Record<string, any>} */
  const payload = {};
  for (const [path, values] of Object.entries(claims)) {
    const names = path.split(".");
    const last = names.pop() ?? "";
    let at = payload;
    for (const name of names) at = at[name] ??= {};
    if (SINGLE.has(path) && values.length > 1) throw new Error(`more than one \`${path}\`: ${values.join(", ")}`);
    at[last] = SINGLE.has(path) ? values[0] : values;
  }
  const part = (/** @type {unknown} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "ES256", kid: "test", typ: "JWT" })}.${part(payload)}`;
  const signature = sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}
