// Files from a dialog, or dropped on the page, folders included.
/** @import { NewFile, Workspace } from "../workspace.js" */
import { LARGEST, MOST_FILES, kindOf } from "../workspace.js";

/**
 * @param {FileSystemEntry | null} entry
 * @param {File[]} into
 * @returns {Promise<void>}
 */
async function collect(entry, into) {
  if (!entry || into.length >= MOST_FILES) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    if (/\.(?:ya?ml|json)$/i.test(entry.name)) into.push(/** @type {File} */ (file));
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return;
    for (const inner of entries) await collect(inner, into);
  }
}

/**
 * @param {File[]} files
 * @param {number} room in bytes
 * @returns {Promise<NewFile[]>}
 */
async function read(files, room) {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (size > room) throw new Error(`these files have ${(size / 1024 / 1024).toFixed(1)} MB, more than this page opens; use the command line`);
  return Promise.all(
    files.map(async (file) => {
      const text = (await file.text()).replaceAll("\r\n", "\n");
      return { name: file.name, kind: kindOf(file.name, text), model: "", text };
    }),
  );
}

/**
 * Asks for files and reads them.
 * @returns {Promise<NewFile[]>} none where nobody chose any
 */
export function choose() {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.accept = ".yaml,.yml,.json";
  return new Promise((resolve, reject) => {
    input.addEventListener("change", () => read([...(input.files ?? [])], LARGEST).then(resolve, reject));
    input.addEventListener("cancel", () => resolve([]));
    input.click();
  });
}

/**
 * @param {Workspace} workspace
 * @param {{ input: HTMLInputElement, failed: (error: unknown) => void, replaced: () => void }} options
 */
export function opening(workspace, { input, failed, replaced }) {
  /** @param {File[]} files */
  const take = async (files) => {
    try {
      if (workspace.readOnly) throw new Error("import what the link brought first, or discard it");
      const opened = await read(files, LARGEST - (workspace.isExample ? 0 : workspace.size));
      if (opened.length === 0) throw new Error("there is no .yaml, .yml or .json file in it");
      if (workspace.open(opened)) replaced();
    } catch (error) {
      failed(error);
    }
  };
  input.addEventListener("change", async () => {
    await take([...(input.files ?? [])]);
    input.value = "";
  });

  let depth = 0;
  const holdsFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  const mark = () => document.body.classList.toggle("dropping", depth > 0);
  addEventListener("dragenter", (event) => {
    if (holdsFiles(event)) depth++;
    mark();
  });
  addEventListener("dragleave", (event) => {
    if (holdsFiles(event)) depth = Math.max(0, depth - 1);
    mark();
  });
  addEventListener("dragover", (event) => {
    if (holdsFiles(event)) event.preventDefault();
  });
  addEventListener("drop", async (event) => {
    if (!holdsFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    depth = 0;
    mark();
    // Entries are gone after the event: ask for all of them first.
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
    /** @type {File[]} */
    const files = [];
    if (entries.some((entry) => entry?.isDirectory)) for (const entry of entries) await collect(entry, files).catch(failed);
    else files.push(...items.flatMap((item) => item.getAsFile() ?? []), ...(items.length === 0 ? event.dataTransfer.files : []));
    await take(files);
  });
}
