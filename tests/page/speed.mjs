// How long one waits: from keystroke to result, and for the page itself.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { DIST, compiled, example, withPage } from "./harness.mjs";

const KILOBYTES = 250;
const MILLISECONDS = 50;

test("scripts and styles are small", (t) => {
  const files = readdirSync(path.join(DIST, "assets")).filter((name) => /\.(?:js|css)$/.test(name));
  const size = files.reduce((sum, name) => sum + gzipSync(readFileSync(path.join(DIST, "assets", name)), { level: 9 }).length, 0);
  t.diagnostic(`scripts and styles: ${(size / 1024).toFixed(1)} KB gzipped, ${files.length} files`);
  assert(files.length > 3);
  assert(size <= KILOBYTES * 1024, `${size} bytes gzipped`);
});

test("from keystroke to result", async (t) => {
  await withPage({}, async (page) => {
    await compiled(page);
    await example(page, /Observability/);
    await page.locator("#status", { hasText: "40 policies" }).waitFor();
    await page.locator(".node").first().waitFor();
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+Home");
    await page.keyboard.type("# ");
    await page.waitForTimeout(1000);
    // The policies are there when the status is written anew, after all that they change in the page; the graph, when it
    // counts another result.
    await page.evaluate(() => {
      /** @type {Record<string, number[]>} */
      const waits = { policies: [], graph: [] };
      // @ts-expect-error kept for the test
      window.waits = waits;
      /** @type {Record<string, number>} */
      const pressed = {};
      document.addEventListener("keydown", (event) => (pressed.policies = pressed.graph = event.timeStamp), true);
      for (const [what, selector] of [
        ["policies", "#status"],
        ["graph", "#view-graph"],
      ])
        new MutationObserver(() => {
          if (pressed[what ?? ""]) waits[what ?? ""]?.push(performance.now() - (pressed[what ?? ""] ?? 0));
          pressed[what ?? ""] = 0;
        }).observe(/** @type {Element} */ (document.querySelector(selector ?? "")), { childList: true, attributes: true });
    });
    // Other work on the machine only adds: of several rounds the best tells most about the page.
    /** @type {Record<string, { p50: number, p95: number, n: number }>} */
    const best = {};
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.type("x");
        await page.waitForTimeout(60);
      }
      await page.waitForTimeout(200);
      const waits = await page.evaluate(() => {
        // @ts-expect-error kept for the test
        const { policies, graph } = /** @type {Record<string, number[]>} */ (window.waits);
        return { policies: policies?.splice(0) ?? [], graph: graph?.splice(0) ?? [] };
      });
      for (const [what, list] of Object.entries(waits)) {
        list.sort((a, b) => a - b);
        const at = (/** @type {number} */ part) => list[Math.floor(list.length * part)] ?? Infinity;
        const found = { p50: at(0.5), p95: at(0.95), n: list.length };
        if (found.p95 < (best[what]?.p95 ?? Infinity)) best[what] = found;
      }
    }
    for (const [what, { p50, p95, n }] of Object.entries(best)) {
      t.diagnostic(`keystroke to ${what}, COS: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms of ${n}${p95 >= MILLISECONDS ? `, over the target of ${MILLISECONDS} ms` : ""}`);
      assert(n > 30, `${n} results for 60 keystrokes`);
    }
    assert((best.policies?.p50 ?? Infinity) < MILLISECONDS, `half of the results take ${best.policies?.p50} ms`);
  });
});
