// A plot of growth: both axes logarithmic, so that what is linear in size rises by one decade a decade.

const WIDTH = 800;
const HEIGHT = 430;
const [LEFT, RIGHT, TOP, BOTTOM] = [70, 240, 48, 52];

/** Of who was measured, for light and for dark; what was measured has its mark and its dashes. */
const COLORS = [
  ["#0b62c4", "#6db3ff"],
  ["#b3420b", "#ff9a5c"],
  ["#0d7a4f", "#4fd0a0"],
  ["#8a2fa8", "#d68cf0"],
  ["#5c6066", "#aab0b8"],
  ["#a01848", "#ff85ac"],
  ["#7a6500", "#e0c64a"],
  ["#00707d", "#55cbd8"],
];

const DASHES = ["", "7 4", "2 3", "10 3 2 3", "1 5"];

/** @typedef {{ who: string, what: string, points: [number, number][] }} Series */

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
/** @param {number} value */
const short = (value) => (value >= 1 ? value.toLocaleString("en") : String(Number(value.toPrecision(1))));

/** @param {number} low @param {number} high whole powers of ten from below `low` to above `high` */
function decades(low, high) {
  const [first, last] = [Math.floor(Math.log10(low) + 1e-9), Math.ceil(Math.log10(high) - 1e-9)];
  const end = Math.max(last, first + 1);
  return Array.from({ length: end - first + 1 }, (_, at) => 10 ** (first + at));
}

/** @param {number} at @param {number} x @param {number} y */
function mark(at, x, y) {
  const [a, b] = [x.toFixed(1), y.toFixed(1)];
  if (at % 4 === 0) return `<circle cx="${a}" cy="${b}" r="4"/>`;
  if (at % 4 === 1) return `<rect x="${(x - 3.6).toFixed(1)}" y="${(y - 3.6).toFixed(1)}" width="7.2" height="7.2"/>`;
  const corners = at % 4 === 2 ? [[0, -5], [4.6, 3.6], [-4.6, 3.6]] : [[0, -5], [5, 0], [0, 5], [-5, 0]];
  return `<polygon points="${corners.map(([dx = 0, dy = 0]) => `${(x + dx).toFixed(1)},${(y + dy).toFixed(1)}`).join(" ")}"/>`;
}

/**
 * @param {{ title: string, across: string, up: string, series: Series[] }} plot
 * @returns {string} SVG; empty where there is nothing to see growing
 */
export function plot({ title, across, up, series }) {
  const drawn = series.filter(({ points }) => points.length > 1 && points.every(([x, y]) => x > 0 && y > 0));
  if (drawn.length === 0) return "";
  const [people, things] = [[...new Set(drawn.map((one) => one.who))], [...new Set(drawn.map((one) => one.what))]];
  const name = (/** @type {Series} */ one) => (things.length > 1 ? `${one.who}, ${one.what}` : one.who);
  const points = drawn.flatMap((one) => one.points);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [columns, rows] = [decades(Math.min(...xs), Math.max(...xs)), decades(Math.min(...ys), Math.max(...ys))];
  /** @param {number[]} ticks @param {number} from @param {number} to */
  const scale = (ticks, from, to) => {
    const [low, high] = [Math.log10(ticks[0] ?? 1), Math.log10(ticks.at(-1) ?? 10)];
    return (/** @type {number} */ value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
  };
  const [x, y] = [scale(columns, LEFT, WIDTH - RIGHT), scale(rows, HEIGHT - BOTTOM, TOP)];
  const [floor, edge] = [HEIGHT - BOTTOM, WIDTH - RIGHT];

  const grid = [
    ...columns.map((value) => `<path d="M${x(value).toFixed(1)} ${TOP}V${floor}"/>`),
    ...rows.map((value) => `<path d="M${LEFT} ${y(value).toFixed(1)}H${edge}"/>`),
  ];
  const labels = [
    ...columns.map((value) => `<text x="${x(value).toFixed(1)}" y="${floor + 18}" text-anchor="middle">${short(value)}</text>`),
    ...rows.map((value) => `<text x="${LEFT - 8}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${short(value)}</text>`),
    `<text x="${(LEFT + edge) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(across)}</text>`,
    `<text transform="translate(16 ${(TOP + floor) / 2}) rotate(-90)" text-anchor="middle">${escaped(up)}</text>`,
  ];
  // Names stand at the ends of their lines, moved apart where two would meet.
  const ends = drawn
    .map((one) => ({ one, y: y((one.points.at(-1) ?? [1, 1])[1]), x: x((one.points.at(-1) ?? [1, 1])[0]) }))
    .sort((a, b) => a.y - b.y);
  ends.forEach((end, at) => (end.y = Math.max(end.y, (ends[at - 1]?.y ?? -Infinity) + 16)));
  const over = Math.max(0, (ends.at(-1)?.y ?? 0) - (floor - 2));
  ends.toReversed().forEach((end, at, all) => (end.y = Math.min(end.y - (at === 0 ? over : 0), (all[at - 1]?.y ?? Infinity) - 16)));
  /** @param {Series} one @param {string} inner */
  const group = (one, inner) => {
    const dash = DASHES[things.indexOf(one.what) % DASHES.length];
    return `<g class="s${people.indexOf(one.who)}"${dash ? ` stroke-dasharray="${dash}"` : ""}>${inner}</g>`;
  };
  const lines = drawn.map((one) => {
    const list = one.points;
    const path = list.map(([a, b], step) => `${step ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");
    return group(one, `<path d="${path}"/>${list.map(([a, b]) => mark(things.indexOf(one.what), x(a), y(b))).join("")}`);
  });
  const names = ends.map(({ one, y: height }) => {
    const [middle, at] = [(height - 4).toFixed(1), things.indexOf(one.what)];
    const sample = `<path d="M${edge + 8} ${middle}h24"/>${mark(at, edge + 20, height - 4)}`;
    return group(one, `${sample}<text x="${edge + 40}" y="${height.toFixed(1)}">${escaped(name(one))}</text>`);
  });
  /** @param {0 | 1} dark */
  const colors = (dark) => people.map((_, at) => `.s${at}{--c:${COLORS[at % COLORS.length]?.[dark] ?? "gray"}}`).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escaped(title)}">
<style>
svg{--back:#fff;--text:#24292f;--grid:#d8dee4;font:13px system-ui,sans-serif}
${colors(0)}
@media (prefers-color-scheme:dark){svg{--back:#0d1117;--text:#e6edf3;--grid:#30363d}${colors(1)}}
.back{fill:var(--back)}text{fill:var(--text)}.grid{stroke:var(--grid)}.title{font-size:15px;font-weight:600}
.lines path{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}circle,rect:not(.back),polygon{fill:var(--c)}
</style>
<rect class="back" width="100%" height="100%"/>
<text class="title" x="${LEFT}" y="26">${escaped(title)}</text>
<g class="grid">${grid.join("")}</g>
<g>${labels.join("\n")}</g>
<g class="lines">
${lines.join("\n")}
</g>
<g class="lines">
${names.join("\n")}
</g>
</svg>
`;
}
