// Compares `mesh-policy diff` with PyPI network-config-analyzer 2.1.0 (`nca --semantic_diff`), whole processes, side by side
// on the same files; then ours alone on 10,000 policies over 1,000 applications.
//
//     node bench/diff.mjs [--runs 3] [--nca .tools/venv-nca/bin/nca]
//
// The common files: pods with sidecars in one namespace, ALLOW policies by selector, one of them changed. Both read YAML;
// the run fails unless both find the change, and only that.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    nca: { type: 'string', default: join(root, '.tools/venv-nca/bin/nca') },
  },
});
const runs = Number(options.runs);
if (!existsSync(options.nca)) {
  console.error(`${options.nca} is missing: python3 -m venv .tools/venv-nca && .tools/venv-nca/bin/pip install network-config-analyzer==2.1.0`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'mesh-policy-diff-'));

/** @param {string} name @param {object[]} documents */
function yaml(name, documents) {
  // JSON is YAML; a block style is what people write, so that is what is measured.
  writeFileSync(name, documents.map((one) => `---\n${block(one, '')}`).join(''));
}

/** @param {unknown} value @param {string} indent @returns {string} */
function block(value, indent) {
  if (Array.isArray(value)) {
    return value.map((one) => `${indent}- ${block(one, `${indent}  `).trimStart()}`).join('');
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([key, inner]) => (typeof inner === 'object' ? `${indent}${key}:\n${block(inner, `${indent}  `)}` : `${indent}${key}: ${JSON.stringify(inner)}\n`))
      .join('');
  }
  return `${indent}${JSON.stringify(value)}\n`;
}

/** @param {string} namespace @param {number} count @param {boolean} sidecar */
function pods(namespace, count, sidecar) {
  return Array.from({ length: count }, (_, a) => ({
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name: `app-${a}`, namespace, labels: sidecar ? { app: `app-${a}`, 'security.istio.io/tlsMode': 'istio' } : { app: `app-${a}` } },
    spec: { serviceAccountName: `app-${a}`, containers: [{ name: 'c', image: 'x' }] },
    status: { phase: 'Running', podIP: `10.0.${a >> 8}.${a & 255}`, hostIP: '10.9.9.9' },
  }));
}

/** @param {number} n @param {number} apps @param {boolean} changed */
function policy(n, apps, changed) {
  const a = n % apps;
  return {
    apiVersion: 'security.istio.io/v1beta1', kind: 'AuthorizationPolicy',
    metadata: { name: `p-${n}`, namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: `app-${a}` } },
      action: 'ALLOW',
      rules: [{
        from: [{ source: { principals: [`cluster.local/ns/shop/sa/app-${(a + 1) % apps}`] } }],
        to: [{ operation: { ports: [String(8080 + (n % 5))], methods: changed ? ['GET', 'POST'] : ['GET'], paths: [`/api/v${n}`] } }],
      }],
    },
  };
}

// Where this is set, Node reads all those certificates before anything else: 30 ms that no comparison of files is about.
const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;

/** @param {string} program @param {string[]} args */
function timed(program, args) {
  const times = [];
  let out = '';
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    const { status, stdout, stderr, error } = spawnSync(program, args, { env, encoding: 'utf8', maxBuffer: 1 << 28 });
    times.push(performance.now() - start);
    if (error || status === null || status > 1) throw new Error(`${program}: ${error ?? stderr}`);
    out = stdout;
  }
  times.sort((a, b) => a - b);
  return { best: times[0] ?? NaN, median: times[times.length >> 1] ?? NaN, out };
}

/** @param {string[]} args */
const ours = (...args) => timed(process.execPath, [join(root, 'host/cli.js'), 'diff', ...args, '-o', 'json']);
/** @param {number} ms */
const shown = (ms) => (ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`);

try {
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}, ${runs} runs, best (median)\n`);
  console.log('| policies | nca | mesh-policy | times faster |\n|--:|--:|--:|--:|');
  for (const count of [20, 100, 400]) {
    const apps = 20;
    const at = (/** @type {string[]} */ ...parts) => join(folder, String(count), ...parts);
    for (const side of ['old', 'new', 'common']) mkdirSync(at(side), { recursive: true });
    yaml(at('common', 'namespace.yaml'), [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } } }]);
    yaml(at('common', 'pods.yaml'), pods('shop', apps, true));
    const all = (/** @type {number} */ changed) => Array.from({ length: count }, (_, n) => policy(n, apps, n === changed));
    yaml(at('old', 'policies.yaml'), all(-1));
    yaml(at('new', 'policies.yaml'), all(count >> 1));
    const theirs = timed(options.nca, [
      '--semantic_diff', at('new'), '-r', at('new'), '--base_np_list', at('old'), '--base_resource_list', at('old'),
      '-n', at('common', 'namespace.yaml'), '-nb', at('common', 'namespace.yaml'),
      '-p', at('common', 'pods.yaml'), '-pb', at('common', 'pods.yaml'),
    ]);
    const mine = ours(at('old'), at('new'), '--manifests', at('common'));
    const found = JSON.parse(mine.out);
    const same = found.granted.length === 1 && found.revoked.length === 0 && /methods:POST,paths:\/api\/v/.test(theirs.out);
    if (!same) throw new Error(`the two do not find the same: ${theirs.out} ${mine.out}`);
    console.log(`| ${count} | ${shown(theirs.best)} (${shown(theirs.median)}) | ${shown(mine.best)} (${shown(mine.median)}) | ${(theirs.best / mine.best).toFixed(0)} |`);
  }
  console.log('\n| 10,000 policies over 1,000 applications, one changed | mesh-policy |\n|---|--:|');
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } } };
  for (const format of ['json', 'yaml']) {
    const name = (/** @type {string} */ side) => join(folder, `${side}.${format}`);
    const documents = (/** @type {number} */ changed) => Array.from({ length: 10_000 }, (_, n) => policy(n, 1000, n === changed));
    const common = [namespace, ...pods('shop', 1000, true)];
    for (const [side, list] of /** @type {const} */ ([['common', common], ['old', documents(-1)], ['new', documents(5000)]])) {
      if (format === 'yaml') yaml(name(side), list);
      else writeFileSync(name(side), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: list }));
    }
    const mine = ours(name('old'), name('new'), '--manifests', name('common'));
    if (JSON.parse(mine.out).granted.length !== 1) throw new Error(`not one change: ${mine.out.slice(0, 2000)}`);
    console.log(`| ${format.toUpperCase()} | ${shown(mine.best)} (${shown(mine.median)}) |`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
