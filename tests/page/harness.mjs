// The built page in Chromium, from outside: served as any web server would, watched for whatever the browser complains of.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { readFileSync, readdirSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

/** @typedef {import("playwright-core").Page} Page */

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const DIST = path.join(ROOT, "www/dist");
export const SCREENSHOTS = path.join(ROOT, ".cache/screenshots");

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** Set by a test that wants the compiler to arrive late: answers wait for it. @type {{ wasm: Promise<void> }} */
export const hold = { wasm: Promise.resolve() };

const server = http.createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://page");
  const file = path.join(DIST, pathname === "/" ? "index.html" : path.normalize(pathname));
  try {
    if (file.endsWith(".wasm")) await hold.wasm;
    const body = await readFile(file);
    response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream" });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
});

/** @type {import("playwright-core").Browser} */
let running;
export const browser = () => running;
export let origin = "";

export const buildPage = () => promisify(execFile)(process.execPath, [path.join(ROOT, "node_modules/vite/bin/vite.js"), "build", "www", "--logLevel", "warn"], { cwd: ROOT });

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });

export function start() {
  before(async () => {
    await buildPage();
    await mkdir(SCREENSHOTS, { recursive: true });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
    const address = server.address();
    assert(address && typeof address === "object");
    origin = `http://127.0.0.1:${address.port}`;
    running = await launch();
  });
  after(async () => {
    await running?.close();
    server.closeAllConnections();
    server.close();
  });
}

/**
 * A browser's profile; `open` opens a page in it, and whatever the browser complains of there fails the test: console
 * errors, violations of the Content-Security-Policy, failed or foreign requests.
 * @param {import("playwright-core").BrowserContextOptions} options
 * @param {(open: (fragment?: string) => Promise<Page>) => Promise<void>} use
 */
export async function withBrowser(options, use) {
  const context = await running.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  context.setDefaultTimeout(15_000);
  /** @type {string[]} */
  const complaints = [];
  try {
    await context.exposeFunction("complain", (/** @type {string} */ text) => complaints.push(text));
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        // @ts-expect-error added above
        window.complain(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
      });
    });
    await use(async (fragment = "") => {
      const page = await context.newPage();
      page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()}`);
      });
      page.on("pageerror", (error) => complaints.push(`page error: ${error.stack ?? error.message}`));
      page.on("request", (request) => {
        const url = new URL(request.url());
        if (url.origin !== origin && url.protocol !== "blob:") complaints.push(`request: ${request.url()}`);
      });
      page.on("response", (response) => {
        if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
      });
      await page.goto(origin + "/" + fragment, { waitUntil: "commit" });
      return page;
    });
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

/**
 * @param {import("playwright-core").BrowserContextOptions} options
 * @param {(page: Page) => Promise<void>} use
 */
export const withPage = (options, use) => withBrowser(options, async (open) => use(await open()));

/** @param {Page} page */
export const compiled = (page) => page.waitForFunction(() => /\d+ polic/.test(document.querySelector("#status")?.textContent ?? ""));

/**
 * @param {Page} page
 * @param {string | RegExp} title
 */
export async function example(page, title) {
  await page.getByRole("button", { name: "Examples" }).click();
  await page.getByRole("menuitem", { name: title }).click();
}

/** @param {Page} page @param {string | RegExp} name */
export const view = (page, name) => page.getByRole("tab", { name }).click();

/** @param {Page} page @param {string} name of a file in the list */
export const file = (page, name) => page.locator(".files button.open", { hasText: name.replace(/\.yaml$/, "") }).first().click();

/**
 * Replaces the text of the file in front, as pasting over it does.
 * @param {Page} page
 * @param {string} text
 */
export async function write(page, text) {
  const content = page.locator(".cm-content");
  await content.focus();
  await page.keyboard.press("Control+a");
  await content.evaluate((element, text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, text);
}

/** @param {string} name below examples/ */
export const exampleText = (name) => readFileSync(path.join(ROOT, "examples", name), "utf8");

/** The line of the caret. @param {Page} page */
export const caretLine = async (page) => Number(await page.locator(".cm-activeLineGutter.cm-gutterElement").filter({ hasText: /^\d+$/ }).first().innerText());

/** @param {string} text @param {string} part */
export const lineOf = (text, part) => text.slice(0, text.indexOf(part)).split("\n").length;

/** What the command line prints for the same. @param {string[]} args */
export const commandLine = (...args) => execFileSync(process.execPath, ["host/cli.js", "compile", ...args], { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

/** @param {import("playwright-core").Download} download */
export async function downloaded(download) {
  return readFile(/** @type {string} */ (await download.path()), "utf8");
}

/** @param {string} name of an example */
export const charmsOf = (name) => readdirSync(path.join(ROOT, "examples", name, "charms"));

/**
 * A model of many applications, each with a charm of its own and relations to a few others.
 * @param {number} n
 */
export function many(n) {
  const name = (/** @type {number} */ i) => `application-${String(i).padStart(3, "0")}`;
  const all = Array.from({ length: n }, (_, i) => i);
  const bundle = `bundle: kubernetes
name: large
applications:
  beacon: {charm: istio-beacon-k8s, scale: 1}
${all.map((i) => `  ${name(i)}: {charm: ${name(i)}, scale: 1}`).join("\n")}
relations:
${all.map((i) => `- [${name(i)}:service-mesh, beacon:service-mesh]`).join("\n")}
${all.flatMap((i) => [1, 7, 31].map((step) => `- [${name(i)}:calls, ${name((i * step + step) % n)}:serves]`)).join("\n")}
`;
  const charm = (/** @type {number} */ i) => `charm: ${name(i)}
provides: {serves: {interface: http}}
requires: {calls: {interface: http}, service-mesh: {interface: service_mesh}}
mesh: {service_mesh_consumer: true}
policies:
  - kind: ${i % 3 ? "app" : "unit"}
    relation: serves
    ${i % 3 ? `endpoints: [{ports: [${8000 + i}], methods: [GET, POST], paths: [/v1/*]}]` : `ports: [${8000 + i}]`}
`;
  return {
    bundle,
    charms: `${all.map(charm).join("---\n")}---\ncharm: istio-beacon-k8s\nprovides: {service-mesh: {interface: service_mesh}}\n`,
  };
}
