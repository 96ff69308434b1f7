// The options that the random runs have in common.

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";

/** @typedef {import("./types.mjs").Layer} Layer */

/**
 * Reads the command line; prints the usage where it is asked for, and else the seed.
 *
 * @param {readonly string[]} args
 * @param {string} usage
 * @param {{ name: string, envoy: number, ztunnel: number }} count what is counted, and how many there are unless told: at a
 *   waypoint, a sidecar and, a quarter as many as at both, an ingress gateway; and at a ztunnel
 * @param {string[]} [more] options of one value that this run alone has
 */
export function readOptions(args, usage, { name, envoy, ztunnel }, more = []) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string", default: String(randomInt(2 ** 31)) },
      [name]: { type: "string", default: String(envoy) },
      [`l4-${name}`]: { type: "string", default: String(ztunnel) },
      layer: { type: "string" },
      "no-shrink": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      ...Object.fromEntries(more.map((one) => [one, { type: /** @type {const} */ ("string") }])),
    },
  });
  if (values.help) {
    console.log(usage);
    return undefined;
  }
  const number = (/** @type {unknown} */ text) => {
    if (!/^\d{1,10}$/.test(String(text))) throw new Error(`\`${text}\` is no number`);
    return Number(text);
  };
  /** @param {string} option */
  const text = (option) => (typeof values[option] === "string" ? values[option] : undefined);
  const layer = text("layer");
  const half = Math.ceil(number(values[name]) / 2);
  /** @type {[Layer, number][]} */
  const wanted = [
    ["waypoint", half],
    ["sidecar", half],
    ["gateway", Math.ceil(half / 2)],
    ["ztunnel", number(values[`l4-${name}`])],
  ];
  const chosen = wanted.filter(([one]) => layer === undefined || layer === one);
  if (chosen.length === 0) throw new Error(`\`${layer}\` is no layer: waypoint, sidecar, gateway or ztunnel`);
  const seed = number(values.seed);
  console.log(`seed ${seed}`);
  return { seed, chosen, shrink: values["no-shrink"] !== true, text };
}
