// Places the graph's boxes and arrows, away from the page: a large graph takes seconds.
import dagre from "@dagrejs/dagre";
import { coarse } from "./coarse.js";
/** @import { Graph, Placed } from "./layout.js" */

/** Above so many arrows or boxes dagre takes too long, and nobody sees more than a tangle. */
const MANY = { edges: 2000, nodes: 500 };

/** A graph of up to so many boxes is laid out both ways. */
const FEW = 60;

/** Between boxes that nothing joins, in a block of their own. */
const GAP = { across: 14, down: 12, below: 16 };

/** Above a group, for its name. */
const NAME = 30;

/** Between arrows that join the same two boxes. */
const BESIDE = 7;

/** @typedef {Graph["nodes"][0]} Node */
/** @typedef {{ x: number, y: number }} Point */

/**
 * From left to right or from top to bottom, as the frame shows more of it.
 * @param {Graph} graph
 * @returns {Placed}
 */
function place(graph) {
  const { nodes, edges, frame } = graph;
  /** @param {Placed} placed */
  const scale = ({ width, height }) => Math.min(frame.width / width, frame.height / height, 1.15);
  if (nodes.length > MANY.nodes || edges.length > MANY.edges) return coarse(graph);
  // Boxes are wide and low: columns of them take less room than rows.
  if (nodes.length > FEW) return lay(graph, true);
  const [across, down] = [lay(graph, true), lay(graph, false)];
  return scale(across) * 1.05 >= scale(down) ? across : down;
}

/**
 * @param {Graph} graph
 * @param {boolean} across from left to right
 * @returns {Placed}
 */
function lay({ nodes, edges, frame }, across) {
  const groups = new Set(nodes.flatMap(({ group }) => (group ? [group] : [])));
  const g = new dagre.graphlib.Graph({ multigraph: true, compound: true });
  g.setGraph({
    rankdir: across ? "LR" : "TB",
    // A group has its name above it.
    nodesep: across ? (groups.size > 1 ? 44 : 16) : 26,
    edgesep: 10,
    ranksep: across ? 72 : groups.size > 1 ? 64 : 52,
    marginx: 12,
    marginy: 12,
    // Without it, circles of accesses become ranks upon ranks: minutes for 200 applications instead of a second.
    acyclicer: "greedy",
  });
  g.setDefaultEdgeLabel(() => ({}));

  // Arrows between the same two boxes take one way, side by side; one from a box to itself is drawn at the box.
  /** @type {Map<string, { from: string, to: string, ids: string[] }>} */
  const ways = new Map();
  const joined = new Set();
  for (const { id, from, to } of edges) {
    if (from === to) continue;
    joined.add(from).add(to);
    const key = JSON.stringify(from < to ? [from, to] : [to, from]);
    const way = ways.get(key);
    if (way) way.ids.push(id);
    else ways.set(key, { from, to, ids: [id] });
  }

  // Boxes that nothing joins make a block in their group, which dagre places as one.
  /** @type {Map<string, Node[]>} */
  const alone = new Map();
  for (const group of groups) g.setNode(`g ${group}`, {});
  for (const node of nodes) {
    const { id, width, height, group } = node;
    if (!joined.has(id)) {
      alone.set(group, [...(alone.get(group) ?? []), node]);
      continue;
    }
    g.setNode(`n ${id}`, { width, height });
    if (group) g.setParent(`n ${id}`, `g ${group}`);
  }
  // With one group they go below all else in it, where no arrow has to pass.
  const below = groups.size === 1 && joined.size > 0 ? (alone.get([...groups][0] ?? "") ?? []) : [];
  /** @type {Map<string, Block>} */
  const blocks = new Map();
  for (const [group, list] of alone) {
    if (list === below) continue;
    const made = block(list, across, joined.size === 0 ? frame.width / frame.height : undefined);
    blocks.set(group, made);
    g.setNode(`b ${group}`, { width: made.width, height: made.height });
    if (group) g.setParent(`b ${group}`, `g ${group}`);
  }
  for (const [key, { from, to, ids }] of ways) g.setEdge(`n ${from}`, `n ${to}`, { weight: ids.length, width: BESIDE * (ids.length - 1), height: BESIDE * (ids.length - 1) }, key);
  dagre.layout(g);

  let { width = 0, height = 0 } = g.graph();
  const frames = [...groups].map((id) => {
    const { x, y, width, height } = g.node(`g ${id}`);
    return { id, x: x - width / 2, y: y - height / 2, width, height };
  });
  /** Everything from a height on makes room. @param {number} from @param {number} by */
  const lower = (from, by) => {
    /** @type {Point[]} */
    const parts = [];
    for (const id of g.nodes()) if (!id.startsWith("g ")) parts.push(g.node(id));
    for (const edge of g.edges()) parts.push(...(g.edge(edge).points ?? []));
    for (const part of [...parts, ...frames]) if (part.y >= from) part.y += by;
    height += by;
  };
  // dagre knows nothing of the name above a group.
  frames.sort((a, b) => a.y - b.y);
  frames.forEach((frame, at) => {
    const over = frames.slice(0, at).filter(({ x, width }) => x < frame.x + frame.width + 8 && frame.x < x + width + 8);
    const free = Math.max(-Infinity, ...over.map(({ y, height }) => y + height + NAME));
    if (frame.y < free) lower(frame.y, free - frame.y);
  });
  // A group beside one that moved holds on to what moved with it.
  for (const frame of frames)
    for (const id of g.children(`g ${frame.id}`) ?? []) {
      const { y, height } = g.node(id);
      frame.height = Math.max(frame.height, y + height / 2 + GAP.down - frame.y);
    }
  const [only] = frames;
  if (only && below.length > 0) {
    const made = block(below, across, undefined, only.width - 40);
    const bottom = only.y + only.height;
    lower(bottom, made.height + GAP.below);
    blocks.set(only.id, made);
    g.setNode(`b ${only.id}`, { x: only.x + 20 + made.width / 2, y: bottom + made.height / 2, width: made.width, height: made.height });
    only.height += made.height + GAP.below;
    only.width = Math.max(only.width, made.width + 40);
    width = Math.max(width, only.x + only.width + 12);
  }
  /** @type {Placed["nodes"]} */
  const placed = nodes.flatMap(({ id }) => {
    if (!joined.has(id)) return [];
    const { x, y } = g.node(`n ${id}`);
    return [{ id, x, y }];
  });
  for (const [group, { width, height, places }] of blocks) {
    const { x, y } = g.node(`b ${group}`);
    for (const place of places) placed.push({ id: place.id, x: x - width / 2 + place.x, y: y - height / 2 + place.y });
  }
  const asker = new Map(edges.map(({ id, from }) => [id, from]));
  return {
    width,
    height,
    across,
    nodes: placed,
    groups: frames,
    edges: [...ways].flatMap(([key, { from, to, ids }]) => {
      // Of its points, those beside boxes; those between ranks only bend it more.
      /** @type {Point[]} */
      const points = g.edge(`n ${from}`, `n ${to}`, key).points ?? [];
      const bends = points.slice(1, -1).filter((_, at) => at % 2 === 1);
      const [start, end] = [g.node(`n ${from}`), g.node(`n ${to}`)];
      return ids.map((id, at) => {
        const way = joining(start, bends, end, (at - (ids.length - 1) / 2) * BESIDE, across);
        return { id, points: asker.get(id) === from ? way : way.toReversed() };
      });
    }),
  };
}

