// The values that random policies and requests are made of: few, so that they meet, and awkward, so that they nearly do.

/** @typedef {import("./random.mjs").Random} Random */

// `ns` and `sa` are here because Envoy finds the parts of an identity by regular expressions over the whole of it.
export const NAMESPACES = ["shop", "pay", "admin", "ns", "sa", "visa", "shop-dev"];
export const ACCOUNTS = ["web", "api", "ns", "shop", "sa"];
export const ROOT = "istio-system";
/** The Gateway of the pods asked at an ingress gateway. */
export const EDGE = "edge";
export const SOURCE_IPS = ["127.0.0.2", "127.0.0.3", "127.0.0.6"];
export const PORTS = [8080, 9090, 3000, 443];
const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
const PATHS = [
  "/",
  "/a",
  "/a/b",
  "/api",
  "/api/",
  "/api/v1/users",
  "/api/v1/users/42",
  "/admin",
  "/admin/reset",
  "/metrics",
  "/v1/metrics",
  "/healthz",
  "/static/app.js",
  "//api",
];
const TEMPLATES = [
  "/a/{*}/b",
  "/a/{**}",
  "/a/{**}/b",
  "/{**}",
  "/{*}",
  "/{*}/metrics",
  "/{**}/metrics",
  "/{*}/{**}",
  "/api/{*}/users/{*}",
  "/api/v1/{**}",
  "/x/{*}/",
  "/admin/{**}/",
  "/a.b/{*}",
  "/%61/{*}",
  "/A/{**}",
];
const HOSTS = [
  "web.shop",
  "web.shop.svc.cluster.local",
  "api.shop",
  "api.example.com",
  "web.shop:8080",
  "web",
  "10.96.0.10",
];
// Envoy joins the values of two, and sets the last itself if it likes.
const HEADERS = ["X-Env", "x-env", "X-Role", "x-tenant", "User-Agent", "X-Forwarded-Host", "X-Request-Id"];
const HEADER_VALUES = ["prod", "dev", "prod,dev", "admin", "PROD", "a b", "prod2", "*x"];

/**
 * A value as a policy may write it: whole, cut to a prefix or suffix, or with a star where it means itself.
 * @param {Random} r
 * @param {string} value
 */
export function pattern(r, value) {
  const cut = r.below(value.length + 1);
  return r.weighted([
    [6, value],
    [2, `${value.slice(0, Math.max(1, cut))}*`],
    [2, `*${value.slice(Math.min(cut, value.length - 1))}`],
    [1, "*"],
    [0.3, `${value.slice(0, cut)}*${value.slice(cut)}`],
    [0.2, `*${value.slice(1, -1) || "a"}*`],
    [0.1, "**"],
    [0.2, value.toUpperCase()],
  ]);
}

/**
 * @param {Random} r
 * @param {string} trustDomain
 */
export function principal(r, trustDomain) {
  const [ns, sa] = [r.pick(NAMESPACES), r.pick(ACCOUNTS)];
  const whole = `${r.weighted([
    [8, trustDomain],
    [2, "cluster.local"],
    [1, "other.td"],
    [0.5, "Cluster.local"],
    [0.5, "old.td"],
  ])}/ns/${ns}/sa/${sa}`;
  return r.weighted([
    [6, whole],
    [1, `${trustDomain}/ns/${ns}/*`],
    [1, `*/ns/${ns}/sa/${sa}`],
    [1, `*/sa/${sa}`],
    [0.5, `*/ns/${ns}/*`],
    [0.3, `*local/ns/${ns}/sa/${sa}`],
    [0.3, `spiffe://${whole}`],
    [0.2, `${trustDomain}/ns/${ns}`],
    [1, pattern(r, whole)],
  ]);
}

/** @param {Random} r */
export const namespaces = (r) =>
  r.weighted([
    [8, pattern(r, r.pick(NAMESPACES))],
    [0.3, "*a"],
    [0.3, `${r.pick(NAMESPACES)}/sa`],
    [0.2, `${r.pick(NAMESPACES)}/sa/${r.pick(ACCOUNTS)}`],
    [0.2, "s.op"],
    [0.2, "*/sa/*"],
  ]);

