// The smallest policies that two judges still disagree on.

/**
 * @typedef {import("./types.mjs").Policy} Policy
 *
 * @typedef {(candidates: Policy[][]) => Promise<number>} Test The index of a candidate that still shows it, or -1.
 */

// Of so many candidates that are one step smaller, at a time: enough for the policies that are generated.
const CANDIDATES = 400;

/**
 * @param {Policy[]} policies
 * @param {Test} test
 * @returns {Promise<Policy[]>}
 */
export async function shrink(policies, test) {
  let smallest = policies;
  for (;;) {
    const candidates = smaller(smallest).slice(0, CANDIDATES);
    const found = candidates.length === 0 ? -1 : await test(candidates);
    const next = candidates[found];
    if (!next) return smallest;
    smallest = next;
  }
}

/**
 * Each with one thing taken out, the largest things first.
 * @param {Policy[]} policies
 * @returns {Policy[][]}
 */
function smaller(policies) {
  /** @type {Policy[][]} */
  const found = without(policies);
  policies.forEach((policy, at) => {
    const replaced = (/** @type {Partial<Policy>} */ change) =>
      found.push(policies.map((one, i) => (i === at ? { ...policy, ...change } : one)));
    if (policy.metadata.annotations) {
      const { annotations: _, ...metadata } = policy.metadata;
      replaced({ metadata });
    }
    for (const rules of parts(policy.spec.rules, 0)) replaced({ spec: { ...policy.spec, rules } });
  });
  return found;
}

/** @template T @param {T[]} list @returns {T[][]} */
const without = (list) => list.map((_, at) => list.filter((_, i) => i !== at));

/**
 * Lists and objects with a part less; down to single values, but no list emptied: that would be another policy.
 * @param {any} value
 * @param {number} depth
 * @returns {any[]}
 */
export function parts(value, depth) {
  if (Array.isArray(value)) {
    return [
      ...(value.length > 1 ? without(value) : []),
      ...value.flatMap((item, at) =>
        parts(item, depth + 1).map((part) => value.map((one, i) => (i === at ? part : one))),
      ),
    ];
  }
  if (typeof value !== "object" || value === null) return [];
  const keys = Object.keys(value);
  return keys.flatMap((key) => [
    ...(keys.length > 1 && key !== "key"
      ? [Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))]
      : []),
    ...parts(value[key], depth + 1).map((part) => ({ ...value, [key]: part })),
  ]);
}
