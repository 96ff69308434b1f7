// Places the graph's boxes and arrows, away from the page: a large graph takes seconds.
import dagre from "@dagrejs/dagre";
import { coarse } from "./coarse.js";
/** @import { Graph, Placed } from "./layout.js" */

/** Above so many arrows or boxes dagre takes seconds, and then minutes. */
const MANY = { edges: 300, nodes: 120 };

/** A graph of up to so many boxes is laid out both ways. */
const FEW = 60;

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
  if (nodes.length > FEW) return lay(graph, frame.width >= frame.height);
  const [across, down] = [lay(graph, true), lay(graph, false)];
  return scale(across) * 1.1 >= scale(down) ? across : down;
}

/**
 * @param {Graph} graph
 * @param {boolean} across from left to right
 * @returns {Placed}
 */
function lay({ nodes, edges }, across) {
  const g = new dagre.graphlib.Graph({ multigraph: true, compound: true });
  g.setGraph({
    rankdir: across ? "LR" : "TB",
    nodesep: across ? 14 : 22,
    edgesep: 8,
    ranksep: across ? 84 : 56,
    marginx: 12,
    marginy: 12,
  });
  g.setDefaultEdgeLabel(() => ({}));
  const groups = new Set(nodes.flatMap(({ group }) => (group ? [group] : [])));
  for (const group of groups) g.setNode(`g ${group}`, {});
  for (const { id, width, height, group } of nodes) {
    g.setNode(`n ${id}`, { width, height });
    if (group) g.setParent(`n ${id}`, `g ${group}`);
  }
  // An arrow from a box to itself is drawn at the box; dagre would only make room for it.
  const between = edges.filter(({ from, to }) => from !== to);
  for (const { id, from, to } of between) g.setEdge(`n ${from}`, `n ${to}`, {}, id);
  dagre.layout(g);
  const { width = 0, height = 0 } = g.graph();
  return {
    width,
    height,
    nodes: nodes.map(({ id }) => {
      const { x, y } = g.node(`n ${id}`);
      return { id, x, y };
    }),
    groups: [...groups].map((id) => {
      const { x, y, width, height } = g.node(`g ${id}`);
      return { id, x: x - width / 2, y: y - height / 2, width, height };
    }),
    edges: between.map(({ id, from, to }) => ({ id, points: g.edge(`n ${from}`, `n ${to}`, id).points ?? [] })),
  };
}

addEventListener("message", ({ data: { id, graph } }) => {
  try {
    postMessage({ id, placed: place(graph) });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
});
