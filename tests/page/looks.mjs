// How it looks: light and dark, wide and narrow; what a screen reader is told; the README's pictures.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { ROOT, SCREENSHOTS, browser, compiled, example, view, withPage, write, exampleText } from "./harness.mjs";

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
        await page.locator("#status", { hasText: "40 policies" }).waitFor({ state: "attached" });
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

/** Light and dark are compared in squares of so many pixels, so that how a letter is smoothed does not count. */
const SQUARE = 16;
/** How much a square's mean may differ, of 255. */
const TONE = 14;
/** How many squares may differ more: less than one line of text of the page has. */
const SHARE = 0.006;

/**
 * The part of the squares in which two pictures differ.
 * @param {Buffer} one
 * @param {Buffer} other
 */
async function difference(one, other) {
  const context = await browser().newContext();
  try {
    const page = await context.newPage();
    return await page.evaluate(
      async ([SQUARE, TONE, ...pictures]) => {
        const square = Number(SQUARE);
        const means = await Promise.all(
          pictures.map(async (text) => {
            const bytes = Uint8Array.from(atob(String(text)), (c) => c.charCodeAt(0));
            const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
            const canvas = new OffscreenCanvas(Math.round(bitmap.width / square), Math.round(bitmap.height / square));
            const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
            // Drawn in steps of a half, which takes means; in one step it would take single points.
            let [image, width, height] = [/** @type {CanvasImageSource} */ (bitmap), bitmap.width, bitmap.height];
            while (width / 2 >= canvas.width) {
              const half = new OffscreenCanvas((width /= 2), (height /= 2));
              const into = /** @type {OffscreenCanvasRenderingContext2D} */ (half.getContext("2d"));
              into.drawImage(image, 0, 0, half.width, half.height);
              image = half;
            }
            context.drawImage(image, 0, 0, canvas.width, canvas.height);
            return context.getImageData(0, 0, canvas.width, canvas.height).data;
          }),
        );
        const [a, b] = means;
        if (!a || !b || a.length !== b.length) return 1;
        let unlike = 0;
        for (let at = 0; at < a.length; at += 4) if ([0, 1, 2].some((channel) => Math.abs((a[at + channel] ?? 0) - (b[at + channel] ?? 0)) > Number(TONE))) unlike++;
        return (unlike * 4) / a.length;
      },
      [SQUARE, TONE, one.toString("base64"), other.toString("base64")],
    );
  } finally {
    await context.close();
  }
}

test("the pictures of README and docs are of this page", async (t) => {
  const write = process.env.WRITE_SCREENSHOTS;
  /** @type {Buffer[]} */
  const made = [];
  for (const [name, colorScheme] of /** @type {const} */ ([
    ["page.png", "light"],
    ["page-ask.png", "dark"],
  ])) {
    await withPage({ colorScheme, viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" }, async (page) => {
      await compiled(page);
      await example(page, /Observability/);
      await page.locator("#status", { hasText: "40 policies" }).waitFor();
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
        await page.locator(".advice").getByRole("button", { name: "Insert it" }).waitFor();
      }
      // What lint adds comes last.
      await page.locator("#counts", { hasText: "notes" }).waitFor();
      await page.waitForTimeout(1000);
      await page.mouse.move(0, 0);
      await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
      // Time is the one thing that differs from run to run.
      await page.locator("#status").evaluate((status) => (status.textContent = "40 policies in 5 ms"));
      made.push(await page.screenshot({ path: path.join(write ? path.join(ROOT, "docs") : SCREENSHOTS, name) }));
    });
    const picture = readFileSync(path.join(ROOT, "docs", name));
    const unlike = await difference(picture, /** @type {Buffer} */ (made.at(-1)));
    t.diagnostic(`docs/${name} differs from the page in ${(unlike * 100).toFixed(2)} % of its squares`);
    assert(
      unlike <= SHARE,
      `docs/${name} is not of this page: ${(unlike * 100).toFixed(1)} % of its squares differ. Compare it with .cache/screenshots/${name}; if the page is as it should be, WRITE_SCREENSHOTS=1 node tools/test.mjs "page tests" writes the pictures anew`,
    );
    assert.deepEqual([picture.readUInt32BE(16), picture.readUInt32BE(20)], [1440, 900], name);
    assert.match(readFileSync(path.join(ROOT, "README.md"), "utf8") + readFileSync(path.join(ROOT, "docs/page.md"), "utf8"), new RegExp(name));
  }
  // Two pictures that are not the same are told apart.
  const [one, other] = made;
  assert(one && other && (await difference(one, other)) > 0.5);
});
