// Fails when pkg/ is not what the sources make. Compares hashes only: no Rust is needed.

import {
  DIGEST,
  PKG,
  few,
  fileHashes,
  recordedDigest,
  sourceDigest,
  unlike,
} from "./lib/pkg-digest.mjs";

/** @param {string} reason */
function stale(reason) {
  console.error(`pkg/ is stale: ${reason}; run \`make pkg\` and commit pkg/`);
  process.exit(1);
}

const recorded = recordedDigest();
if (!recorded) {
  stale(`pkg/${DIGEST} is missing`);
} else {
  const now = sourceDigest();
  const changed = unlike(recorded.sourceFiles, now.sourceFiles);
  if (recorded.sources !== now.sources) stale(`changed since it was built: ${few(changed)}`);
  const touched = unlike(recorded.files, fileHashes(PKG));
  if (touched.length > 0)
    stale(`not as it was built: ${few(touched.map((name) => `pkg/${name}`))}`);
  console.log(
    `pkg/ is what ${Object.keys(now.sourceFiles).length} source files make (${now.sources.slice(0, 12)})`,
  );
}
