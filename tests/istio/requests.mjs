// Random requests, most of them one value away from what a policy asks for.

import { isIP } from "node:net";

import * as words from "./vocabulary.mjs";

/**
 * @typedef {import("./random.mjs").Random} Random
 * @typedef {import("./types.mjs").Context} Context
 * @typedef {import("./types.mjs").Policy} Policy
 * @typedef {import("./types.mjs").Request} Request
 */

/**
 * @param {Random} r
 * @param {Context} context
 * @param {readonly Policy[]} policies
 * @param {number} count
 * @returns {Request[]}
 */
export function requests(r, context, policies, count) {
  const { layer, target } = context;
  const name = `${target.namespace}/${target.app}`;
  const rules = policies.flatMap(({ spec }) =>
    Array.isArray(spec.rules) ? spec.rules.filter((rule) => rule !== null) : [],
  );
  return Array.from({ length: count }, (_, i) => {
    /** @type {Request} */
    const request = {
      id: String(i),
      from: { namespace: r.pick(words.NAMESPACES), serviceAccount: r.pick(words.ACCOUNTS) },
      sourceIp: r.pick(context.sourceIps),
      to: layer === "waypoint" ? { service: name } : { pod: `${name}-0` },
      port: r.pick(words.PORTS),
      ...(layer === "gateway" ? {} : { layer }),
    };
    if (layer !== "ztunnel") {
      request.method = words.plain.method(r);
      request.path = words.plain.path(r);
      request.host = words.plain.host(r);
      request.headers = {};
      if (r.chance(0.2)) request.headers[words.headerName(r)] = [words.plain.headerValue(r)];
    }
    if (rules.length > 0 && r.chance(0.9)) satisfy(r, context, request, r.pick(rules));
    if (layer !== "ztunnel" && r.chance(0.4)) mutate(r, request);
    // There are listeners for these.
    if (layer === "gateway" && !words.PORTS.includes(request.port)) request.port = r.pick(words.PORTS);
    // A waypoint admits nobody without a certificate.
    if (layer !== "waypoint" && r.chance(0.08)) request.from = null;
    return request;
  });
}

/**
 * Gives a request what a rule asks for, field by field, as far as it can be understood.
 * @param {Random} r
 * @param {Context} context
 * @param {Request} request
 * @param {any} rule
 */
function satisfy(r, context, request, rule) {
  const source = first(r, rule.from)?.source ?? {};
  const operation = first(r, rule.to)?.operation ?? {};
  /** @type {[string, unknown][]} */
  const fields = [
    ...Object.entries(source),
    ...Object.entries(operation),
    ...list(rule.when).flatMap((when) => /** @type {[string, unknown][]} */ ([
      [when?.key, when?.values],
      [`not ${when?.key}`, when?.notValues],
    ])),
  ];
  for (const [field, values] of fields) {
    const value = first(r, values);
    if (typeof value !== "string" || typeof field !== "string") continue;
    // What a `not` names is of interest too, but not as often.
    if (field.startsWith("not") && r.chance(0.7)) continue;
    const name = field.startsWith("not ") ? field.slice(4) : field.replace(/^not([A-Z])/, (_, c) => c.toLowerCase());
    apply(r, context, request, name, value);
  }
}

/** @param {unknown} value @returns {any[]} */
const list = (value) => (Array.isArray(value) ? value : []);

/** @param {Random} r @param {unknown} value */
const first = (r, value) => (list(value).length > 0 ? r.pick(list(value)) : undefined);

/**
 * @param {Random} r
 * @param {Context} context
 * @param {Request} request
 * @param {string} field Of a source or operation, or the key of a condition.
 * @param {string} value
 */
