// The built page in Chromium, from outside: what a user sees, and that it asks nobody but its own origin.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DIST = path.join(ROOT, "www/dist");
const SCREENSHOTS = path.join(ROOT, ".cache/screenshots");

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** Set by a test that wants the compiler to arrive late: answers wait for it. @type {Promise<void>} */
let wasmMayGo = Promise.resolve();

const server = http.createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://page");
  const file = path.join(DIST, pathname === "/" ? "index.html" : path.normalize(pathname));
  try {
    if (file.endsWith(".wasm")) await wasmMayGo;
    const body = await readFile(file);
    response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream" });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
});

/** @type {import("playwright-core").Browser} */
let browser;
let origin = "";

before(async () => {
  await promisify(execFile)(
    process.execPath,
    [path.join(ROOT, "node_modules/vite/bin/vite.js"), "build", "www", "--logLevel", "warn"],
    { cwd: ROOT },
  );
  await mkdir(SCREENSHOTS, { recursive: true });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  assert(address && typeof address === "object");
  origin = `http://127.0.0.1:${address.port}`;
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});

after(async () => {
  await browser?.close();
  server.closeAllConnections();
  server.close();
});

/**
 * Opens the page, hands it to `use`, and fails on what the browser complains of: console errors, violations of the
 * Content-Security-Policy, failed or foreign requests.
 * @param {import("playwright-core").BrowserContextOptions} options
 * @param {(page: import("playwright-core").Page) => Promise<void>} use
 */
async function withPage(options, use) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  /** @type {string[]} */
  const complaints = [];
  try {
    const page = await context.newPage();
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => complaints.push(`page error: ${error.message}`));
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== origin) complaints.push(`request: ${request.url()}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
    });
    await context.exposeFunction("complain", (/** @type {string} */ text) => complaints.push(text));
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        // @ts-expect-error added above
        window.complain(`CSP: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    await page.goto(origin, { waitUntil: "commit" });
    await use(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

/** @param {import("playwright-core").Page} page */
const compiled = (page) => page.locator("#status", { hasText: /\d+ polic/ }).waitFor();

/**
 * Types over the text of an editor and waits for the compiler's answer.
 * @param {import("playwright-core").Page} page
 * @param {string} editor
 * @param {(text: string) => string} change
 */
async function change(page, editor, change) {
  const area = page.locator(editor);
  const text = await area.inputValue();
  const changed = change(text);
  assert.notEqual(changed, text, "the example holds what this test changes");
  // A mark of our own: it goes when the page writes its status again.
  await page.locator("#status").evaluate((element) => (element.textContent = ""));
  await area.fill(changed);
  await compiled(page);
  return changed;
}

/** @param {string} text @param {string} part */
const lineOf = (text, part) => text.slice(0, text.indexOf(part)).split("\n").length;

test("Bookinfo's AuthorizationPolicies are there at once", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    const yaml = await page.locator("#policies").innerText();
    const policies = yaml.match(/^kind: AuthorizationPolicy$/gm) ?? [];
    assert(policies.length >= 2, yaml);
    assert.match(await page.locator("#status").innerText(), new RegExp(`^${policies.length} polic`));
    assert.match(yaml, /apiVersion: security\.istio\.io\/v1/);
    assert.match(yaml, /cluster\.local\/ns\/bookinfo\/sa\/bookinfo-productpage-k8s/);
    assert.match(yaml, /\/details\/\*/);
    assert.equal(await page.locator(".badge.error").count(), 0);
    assert.equal(await page.getByLabel("Model").inputValue(), "bookinfo");
    await page.screenshot({ path: path.join(SCREENSHOTS, "light-wide.png") });
  });
});

test("the page is painted and can be typed in before the compiler is there", async () => {
  /** @type {() => void} */
  let release = () => {};
  wasmMayGo = new Promise((resolve) => (release = resolve));
  try {
    await withPage({}, async (page) => {
      await page.getByText("Loading the compiler").waitFor();
      await page.locator("#bundle").fill("applications: {}\n# typed early");
      release();
      await compiled(page);
      assert.match(await page.locator("#bundle").inputValue(), /typed early/);
    });
  } finally {
    release();
    wasmMayGo = Promise.resolve();
  }
});

test("every example of the menu compiles", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    const names = await page.locator("#example option").evaluateAll((options) =>
      options.flatMap((o) => (o instanceof HTMLOptionElement && o.value ? [o.value] : [])),
    );
    assert(names.includes("bookinfo"), String(names));
    for (const name of names) {
      await page.getByLabel("Example").selectOption("");
      await page.locator("#status").evaluate((element) => (element.textContent = ""));
      await page.getByLabel("Example").selectOption(name);
      await compiled(page);
      assert.doesNotMatch(await page.locator("#status").innerText(), /^0 /, name);
      assert.equal(await page.locator("#notice.bug:visible").count(), 0, name);
    }
  });
});

test("a broken bundle gives a diagnostic, and clicking it goes to the line", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    const text = await change(page, "#bundle", (text) =>
      text.replace("'bookinfo-details-k8s:details'", "'bookinfo-detials-k8s:details'"),
    );
    const line = lineOf(text, "bookinfo-detials-k8s");
    const diagnostic = page.locator("button.diagnostic", { hasText: `bundle.yaml:${line}:` }).first();
    await diagnostic.waitFor();
    assert.match(await diagnostic.innerText(), /bookinfo-detials-k8s/);
    assert(await page.locator("#bundle-card .mark").count());
    await diagnostic.click();
    const caret = await page.locator("#bundle").evaluate((area) => {
      if (!(area instanceof HTMLTextAreaElement) || document.activeElement !== area) return -1;
      return area.value.slice(0, area.selectionStart).split("\n").length;
    });
    assert.equal(caret, line);
    await page.screenshot({ path: path.join(SCREENSHOTS, "light-wide-error.png") });
  });
});