/** @param {Random} r */
export const serviceAccount = (r) =>
  r.weighted([
    [2, r.pick(ACCOUNTS)],
    [3, `${r.pick(NAMESPACES)}/${r.pick(ACCOUNTS)}`],
    [0.2, "s.op/web"],
  ]);

/**
 * @param {Random} r
 * @param {string} trustDomain
 * @param {boolean} slash Whether a slash may be in it, as in `when`.
 */
export const trustDomain = (r, trustDomain, slash) =>
  r.weighted([
    [4, trustDomain],
    [1, "cluster.local"],
    [1, "old.td"],
    [1, "other.td"],
    [1, "*"],
    [1, `${trustDomain.slice(0, 3)}*`],
    [1, `*${trustDomain.slice(-3)}`],
    [0.3, trustDomain.toUpperCase()],
    [0.3, "cluster-local"],
    [slash ? 0.7 : 0, `${trustDomain}/ns/${r.pick(NAMESPACES)}`],
    [slash ? 0.3 : 0, `${trustDomain}/ns/*`],
  ]);

/**
 * @param {Random} r
 * @param {readonly string[]} near Addresses that requests have.
 */
export const ipBlock = (r, near) =>
  r.weighted([
    [4, r.pick(near)],
    [2, `${r.pick(near)}/${r.pick(r.pick(near).includes(":") ? [31, 30] : [32, 31, 30, 29, 24])}`],
    [1, "127.0.0.0/30"],
    [0.5, "127.0.0.5/30"],
    [0.5, "127.0.0.0/8"],
    [0.5, "10.0.0.0/8"],
    [0.3, "0.0.0.0/0"],
    [0.3, "::/0"],
    [0.3, "::1"],
    [0.3, "2001:db8::/32"],
    [0.3, "2001:DB8:0::1"],
    [0.3, "::ffff:127.0.0.2"],
    [0.2, "::ffff:127.0.0.0/104"],
  ]);

/** @param {Random} r */
export const port = (r) =>
  r.weighted([
    [10, String(r.pick(PORTS))],
    [0.5, "0"],
    [0.5, "65535"],
    [0.5, "08080"],
    [0.5, "80"],
  ]);

/** @param {Random} r */
export const method = (r) =>
  r.weighted([
    [8, r.pick(METHODS)],
    [2, pattern(r, r.pick(METHODS))],
    [0.3, "get"],
    [0.2, "GET "],
  ]);

/** @param {Random} r */
export const path = (r) =>
  r.weighted([
    [4, r.pick(PATHS)],
    [4, pattern(r, r.pick(PATHS))],
    [4, r.pick(TEMPLATES)],
    [0.4, "/x/../a"],
    [0.4, "/a?x=1"],
    [0.4, "/a%2Fb"],
    [0.4, "/a%2fb"],
    [0.3, "/%61"],
    [0.3, "a"],
    [0.3, "/v1/*/metrics"],
    [0.2, "/*/"],
    // Istio takes them; Envoy does not.
    [0.06, r.pick(["{*}", "{**}/a", "a/{*}", "/{*}//", "//{**}", `/${"a".repeat(256)}/{*}`])],
  ]);

/** @param {Random} r */
export const host = (r) =>
  r.weighted([
    [4, r.pick(HOSTS)],
    [3, pattern(r, r.pick(HOSTS))],
    [1, `${r.pick(["web.shop", "web"])}:*`],
    [1, "*:8080"],
    [1, "*.shop"],
  ]);

/** @param {Random} r */
export const headerName = (r) => r.pick(HEADERS);

/**
 * A gateway makes up another request id each time: what is asked of it has the same answer for all of them.
 * @param {Random} r
 * @param {string} name
 */
export const headerValue = (r, name) =>
  name === "X-Request-Id"
    ? r.pick(["*", "*x", "prod*", "admin"])
    : r.weighted([
        [3, r.pick(HEADER_VALUES)],
        [2, pattern(r, r.pick(HEADER_VALUES))],
      ]);

/** Of a request: what it may have where no policy gives a hint. */
export const plain = {
  /** @param {Random} r */
  method: (r) => r.pick(METHODS),
  /** @param {Random} r */
  path: (r) => r.pick(PATHS),
  /** @param {Random} r */
  host: (r) => r.pick(HOSTS),
  /** @param {Random} r */
  headerValue: (r) => r.pick(HEADER_VALUES),
};
