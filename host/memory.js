// How much memory the core has taken.
import { initSync } from '../pkg/mesh_policy.js';

/**
 * WebAssembly has 4 GiB, and a list that has outgrown one of them asks for more than there is. The core ends as it would at
 * a fault of its own, so only its size tells.
 */
const FULL = 2 ** 30;

/** Whether a core that ended had no room left. */
export function isFull() {
  // The core that runs already; nothing is compiled.
  return initSync({ module: new Uint8Array() }).memory.buffer.byteLength > FULL;
}
