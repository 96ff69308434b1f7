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
    await page.locator("#status", { hasText: "34 policies" }).waitFor();
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+Home");
    await page.keyboard.type("# ");
    await page.waitForTimeout(500);
    // The result is there when the status is written anew, after all that the result changes in the page.
    await page.evaluate(() => {
      /** @type {number[]} */
      const waits = [];
      // @ts-expect-error kept for the test
      window.waits = waits;
      let pressed = 0;
      document.addEventListener("keydown", (event) => (pressed = event.timeStamp), true);
      new MutationObserver(() => {
        if (pressed) waits.push(performance.now() - pressed);
        pressed = 0;
      }).observe(/** @type {Element} */ (document.querySelector("#status")), { childList: true });
    });
    for (let i = 0; i < 100; i++) {
      await page.keyboard.type("x");
      await page.waitForTimeout(60);
    }
    // @ts-expect-error kept for the test
    const waits = /** @type {number[]} */ (await page.evaluate(() => window.waits)).sort((a, b) => a - b);
    const at = (/** @type {number} */ part) => waits[Math.floor(waits.length * part)] ?? 0;
    t.diagnostic(`keystroke to result, COS: p50 ${at(0.5).toFixed(1)} ms, p95 ${at(0.95).toFixed(1)} ms of ${waits.length}`);
    assert(waits.length > 80, `${waits.length} results for 100 keystrokes`);
    if (at(0.95) >= MILLISECONDS) t.diagnostic(`over the target of ${MILLISECONDS} ms`);
    assert(at(0.5) < MILLISECONDS, `half of the results take ${at(0.5)} ms`);
  });
});