/**
 * From the side of a box to the side of another, a little straight on at both ends.
 * @param {Point & { width: number, height: number }} start
 * @param {Point[]} bends
 * @param {Point & { width: number, height: number }} end
 * @param {number} by how far beside the middle
 * @param {boolean} across the way goes from left to right
 * @returns {Point[]}
 */
function joining(start, bends, end, by, across) {
  /** @param {Point & { width: number, height: number }} box @param {Point} to */
  const leave = (box, to) => {
    // Where boxes are low, several arrows share less room.
    const most = (across ? box.height : box.width) / 2 - 5;
    const beside = Math.max(-most, Math.min(most, by));
    const side = across ? Math.sign(to.x - box.x) || 1 : Math.sign(to.y - box.y) || 1;
    /** @param {number} out */
    const at = (out) => (across ? { x: box.x + side * (box.width / 2 + out), y: box.y + beside } : { x: box.x + beside, y: box.y + side * (box.height / 2 + out) });
    return [at(0), at(10)];
  };
  const ways = bends.map(({ x, y }) => (across ? { x, y: y + by } : { x: x + by, y }));
  return [...leave(start, bends[0] ?? end), ...ways, ...leave(end, bends.at(-1) ?? start).toReversed()];
}

/** @typedef {{ width: number, height: number, places: (Point & { id: string })[] }} Block */

/**
 * Boxes in rows and columns.
 * @param {Node[]} nodes
 * @param {boolean} tall few columns, many rows
 * @param {number | undefined} ratio of width and height where nothing else is beside it
 * @param {number} [room] how wide it may be, at least a column
 * @returns {Block}
 */
function block(nodes, tall, ratio, room) {
  const widest = Math.max(...nodes.map(({ width }) => width)) + GAP.across;
  const highest = Math.max(...nodes.map(({ height }) => height)) + GAP.down;
  const shape = ratio ?? (tall ? 1.2 : 4);
  const wanted = room === undefined ? Math.round(Math.sqrt((nodes.length * highest * shape) / widest)) : Math.floor((room + GAP.across) / widest);
  const columns = Math.max(1, Math.min(nodes.length, wanted));
  const rows = Math.ceil(nodes.length / columns);
  return {
    width: columns * widest - GAP.across,
    height: rows * highest - GAP.down,
    places: nodes.map(({ id }, at) => ({
      id,
      x: Math.floor(at / rows) * widest + (widest - GAP.across) / 2,
      y: (at % rows) * highest + (highest - GAP.down) / 2,
    })),
  };
}

addEventListener("message", ({ data: { id, graph } }) => {
  try {
    postMessage({ id, placed: place(graph) });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
});