function apply(r, context, request, field, value) {
  const header = /^request\.headers\[(.+)\]$/.exec(field)?.[1];
  switch (field) {
    case "principals":
    case "source.principal": {
      const parts = /\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(concrete(r, value, words.ACCOUNTS));
      if (parts) from(request, parts[1], parts[2]);
      return;
    }
    case "namespaces":
    case "source.namespace":
      return from(request, concrete(r, value, words.NAMESPACES), undefined);
    case "serviceAccounts":
    case "source.serviceAccount": {
      const [namespace, account] = value.includes("/") ? value.split("/") : [context.target.namespace, value];
      return from(request, namespace, account);
    }
    case "ipBlocks":
    case "source.ip": {
      const inside = address(r, value);
      // A connection to Envoy can only come from the loopback network.
      if (inside && (context.layer === "ztunnel" || /^127\.0\.0\.[1-9]/.test(inside))) request.sourceIp = inside;
      return;
    }
    case "remoteIpBlocks":
    case "remote.ip": {
      const inside = address(r, value);
      if (inside && request.headers) {
        const forwarded = r.pick([inside, `10.9.9.9, ${inside}`, `${inside},10.9.9.9`, `${inside} `]);
        request.headers["X-Forwarded-For"] = r.chance(0.8) ? [forwarded] : [forwarded, "10.9.9.8"];
      }
      return;
    }
    case "ports":
    case "destination.port": {
      const port = Number(value);
      if (port > 0 && port < 65536) request.port = port;
      return;
    }
    default:
  }
  if (!request.headers) return;
  if (field === "methods" || header === ":method") request.method = token(concrete(r, value, ["GET", "POST"]));
  else if (field === "paths") request.path = target(filled(r, value));
  else if (header === ":path") request.path = target(concrete(r, value, ["/a", "/api?x=1"]));
  else if (field === "hosts" || /^(host|:authority)$/i.test(header ?? "")) {
    request.host = printable(concrete(r, value, ["web.shop", "8080"]));
  } else if (header && /^[a-z-]+$/i.test(header)) {
    request.headers[header] = [printable(concrete(r, value, ["prod", "x"]))];
  }
}

/**
 * @param {Request} request
 * @param {string | undefined} namespace
 * @param {string | undefined} serviceAccount
 */
function from(request, namespace, serviceAccount) {
  const name = (/** @type {string | undefined} */ text) => text !== undefined && /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
  if (request.from && namespace && name(namespace)) request.from.namespace = namespace;
  if (request.from && serviceAccount && name(serviceAccount)) request.from.serviceAccount = serviceAccount;
}

/**
 * A string that the pattern matches, most of the time.
 * @param {Random} r
 * @param {string} pattern
 * @param {readonly string[]} words
 */
function concrete(r, pattern, words) {
  const something = () => r.pick(["", "x", ...words]);
  if (pattern === "*") return r.pick(words);
  if (pattern.startsWith("*")) return something() + pattern.slice(1);
  if (pattern.endsWith("*")) return pattern.slice(0, -1) + something();
  return r.chance(0.2) ? pattern.replaceAll("*", something) : pattern;
}

/**
 * A path that the template matches, most of the time.
 * @param {Random} r
 * @param {string} template
 */
function filled(r, template) {
  if (!template.includes("{")) return concrete(r, template, ["/a", "b", "/v1/metrics"]);
  return template
    .replaceAll("{**}", () => r.pick(["", "x", "x/y", "x//y", "/", "x/", "x|y", ".x", "%2F"]))
    .replaceAll("{*}", () => r.pick(["x", "x", "42", "x.y", "x|y", "x%2Fy", "x;v=1", "", "x/y", "..."]));
}

/**
 * An address in or near a block.
 * @param {Random} r
 * @param {string} block
 */
function address(r, block) {
  const [base = "", bits] = block.split("/");
  const parts = base.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part < 256))) {
    return isIP(base) === 6 ? base : undefined;
  }
  let whole = parts.reduce((sum, part) => sum * 256 + part, 0);
  // Up to one beyond the block at either end.
  const size = bits === undefined ? 1 : 2 ** (32 - Math.min(32, Number(bits)));
  whole = whole - (whole % size) + r.pick([0, size - 1, size, -1, r.below(size)]);
  whole = ((whole % 2 ** 32) + 2 ** 32) % 2 ** 32;
  return [24, 16, 8, 0].map((shift) => Math.floor(whole / 2 ** shift) % 256).join(".");
}

/** What may stand in a request line. @param {string} text */
const target = (text) => {
  const sent = text.replace(/[^\x21-\x7e]/g, "");
  return sent.startsWith("/") ? sent : `/${sent}`;
};

/** @param {string} text */
const token = (text) => text.replace(/[^A-Za-z-]/g, "") || "GET";

/** @param {string} text */
const printable = (text) => text.replace(/[^\x20-\x7e]/g, "").trim();

