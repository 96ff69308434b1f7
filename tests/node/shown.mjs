// What documentation shows of the command line: commands, and what they print.
import assert from 'node:assert/strict';

/**
 * What a reader types and what is then shown: `$ mesh-policy …` in fenced or indented blocks.
 * @param {string} page
 */
export function sessions(page) {
  /** @type {{ command: string, shown: string[] }[]} */
  const found = [];
  const fenced = [...page.matchAll(/^```console\n([^]*?)^```$/gm)].map(([, block = '']) => block.split('\n').slice(0, -1));
  const indented = [...page.matchAll(/(?:^ {4}.*\n|^\n(?= {4}))+/gm)].map(([block]) => block.split('\n').map((line) => line.slice(4)));
  for (const lines of [...fenced, ...indented]) {
    let open = '';
    for (const line of lines) {
      const last = found[found.length - 1];
      if (open || /^\$ (npx )?mesh-policy /.test(line)) {
        const command = open + line.replace(/^\$ /, '').replace(/\\$/, '');
        open = line.endsWith('\\') ? command : '';
        if (!open) found.push({ command, shown: [] });
      } else if (last && lines.some((one) => one.startsWith('$ '))) last.shown.push(line.trimEnd());
    }
  }
  for (const { shown } of found) while (shown[shown.length - 1] === '') shown.pop();
  return found;
}

/**
 * Whether an output is what is shown, where a line `…` stands for any lines.
 * @param {string[]} shown
 * @param {string[]} output
 */
export function assertShown(shown, output) {
  /** @type {string[][]} */
  const pieces = [[]];
  for (const line of shown) {
    if (line === '…') pieces.push([]);
    else pieces[pieces.length - 1]?.push(line);
  }
  if (pieces.length === 1) return assert.deepEqual(output, shown);
  let at = 0;
  pieces.forEach((piece, index) => {
    const last = index === pieces.length - 1;
    const from = last ? output.length - piece.length : at;
    const start = index === 0 || last ? from : output.findIndex((line, place) => place >= at && line === piece[0]);
    assert.ok(start >= at, `\`${piece[0]}\` is not in the output:\n${output.join('\n')}`);
    assert.deepEqual(output.slice(start, start + piece.length), piece);
    at = start + piece.length;
  });
}