test("text that is not YAML gives a diagnostic with its line, and the page goes on", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    const good = await page.locator("#policies").innerText();
    const text = await page.locator("#bundle").inputValue();
    await change(page, "#bundle", (text) => `${text}\n  - [unclosed: "\n`);
    const place = page.locator(".diagnostic", { has: page.locator(".badge.error") }).locator(".place");
    assert.match(await place.first().innerText(), /^bundle\.yaml:\d+:\d+$/);
    await change(page, "#bundle", () => text);
    assert.equal(await page.locator("#policies").innerText(), good);
  });
});

test("a place in the second charm file is counted in the editor's lines", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    const text = await change(page, "#charms", (text) => {
      const second = text.indexOf("\n---\n") + 1;
      assert(second > 0);
      return text.slice(0, second) + text.slice(second).replace(/- GET$/m, "- GRAB");
    });
    const line = lineOf(text, "GRAB");
    const diagnostic = page.locator("button.diagnostic", { hasText: `charms.yaml:${line}:` }).first();
    await diagnostic.waitFor();
    await diagnostic.click();
    const caret = await page
      .locator("#charms")
      .evaluate((area) =>
        area instanceof HTMLTextAreaElement
          ? area.value.slice(0, area.selectionStart).split("\n").length
          : -1,
      );
    assert.equal(caret, line);
  });
});

test("hostile text stays text", async () => {
  const hostile = "<img src=x onerror=window.hostile=1>";
  await withPage({}, async (page) => {
    await compiled(page);
    await change(page, "#charms", (text) => text.replace("- /details/*", `- /${hostile}`));
    await change(page, "#bundle", (text) =>
      text.replace("'bookinfo-reviews-k8s:reviews'", `'${hostile}:reviews'`),
    );
    await page.locator(".diagnostic", { hasText: hostile }).first().waitFor();
    assert((await page.locator("#policies").innerText()).includes(hostile));
    assert.equal(await page.locator("img:not(.logo)").count(), 0);
    assert.equal(await page.locator("#policies > *").count(), 0);
    assert.equal(await page.evaluate(() => "hostile" in window), false);
  });
});

test("the policy of the page refuses inline script and foreign requests", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    const policy = await page
      .locator('meta[http-equiv="Content-Security-Policy"]')
      .getAttribute("content");
    assert.match(policy ?? "", /default-src 'self'/);
    assert.match(policy ?? "", /script-src 'self' 'wasm-unsafe-eval'/);
    assert.match(policy ?? "", /require-trusted-types-for 'script'/);
    assert.doesNotMatch(policy ?? "", /unsafe-inline|'unsafe-eval'|https?:|data:|\*/);
    assert.equal(await page.locator("[style]:not(.mark), style, script:not([src])").count(), 0);
  });
});

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  for (const [name, viewport] of /** @type {const} */ ([
    ["wide", { width: 1440, height: 900 }],
    ["narrow", { width: 390, height: 844 }],
  ])) {
    test(`${colorScheme}, ${name}: legible, named, nothing beside the screen`, async () => {
      await withPage({ colorScheme, viewport }, async (page) => {
        await compiled(page);
        await change(page, "#bundle", (text) =>
          text.replace("'bookinfo-details-k8s:details'", "'bookinfo-detials-k8s:details'"),
        );
        const wider = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert.equal(wider, 0, "the page scrolls sideways");
        const unnamed = await page.evaluate(() =>
          [...document.querySelectorAll("input, select, textarea")]
            .filter((e) => /** @type {HTMLInputElement} */ (e).labels?.length !== 1)
            .map((e) => e.id),
        );
        assert.deepEqual(unnamed, []);
        for (const { what, ratio } of await page.evaluate(contrasts))
          assert(ratio >= 4.5, `contrast of ${what} is ${ratio.toFixed(2)}`);
        await page.screenshot({
          path: path.join(SCREENSHOTS, `${colorScheme}-${name}-findings.png`),
          fullPage: true,
        });
      });
    });
  }
}

/** Runs in the page: the contrast (WCAG 2.2, 1.4.3) of each kind of text with what lies behind it. */
function contrasts() {
  /** @param {string} color */
  const parse = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  /** @param {number[]} rgb */
  const luminance = (rgb) => {
    const [r = 0, g = 0, b = 0] = rgb.map((v) => {
      const c = v / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const selectors =
    "h1, h2, .title p, label, .hint, .status, .gutter, textarea, .yaml, .badge, .code, .place, .message, .help, select, button, input";
  return [...document.querySelectorAll(selectors)].flatMap((element) => {
    if (element instanceof HTMLButtonElement && element.disabled) return [];
    /** @type {Element | null} */
    let behind = element;
    let ground = [0, 0, 0, 0];
    while (behind) {
      ground = parse(getComputedStyle(behind).backgroundColor);
      if (ground.length === 3 || (ground[3] ?? 0) > 0) break;
      behind = behind.parentElement;
    }
    const a = luminance(parse(getComputedStyle(element).color).slice(0, 3));
    const b = luminance(ground.slice(0, 3));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return [{ what: `${element.tagName} .${element.className} #${element.id}`, ratio }];
  });
}
