/** @import { Access } from "./access.js" */
/** @typedef {{ x: number, y: number }} Point */

const R = (/** @type {number} */ n) => Math.round(n * 10) / 10;

/**
 * A smooth way through points.
 * @param {Point[]} points at least two
 */
export function curve(points) {
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
 * What an arrow ends in: L7 filled, L4 open, a refusal with a bar.
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
