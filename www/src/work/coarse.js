// A layout in a moment, for graphs on which dagre would take minutes: columns by distance from who is asked by nobody,
// boxes within them near their neighbours.
/** @import { Graph, Placed } from "./layout.js" */

const GAP = { across: 90, down: 12 };
const COLUMNS = 9;
/** No column is longer. */
const LONGEST = 40;
const SWEEPS = 4;

/**
 * @param {Graph} graph
 * @returns {Placed}
 */
export function coarse({ nodes, edges }) {
  const at = new Map(nodes.map(({ id }, i) => [id, i]));
  /** @type {number[][]} */
  const out = nodes.map(() => []);
  /** @type {number[][]} */
  const near = nodes.map(() => []);
  const asked = nodes.map(() => 0);
  for (const { from, to } of edges) {
    const [a, b] = [at.get(from) ?? 0, at.get(to) ?? 0];
    if (a === b) continue;
    out[a]?.push(b);
    near[a]?.push(b);
    near[b]?.push(a);
    asked[b] = (asked[b] ?? 0) + 1;
  }
  // Breadth first from the boxes that ask most and are asked least.
  const rank = nodes.map(() => -1);
  const order = nodes.map((_, i) => i).sort((a, b) => (asked[a] ?? 0) - (asked[b] ?? 0) || (out[b]?.length ?? 0) - (out[a]?.length ?? 0));
  for (const start of order) {
    if (rank[start] !== -1) continue;
    rank[start] = 0;
    const queue = [start];
    for (let head = 0; head < queue.length; head++) {
      const i = queue[head] ?? 0;
      for (const j of out[i] ?? []) {
        if (rank[j] !== -1) continue;
        rank[j] = Math.min((rank[i] ?? 0) + 1, COLUMNS - 1);
        queue.push(j);
      }
    }
  }
  /** @type {number[][]} */
  const columns = [];
  const place = nodes.map(() => 0);
  // Groups stay together, each below the one before it.
  const groups = [...new Set(nodes.map(({ group }) => group))];
  const groupOf = nodes.map(({ group }) => groups.indexOf(group));
  nodes.forEach((_, i) => (columns[rank[i] ?? 0] ??= []).push(i));
  const number = () => columns.forEach((column) => column?.forEach((i, row) => (place[i] = row / Math.max(1, column.length))));
  number();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const column of columns) {
      const middle = new Map((column ?? []).map((i) => [i, mean((near[i] ?? []).map((j) => place[j] ?? 0))]));
      column?.sort((a, b) => (groupOf[a] ?? 0) - (groupOf[b] ?? 0) || (middle.get(a) ?? 0) - (middle.get(b) ?? 0));
    }
    number();
  }
  const columnsOfGroup = groups.map((_, g) => columns.flatMap((column) => pieces((column ?? []).filter((i) => groupOf[i] === g))));
  const x = nodes.map(() => 0);
  const y = nodes.map(() => 0);
  /** @type {Placed["groups"]} */
  const boxes = [];
  let top = 24;
  let width = 0;
  columnsOfGroup.forEach((list, g) => {
    let left = 24;
    let bottom = top;
    for (const column of list) {
      const wide = Math.max(...column.map((i) => nodes[i]?.width ?? 0));
      column.forEach((i, row) => {
        x[i] = left + wide / 2;
        y[i] = top + row * ((nodes[i]?.height ?? 0) + GAP.down) + (nodes[i]?.height ?? 0) / 2;
        bottom = Math.max(bottom, (y[i] ?? 0) + (nodes[i]?.height ?? 0) / 2);
      });
      left += wide + GAP.across;
    }
    const right = left - GAP.across + 24;
    if (groups[g]) boxes.push({ id: groups[g], x: 6, y: top - 12, width: right - 6, height: bottom - top + 24 });
    width = Math.max(width, right);
    top = bottom + 56;
  });
  return {
    width: width + 6,
    height: top - 30,
    across: true,
    nodes: nodes.map(({ id }, i) => ({ id, x: x[i] ?? 0, y: y[i] ?? 0 })),
    groups: boxes,
    edges: edges.flatMap(({ id, from, to }) => {
      const [a, b] = [at.get(from) ?? 0, at.get(to) ?? 0];
      if (a === b) return [];
      const forward = (x[b] ?? 0) >= (x[a] ?? 0) ? 1 : -1;
      const start = { x: (x[a] ?? 0) + (forward * (nodes[a]?.width ?? 0)) / 2, y: y[a] ?? 0 };
      const end = { x: (x[b] ?? 0) - (forward * (nodes[b]?.width ?? 0)) / 2, y: y[b] ?? 0 };
      const bend = 30 * forward;
      return [{ id, points: [start, { x: start.x + bend, y: start.y }, { x: end.x - bend, y: end.y }, end] }];
    }),
  };
}

/** @param {number[]} values */
const mean = (values) => (values.length === 0 ? 0.5 : values.reduce((sum, value) => sum + value, 0) / values.length);

/** @param {number[]} column */
function pieces(column) {
  const found = [];
  for (let at = 0; at < column.length; at += LONGEST) found.push(column.slice(at, at + LONGEST));
  return found;
}
