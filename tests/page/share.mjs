// Sharing: what a link holds, what it may not do, and what a broken one does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { compiled, example, file, view, withBrowser, withPage } from "./harness.mjs";

/** @param {unknown} value */
const fragment = (value) => `#w1.${deflateRawSync(Buffer.from(JSON.stringify(value))).toString("base64url")}`;

test("a link shows somebody else the same, to look at until it is imported", async () => {
  let link = "";
  await withPage({}, async (page) => {
    await compiled(page);
    await example(page, /Observability/);
    await page.locator("#status", { hasText: "40 policies" }).waitFor();
    await file(page, "loki-worker-k8s");
    await view(page, /^Policies/);
    await page.getByRole("button", { name: "Share" }).click();
    link = await page.getByLabel("Link to this workspace").inputValue();
  });
  const { hash } = new URL(link);
  assert(hash.length < 30_000, `${hash.length}`);
  await withBrowser({}, async (open) => {
    const page = await open(hash);
    await page.locator("#status", { hasText: "40 policies" }).waitFor();
    assert.equal(await page.getByLabel("File name").inputValue(), "loki-worker-k8s.yaml");
    assert.equal(await page.getByRole("tab", { name: /^Policies/ }).getAttribute("aria-selected"), "true");
    await page.getByText("nothing is kept or can be changed until you import them").waitFor();
    // It cannot be changed, and leaves nothing behind.
    await page.locator(".cm-content").click();
    await page.keyboard.type("changed");
    assert.equal(await page.locator(".cm-line", { hasText: "changed" }).count(), 0);
    assert.equal(await page.getByRole("button", { name: /^Close / }).count(), 0);
    await page.getByRole("button", { name: "Discard" }).click();
    await page.locator("#status", { hasText: "3 policies" }).waitFor();
    assert.equal(new URL(page.url()).hash, "");

    const again = await open(hash);
    await again.locator("#status", { hasText: "40 policies" }).waitFor();
    await again.getByRole("button", { name: "Import" }).click();
    await again.locator(".cm-content").click();
    await again.keyboard.press("Control+Home");
    await again.keyboard.type("# mine now\n");
    assert.equal(new URL(again.url()).hash, "");
    await again.reload();
    await again.locator(".cm-line", { hasText: "# mine now" }).waitFor();
    await again.locator("#status", { hasText: "40 policies" }).waitFor();
  });
});

test("a link with what cannot be read says that, and calls it no fault of the page", async () => {
  await withBrowser({}, async (open) => {
    const page = await open(fragment({ files: [["x.yaml", "bundle", "x", "applications: ["]], active: 0, view: "graph" }));
    await page.getByText("The input cannot be read. See the problems.").waitFor();
    assert.equal(await page.locator(".notice.bug:visible").count(), 0);
    assert.equal(await page.locator("#status").innerText(), "not current");
    await view(page, "Table");
    assert.equal(await page.locator(".notice.bug:visible").count(), 0);
  });
});

test("what one had open survives a link", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+Home");
    await page.keyboard.type("# my own\n");
    await page.evaluate((hash) => (location.hash = hash), fragment({ files: [["x.yaml", "bundle", "x", "applications: {}\n"]], active: 0, view: "table" }));
    await page.getByRole("button", { name: "Discard" }).click();
    await page.locator(".cm-line", { hasText: "# my own" }).waitFor();
  });
});

for (const [what, hash, says] of /** @type {[string, string, RegExp][]} */ ([
  ["is cut", "#w1.7VfbbtswDP0Vwc8N", /cut or changed/],
  ["holds other characters", "#w1.<img src=x onerror=alert(1)>", /characters that no link has/],
  ["is of another version", "#w9.abc", /another version/],
  ["is too long", `#w1.${"A".repeat(70_000)}`, /longer than/],
  ["unfolds without end", fragment({ files: [["x.yaml", "bundle", "", "a".repeat(5_000_000)]], active: 0, view: "" }), /unfolds to more than 4 MB/],
  ["holds something else", fragment([1, 2, 3]), /no files of this page/],
  ["holds a file of no kind", fragment({ files: [["x", "constructor", "", ""]], active: 0, view: "" }), /no files of this page/],
  ["holds a wrong state", fragment({ files: [], active: "0", view: "" }), /no state of this page/],
]))
  test(`a link that ${what} is refused, and the page goes on`, async () => {
    await withBrowser({}, async (open) => {
      const page = await open(hash);
      await compiled(page);
      assert.match(await page.locator("#banner").innerText(), /The link cannot be opened/);
      assert.match(await page.locator("#banner").innerText(), says);
      assert.equal(await page.getByRole("button", { name: "Import" }).count(), 0);
      assert.match(await page.locator("#status").innerText(), /^3 policies/);
    });
  });
