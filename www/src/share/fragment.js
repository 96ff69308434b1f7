// A workspace as the fragment of an address: nothing of it is sent to the server that the page came from.
/** @import { NewFile, Kind } from "../workspace.js" */
import { KINDS, MOST_FILES } from "../workspace.js";

/** @typedef {{ files: NewFile[], active: number, view: string }} Shared */

/** Longer addresses do not survive chats and mail. */
const LONGEST_FRAGMENT = 60_000;
/** What a fragment may unfold to, in bytes. */
const LARGEST = 4 * 1024 * 1024;
const START = "#w1.";

export class ShareError extends Error {}

/** @param {ReadableStream<Uint8Array<ArrayBuffer>>} stream @param {number} limit */
async function collect(stream, limit) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const chunks = [];
  let size = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(chunks).arrayBuffer();
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      throw new ShareError(`it unfolds to more than ${limit / 1024 / 1024} MB`);
    }
    chunks.push(value);
  }
}

/**
 * @param {Shared} shared
 * @returns {Promise<string>} with its `#`
 */
export async function toFragment({ files, active, view }) {
  const packed = JSON.stringify({ files: files.map(({ name, kind, model, text }) => [name, kind, model, text]), active, view });
  const stream = new Blob([packed]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await collect(stream, Infinity));
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  const fragment = START + btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  if (fragment.length > LONGEST_FRAGMENT)
    throw new ShareError(
      `these files make a link of ${fragment.length.toLocaleString("en")} characters, over ${LONGEST_FRAGMENT.toLocaleString("en")}: share the files themselves`,
    );
  return fragment;
}

/** @param {string} fragment */
export const isShared = (fragment) => fragment.startsWith("#w");

/**
 * @param {string} fragment
 * @returns {Promise<Shared>}
 */
export async function fromFragment(fragment) {
  if (!fragment.startsWith(START)) throw new ShareError("it is of another version of this page");
  const encoded = fragment.slice(START.length);
  if (encoded.length > LONGEST_FRAGMENT) throw new ShareError("it is longer than this page makes links");
  if (!/^[\w-]*$/.test(encoded)) throw new ShareError("it holds characters that no link has");
  try {
    const bytes = Uint8Array.from(atob(encoded.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await collect(stream, LARGEST));
    return validated(JSON.parse(text));
  } catch (error) {
    if (error instanceof ShareError) throw error;
    throw new ShareError("it was cut or changed on its way");
  }
}

/**
 * @param {any} value
 * @returns {Shared}
 */
function validated(value) {
  const { files, active, view } = value ?? {};
  const isFile = (/** @type {unknown} */ file) =>
    Array.isArray(file) && file.length === 4 && file.every((part) => typeof part === "string") && Object.hasOwn(KINDS, file[1]);
  if (!Array.isArray(files) || files.length > MOST_FILES || !files.every(isFile)) throw new ShareError("it holds no files of this page");
  if (!Number.isInteger(active) || typeof view !== "string") throw new ShareError("it holds no state of this page");
  return {
    files: files.map(([name, kind, model, text]) => ({
      name: name.slice(0, 200),
      kind: /** @type {Kind} */ (kind),
      model: model.slice(0, 200),
      text,
    })),
    active: Math.min(Math.max(0, active), Math.max(0, files.length - 1)),
    view: view.slice(0, 40),
  };
}
