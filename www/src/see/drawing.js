/** @import { Access } from "../work/reach.js" */
/** @typedef {{ x: number, y: number }} Point */

const R = (/** @type {number} */ n) => Math.round(n * 10) / 10;

/**
 * A smooth way through points that turns back nowhere between them: a monotone cubic, straight on at both ends.
 * @param {Point[]} points at least two
 * @param {boolean} [across] from left to right or back; else from top to bottom
 */
export function curve(points, across = true) {
  const ways = points.map(({ x, y }) => /** @type {[number, number]} */ (across ? [x, y] : [y, x]));
  const text = (/** @type {number} */ along, /** @type {number} */ beside) => (across ? `${R(along)} ${R(beside)}` : `${R(beside)} ${R(along)}`);
  /** The slope at a point between two others, so that nothing is overshot. @param {number} at */
  const slope = (at) => {
    const [before, here, after] = [ways[at - 1], ways[at], ways[at + 1]];
    if (!before || !here || !after) return 0;
    const [first, second] = [here[0] - before[0], after[0] - here[0]];
    if (first * second <= 0) return 0;
    const [s, t] = [(here[1] - before[1]) / first, (after[1] - here[1]) / second];
    return (Math.sign(s) + Math.sign(t)) * Math.min(Math.abs(s), Math.abs(t), 0.5 * Math.abs((s * second + t * first) / (first + second)));
  };
  let d = "";
  ways.forEach(([along, beside], at) => {
    const before = ways[at - 1];
    if (!before) d += `M${text(along, beside)}`;
    else if (before[1] === beside) d += `L${text(along, beside)}`;
    else {
      const third = (along - before[0]) / 3;
      d += `C${text(before[0] + third, before[1] + third * slope(at - 1))} ${text(along - third, beside - third * slope(at))} ${text(along, beside)}`;
    }
  });
  return d;
}

/**
 * A round way through points.
 * @param {Point[]} points at least two
 */
export function round(points) {
  const [first, ...rest] = points;
  if (!first) return "";
  let d = `M${R(first.x)} ${R(first.y)}`;
  rest.forEach((point, i) => {
    const next = rest[i + 1];
    d += next ? ` Q${R(point.x)} ${R(point.y)} ${R((point.x + next.x) / 2)} ${R((point.y + next.y) / 2)}` : ` L${R(point.x)} ${R(point.y)}`;
  });
  return d;
}

/**
 * What an arrow ends in: L7 filled, L4 open, a denial with a bar, what comes to nothing with a cross.
 * @param {Point[]} points at least two
 * @param {Pick<Access, "layer" | "verdict">} access
 */
export function arrow(points, { layer, verdict }) {
  const end = points.at(-1) ?? { x: 0, y: 0 };
  const before = points.at(-2) ?? { x: 0, y: 0 };
  const length = Math.hypot(end.x - before.x, end.y - before.y) || 1;
  const [ux, uy] = [(end.x - before.x) / length, (end.y - before.y) / length];
  /** @param {number} back @param {number} side */
  const at = (back, side) => `${R(end.x - ux * back - uy * side)} ${R(end.y - uy * back + ux * side)}`;
  if (verdict === "deny") return `M${at(4, -5)} L${at(4, 5)}`;
  if (verdict === "void" || verdict === "refused") return `M${at(9, -4)} L${at(1, 4)} M${at(1, -4)} L${at(9, 4)}`;
  return layer === "L7" ? `M${at(0, 0)} L${at(8, -4)} L${at(8, 4)} Z` : `M${at(7, -4)} L${at(0, 0)} L${at(7, 4)}`;
}

/**
 * The way from a box back to itself, above its right end; a second one stands beside the first.
 * @param {Point} middle
 * @param {number} width
 * @param {number} height
 * @param {number} nth from 1
 * @returns {Point[]}
 */
export function loop({ x, y }, width, height, nth) {
  const top = y - height / 2;
  const right = x + width / 2 - 12 - (nth - 1) * 24;
  return [
    { x: right - 14, y: top },
    { x: right - 15, y: top - 13 },
    { x: right + 1, y: top - 13 },
    { x: right, y: top },
  ];
}

/**
 * A padlock that stands open.
 * @param {number} x of its left side
 * @param {number} y of its middle
 */
export const padlock = (x, y) => `M${x} ${y - 1} h9 v6 h-9 Z M${x + 2} ${y - 1} v-2.5 a2.5 2.5 0 0 1 4.8 -1`;
