/** @import { Access } from "../work/reach.js" */
/** @typedef {{ x: number, y: number }} Point */

const R = (/** @type {number} */ n) => Math.round(n * 10) / 10;

/**
 * A smooth way through points, which goes on in one direction at each of them.
 * @param {Point[]} points at least two
 * @param {boolean} [across] from left to right or back; else from top to bottom
 */
export function curve(points, across = true) {
  const [first, ...rest] = points;
  if (!first) return "";
  let d = `M${R(first.x)} ${R(first.y)}`;
  let last = first;
  for (const point of rest) {
    const middle = across ? (last.x + point.x) / 2 : (last.y + point.y) / 2;
    if (last.x === point.x || last.y === point.y) d += `L${R(point.x)} ${R(point.y)}`;
    else if (across) d += `C${R(middle)} ${R(last.y)} ${R(middle)} ${R(point.y)} ${R(point.x)} ${R(point.y)}`;
    else d += `C${R(last.x)} ${R(middle)} ${R(point.x)} ${R(middle)} ${R(point.x)} ${R(point.y)}`;
    last = point;
  }
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
