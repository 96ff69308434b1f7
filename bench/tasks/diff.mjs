// `mesh-policy diff` beside PyPI network-config-analyzer 2.1.0 (`nca --semantic_diff`): whole processes on the same files;
// then ours alone on 10,000 policies over 1,000 applications.
//
// The common files: pods with sidecars in one namespace, ALLOW policies by selector, one of them changed. Both read YAML;
// the task fails unless both find the change, and only that.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exponent, figure, inRoot, inTurns, ratio } from '../measure.mjs';
import { yaml } from '../mesh_input.mjs';

/** @typedef {import('../measure.mjs').Figure} Figure */

const NCA = '.tools/venv-nca/bin/nca';
const RIVAL = 'nca';
const OURS = 'mesh-policy';
const FEW = '20 applications, YAML';

/** @type {import('../measure.mjs').Task} */
export const task = {
  name: 'diff',
  unit: 'ms',
  sized: 'policies',
  title: 'Comparing two sets of n policies, one changed',
  needs: [NCA],
  run,
};

/** @param {import('../measure.mjs').Options} options @returns {Promise<import('../measure.mjs').Result>} */
async function run({ quick, runs, progress }) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-policy-bench-'));
  /** @type {Figure[]} */
  const figures = [];
  try {
    for (const count of quick ? [20, 40] : [20, 100, 400]) {
      const apps = 20;
      const at = (/** @type {string[]} */ ...parts) => join(folder, String(count), ...parts);
      for (const side of ['old', 'new', 'common']) mkdirSync(at(side), { recursive: true });
      writeYaml(at('common', 'namespace.yaml'), [NAMESPACE]);
      writeYaml(at('common', 'pods.yaml'), pods('shop', apps, true));
      const all = (/** @type {number} */ changed) => Array.from({ length: count }, (_, n) => policy(n, apps, n === changed));
      writeYaml(at('old', 'policies.yaml'), all(-1));
      writeYaml(at('new', 'policies.yaml'), all(count >> 1));
      const [theirs, mine] = inTurns([
        [inRoot(NCA), [
          '--semantic_diff', at('new'), '-r', at('new'), '--base_np_list', at('old'), '--base_resource_list', at('old'),
          '-n', at('common', 'namespace.yaml'), '-nb', at('common', 'namespace.yaml'),
          '-p', at('common', 'pods.yaml'), '-pb', at('common', 'pods.yaml'),
        ]],
        ours(at('old'), at('new'), '--manifests', at('common')),
      ], runs);
      const found = JSON.parse(mine?.out ?? '');
      const same = found.granted.length === 1 && found.revoked.length === 0 && /methods:POST,paths:\/api\/v/.test(theirs?.out ?? '');
      if (!same) throw new Error(`the two do not find the same: ${theirs?.out} ${mine?.out}`);
      figures.push({ what: FEW, size: count, who: RIVAL, runs: theirs?.times ?? [] });
      figures.push({ what: FEW, size: count, who: OURS, runs: mine?.times ?? [], than: RIVAL });
      progress(`${count} policies beside nca`);
    }
    for (const format of ['JSON', 'YAML']) {
      for (const count of quick ? [100, 200] : [1000, 10_000]) {
        const extension = format.toLowerCase();
        const name = (/** @type {string} */ side) => join(folder, `${side}.${extension}`);
        const apps = count / 10;
        const documents = (/** @type {number} */ changed) => Array.from({ length: count }, (_, n) => policy(n, apps, n === changed));
        const common = [NAMESPACE, ...pods('shop', apps, true)];
        for (const [side, list] of /** @type {const} */ ([['common', common], ['old', documents(-1)], ['new', documents(count >> 1)]])) {
          if (format === 'YAML') writeYaml(name(side), list);
          else writeFileSync(name(side), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: list }));
        }
        const [mine] = inTurns([ours(name('old'), name('new'), '--manifests', name('common'))], runs);
        if (JSON.parse(mine?.out ?? '').granted.length !== 1) throw new Error(`not one change: ${mine?.out.slice(0, 2000)}`);
        figures.push({ what: `n/10 applications, ${format}`, size: count, who: OURS, runs: mine?.times ?? [] });
        progress(`${count.toLocaleString('en')} policies as ${format}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const [most, small, large] = quick ? [40, 100, 200] : [400, 1000, 10_000];
  const alone = (/** @type {number} */ size) => figure(figures, 'n/10 applications, JSON', size, OURS);
  return {
    figures,
    expected: [
      { what: `nca, times ours, ${most} policies`, bound: 'at least', limit: 60, found: ratio(figure(figures, FEW, most, RIVAL), figure(figures, FEW, most, OURS)) },
      { what: `${large.toLocaleString('en')} policies of ours as JSON, times nca with 20`, bound: 'at most', limit: 1, found: ratio(alone(large), figure(figures, FEW, 20, RIVAL)) },
      { what: `ours grows with n to the power of (${small.toLocaleString('en')} to ${large.toLocaleString('en')})`, bound: 'at most', limit: 1.1, found: exponent(alone(small), alone(large)) },
    ],
  };
}

const NAMESPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } } };

/** @param {string[]} args @returns {[string, string[]]} */
const ours = (...args) => [process.execPath, [inRoot('host/cli.js'), 'diff', ...args, '-o', 'json']];

/** @param {string} name @param {object[]} documents */
const writeYaml = (name, documents) => writeFileSync(name, yaml(documents));

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
