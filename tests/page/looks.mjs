// How it looks: light and dark, wide and narrow; what a screen reader is told; the README's pictures.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { ROOT, SCREENSHOTS, compiled, example, view, withPage, write, exampleText } from "./harness.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** @param {import("playwright-core").Page} page @param {string} where */
async function accessible(page, where) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    // @ts-expect-error evaluated above
    const found = await window.axe.run(document, { resultTypes: ["violations"] });
    return found.violations.map((/** @type {any} */ v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((/** @type {any} */ n) => `${n.target} ${n.failureSummary ?? ""}`).join(" | ")}`);
  });
  assert.deepEqual(violations, [], where);
}

const SIZES = /** @type {const} */ ([
  ["wide", { width: 1440, height: 900 }],
  ["narrow", { width: 390, height: 844 }],
]);

for (const colorScheme of /** @type {const} */ (["light", "dark"]))
  for (const [size, viewport] of SIZES)
    test(`${colorScheme}, ${size}: axe finds nothing in any view, nothing lies beside the screen`, async () => {
      await withPage({ colorScheme, viewport, reducedMotion: "reduce" }, async (page) => {
        await compiled(page);
        await example(page, /Observability/);
        await page.locator("#status", { hasText: "34 policies" }).waitFor({ state: "attached" });
        const save = (/** @type {string} */ name) => page.screenshot({ path: path.join(SCREENSHOTS, `${colorScheme}-${size}-${name}.png`) });
        await accessible(page, "edit");
        await save("edit");
        if (size === "narrow") await page.getByRole("button", { name: "See" }).click();
        await page.locator(".node").first().waitFor();
        await page.locator(".node", { hasText: /^loki$/ }).click();
        await accessible(page, "graph");
        await save("graph");
        await view(page, "Table");
        await accessible(page, "table");
        await save("table");
        await view(page, /^Policies/);
        await page.locator(".policy .head").first().click();
        await accessible(page, "policies");
        await save("policies");
        await view(page, "Ask");
        await page.locator(".verdict").waitFor();
        await page.getByLabel("Method").selectOption("POST");
        await page.locator(".verdict.denied").waitFor();
        await accessible(page, "ask");
        await save("ask");
        await view(page, /^Compare/);
        await page.locator(".changes p").first().waitFor();
        await accessible(page, "compare");
        await save("compare");
        await view(page, /^Expect/);
        await accessible(page, "expect");
        await view(page, "Cluster");
        await accessible(page, "cluster");
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(wider, 0, "the page scrolls sideways");
        await page.getByRole("button", { name: "Share" }).click();
        await page.getByLabel("Link to this workspace").waitFor();
        await accessible(page, "banner");
        await page.getByRole("button", { name: "Keys and help" }).click();
        await accessible(page, "dialog");
        await page.keyboard.press("Escape");
        if (size === "narrow") await page.getByRole("button", { name: "Edit" }).click();
        await write(page, `${exampleText("cos/bundle.yaml")}\n  - [broken`);
        await page.getByText("this is the last that could").waitFor({ state: "attached" });
        await accessible(page, "broken");
        await save("broken");
      });
    });

test("the pictures of README and docs are of this page", async () => {
  // Committed with WRITE_SCREENSHOTS=1; otherwise they lie beside the other pictures, to compare.
  const folder = process.env.WRITE_SCREENSHOTS ? path.join(ROOT, "docs") : SCREENSHOTS;
  for (const [name, colorScheme] of /** @type {const} */ ([
    ["page.png", "light"],
    ["page-ask.png", "dark"],
  ])) {
    await withPage({ colorScheme, viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" }, async (page) => {
      await compiled(page);
      await example(page, /Observability/);
      await page.locator("#status", { hasText: "34 policies" }).waitFor();
      await view(page, /^Policies/);
      await page.getByLabel("Filter policies").fill("otelcol loki /proxy");
      await page.locator(".policy .head").first().click();
      await page.locator(".policy .origin button").first().click();
      await view(page, colorScheme === "light" ? "Graph" : "Ask");
      if (colorScheme === "light") {
        await page.locator(".node", { hasText: /^loki$/ }).click();
        await page.locator(".drawer").waitFor();
      } else {
        await page.locator(".verdict").waitFor();
        await page.getByLabel("Method").selectOption("POST");
        await page.locator(".verdict.denied").waitFor();
      }
      await page.mouse.move(0, 0);
      await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
      // Time is the one thing that differs from run to run.
      await page.locator("#status").evaluate((status) => (status.textContent = "34 policies in 5 ms"));
      await page.waitForTimeout(300);
      await page.screenshot({ path: path.join(folder, name) });
    });
    const picture = readFileSync(path.join(ROOT, "docs", name));
    assert.deepEqual([picture.readUInt32BE(16), picture.readUInt32BE(20)], [1440, 900], name);
    assert.match(readFileSync(path.join(ROOT, "README.md"), "utf8") + readFileSync(path.join(ROOT, "docs/page.md"), "utf8"), new RegExp(name));
  }
});
