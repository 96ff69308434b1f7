// Findings in the forms that other programs read.

import { printable } from './render.js';

/** @typedef {import('../pkg/mesh_policy.js').Diagnostic} Diagnostic */

const LEVELS = { error: 'error', warning: 'warning', note: 'note' };

/** What is wrong and what to write instead, as one sentence. @param {string} message @param {string} [help] */
const whole = (message, help) => (help ? `${message}; ${help}` : message);

/**
 * SARIF 2.1.0, as code scanning reads it.
 * @param {Diagnostic[]} findings
 */
export function toSarif(findings) {
  const ids = [...new Set(findings.map(({ code }) => code))].sort();
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'mesh-policy', rules: ids.map((id) => ({ id })) } },
        columnKind: 'unicodeCodePoints',
        results: findings.map(({ code, severity, message, help, place }) => ({
          ruleId: code,
          ruleIndex: ids.indexOf(code),
          level: LEVELS[severity],
          message: { text: whole(message, help) },
          locations: place
            ? [
                {
                  physicalLocation: {
                    artifactLocation: { uri: place.file.split('/').map(encodeURIComponent).join('/') },
                    region: { startLine: Math.max(place.line, 1), startColumn: Math.max(place.column, 1) },
                  },
                },
              ]
            : [],
        })),
      },
    ],
  };
}

/** Text of a GitHub workflow's command. @param {string} text */
export const commandData = (text) => text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');

/** A property of a GitHub workflow's command. @param {string} text */
export const commandProperty = (text) => commandData(text).replace(/:/g, '%3A').replace(/,/g, '%2C');

/**
 * Commands of a GitHub workflow, which show findings beside the lines of a pull request.
 * @param {Diagnostic[]} findings
 */
export function toGithub(findings) {
  const names = { error: 'error', warning: 'warning', note: 'notice' };
  return findings
    .map(({ code, severity, message, help, place }) => {
      const at = place ? ` file=${commandProperty(printable(place.file))},line=${place.line},col=${place.column},title=${commandProperty(code)}` : ` title=${commandProperty(code)}`;
      return `::${names[severity]}${at}::${commandData(printable(whole(message, help)))}\n`;
    })
    .join('');
}
