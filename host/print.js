// Prints what is too long for a string, no faster than its reader takes it.

/**
 * @param {() => Uint8Array | undefined} next the next part; `undefined` at the end
 * @param {import('node:stream').Writable} [out]
 * @returns {Promise<boolean>} whether all of it was taken; a reader that stops early (`| head`) is no error
 */
export async function print(next, out = process.stdout) {
  let open = !out.destroyed;
  /** What is waited for when it closes. */
  let wake = () => {};
  const end = () => {
    open = false;
    wake();
  };
  const go = () => wake();
  out.on('error', end).on('close', end).on('drain', go);
  try {
    for (let part; open && (part = next()); ) {
      if (!out.write(part) && open) await new Promise((resolve) => { wake = () => resolve(undefined); });
    }
    return open;
  } finally {
    out.off('error', end).off('close', end).off('drain', go);
  }
}
