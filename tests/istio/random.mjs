// A small generator of random numbers that a seed repeats.

/**
 * @typedef {object} Random
 * @property {() => number} next 0 ≤ n < 1
 * @property {(n: number) => number} below An integer, 0 ≤ i < n.
 * @property {(probability: number) => boolean} chance
 * @property {<T>(list: readonly T[]) => T} pick
 * @property {<T>(list: readonly T[], least: number, most: number) => T[]} some Between `least` and `most` of them, no two at
 *   the same place.
 * @property {<T>(choices: readonly (readonly [number, T])[]) => T} weighted
 */

/**
 * Mulberry32: 32 bits of state are plenty for a test.
 * @param {number} seed
 * @returns {Random}
 */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  /** @param {number} n */
  const below = (n) => Math.floor(next() * n);
  /** @template T @param {readonly T[]} list */
  const pick = (list) => {
    if (list.length === 0) throw new Error("nothing to pick from");
    return /** @type {T} */ (list[below(list.length)]);
  };
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick,
    some: (list, least, most) => {
      const rest = [...list];
      const count = Math.min(rest.length, least + below(most - least + 1));
      return Array.from({ length: count }, () => rest.splice(below(rest.length), 1)[0]);
    },
    weighted: (choices) => {
      let at = next() * choices.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, value] of choices) {
        if (at < weight) return value;
        at -= weight;
      }
      return pick(choices)[1];
    },
  };
}
