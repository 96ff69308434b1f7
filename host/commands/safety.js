// Proving that no state between the policies of a cluster and those of a plan allows what neither does.
import { printable } from '../render.js';
import { note, readCluster } from './cluster.js';

/**
 * @typedef {object} Safety
 * @property {boolean} safe
 * @property {{ harm: 'exposes' | 'unproven' | 'interrupts', when: string, text: string, witness?: object }[]} moments
 */

/**
 * Asks the exact engine about every state between the policies of the cluster and those of the plan.
 *
 * @param {import('./cluster.js').ClusterOptions} options
 * @param {import('./cluster.js').KubeChange[]} changes
 * @returns {Promise<Safety | undefined>} undefined where the mesh cannot be read; the exit code is set
 */
export async function prove(options, changes) {
  const text = await readCluster(options);
  if (text === undefined) {
    note('the plan is not proven: the mesh cannot be read');
    return undefined;
  }
  const { analyse } = await import('../index.js');
  const analysis = analyse({ manifests: [{ file: '<cluster>', text }] });
  const safety = JSON.parse(analysis.prove(JSON.stringify(changes)));
  analysis.free();
  return safety;
}

/** @param {Safety} safety */
export function renderSafety({ safe, moments }) {
  let out = safe
    ? 'proven: no state in between allows what neither the policies before nor those after allow\n'
    : 'not safe at every moment:\n';
  for (const { harm, when, text, witness } of moments) {
    out += `  ${harm}: ${printable(when ? `${when}: ${text}` : text)}\n`;
    if (witness) out += `    such as ${printable(JSON.stringify(witness))}\n`;
  }
  return out;
}