/**
 * Changes one thing, seldom more.
 * @param {Random} r
 * @param {Request} request
 */
function mutate(r, request) {
  do {
    r.weighted([
      [4, () => (request.path = mutatedPath(r, request.path ?? "/"))],
      [1, () => (request.host = mutatedHost(r, request.host ?? ""))],
      [1, () => (request.method = words.plain.method(r))],
      [1, () => (request.port = r.pick(words.PORTS))],
      [2, () => mutateHeaders(r, (request.headers ??= {}))],
      [0.5, () => from(request, r.pick(words.NAMESPACES), undefined)],
      [0.5, () => from(request, undefined, r.pick(words.ACCOUNTS))],
    ])();
  } while (r.chance(0.2));
}

/**
 * @param {Random} r
 * @param {string} path
 */
function mutatedPath(r, path) {
  const at = 1 + r.below(Math.max(1, path.length - 1));
  const [head, tail] = [path.slice(0, at), path.slice(at)];
  const code = path.charCodeAt(at);
  const escape = Number.isNaN(code) ? "%61" : `%${code.toString(16).padStart(2, "0")}`;
  return r.pick([
    () => `${path}/`,
    () => path.replace(/.$/, "") || "/",
    () => `/${path}`,
    () => `/.${path}`,
    () => `/x/..${path}`,
    () => `${path}/..`,
    () => `${path}/.`,
    () => `${path}/../`,
    () => `/../${path}`,
    () => `${path}?q=1`,
    () => `${path}?`,
    () => `${path}?a=/../b`,
    () => head + escape + tail.slice(1),
    () => head + escape.toUpperCase() + tail.slice(1),
    () => path.replace(/(?<=.)\//, "%2F"),
    () => path.replace(/(?<=.)\//, "%2f"),
    () => path.replace(/(?<=.)\//, "%5C"),
    () => path.replace(/(?<=.)\//, "\\"),
    () => path.replace(/(?<=.)\//, "//"),
    () => path.replace(/(?<=.)\//, "/./"),
    () => path.replace(/(?<=.)\//, "/%2e%2E/"),
    () => `${path}/%2e`,
    () => `${path}%20`,
    () => `${path};v=1`,
    () => path.replace(/(?<=.)\//, "/x/..;/"),
    () => `/x/..;v=1${path}`,
    () => path.replace(/(?<=.)\//, "/.;/"),
    () => `${path}/..;`,
    () => `/x/%2e%2e;${path}`,
    () => `/x/..%3B${path}`,
    () => r.pick(["//", "///", "//.", "/;", "/.;"]),
    () => head.replace(/.$/, "%2%61") + tail,
    () => `${path}%`,
    () => `${path}%2`,
    () => `${path}%zz`,
    () => `${path}%25`,
    () => `${path}%c3%a9`,
    () => `${path}%7C|`,
    () => `${path}+`,
    () => `${path}/...`,
    () => path.toUpperCase(),
    () => `${head}x${tail}`,
  ])();
}

/**
 * @param {Random} r
 * @param {string} host
 */
const mutatedHost = (r, host) =>
  r.pick([
    () => host.toUpperCase(),
    () => `${host}.`,
    () => host.replace(/:\d+$/, ""),
    () => `${host.replace(/:\d+$/, "")}:8080`,
    () => `${host.replace(/:\d+$/, "")}:9090`,
    () => `x${host}`,
    () => host.slice(1) || "x",
    () => words.plain.host(r),
  ])();

/**
 * @param {Random} r
 * @param {Record<string, string[]>} headers
 */
function mutateHeaders(r, headers) {
  const names = Object.keys(headers);
  const name = names.length > 0 && r.chance(0.7) ? r.pick(names) : words.headerName(r);
  const values = headers[name] ?? [];
  r.pick([
    () => (headers[name] = [...values, words.plain.headerValue(r)]),
    () => (headers[name] = [words.plain.headerValue(r), ...values]),
    () => (headers[name] = [""]),
    () => (headers[name] = [[...values, "other"].join(",")]),
    () => (headers[name] = [` ${values[0] ?? "prod"}  `]),
    () => (headers[name] = [(values[0] ?? "prod").toUpperCase()]),
    () => delete headers[name],
    () => {
      // The same header, in another case.
      headers[name.toLowerCase()] = [...values];
    },
  ])();
}
