// Whatever stands in a field stays text, and nothing of it leaves its place.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compiled, view, withPage, write } from "./harness.mjs";

const MARKUP = "<img src=x onerror=window.hostile=1>";
const HOSTILE = {
  markup: MARKUP,
  "right-to-left": "\u202egnp.exe\u202c\u2066x",
  emoji: "👩‍👩‍👧‍👦🏴\u{e0067}\u{e007f}é",
  script: "javascript:window.hostile=1//</script><script>window.hostile=1</script>",
  "100 KB": "a".repeat(100_000),
  prototype: "__proto__",
};

/** @param {string} text */
const quoted = (text) => JSON.stringify(text);

for (const [what, text] of Object.entries(HOSTILE))
  test(`hostile text stays text: ${what}`, async () => {
    await withPage({}, async (page) => {
      await compiled(page);
      const name = quoted(text);
      const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Open…" }).click()]);
      await chooser.setFiles([
        {
          name: `${text.slice(0, 100).replace(/[/\\\0]/g, "")}.yaml`,
          mimeType: "application/yaml",
          buffer: Buffer.from(
            `charm: good\nprovides: {${name}: {interface: ${name}}, api: {interface: ${name}}}\nrequires: {service-mesh: {interface: service_mesh}}\n${name}: 1\n` +
              `policies:\n  - {kind: app, relation: api, service: ${name}, endpoints: [{paths: [${name}], hosts: [${name}], ports: [80]}], when: ${name}}\n` +
              `  - {kind: ${name}, relation: ${name}}\n` +
              `raw_policies:\n  - {name: ${name}, spec: {selector: {matchLabels: {${name}: ${name}}}, rules: [{from: [{source: {principals: [${name}], namespaces: [${name}]}}]}]}}\n`,
          ),
        },
      ]);
      await page.locator(".files .open", { hasText: "bundle" }).click();
      const bundle = (/** @type {string} */ more) =>
        `applications:\n  good: {charm: good}\n  user: {charm: ${name}}\n  beacon: {charm: istio-beacon-k8s}\n${more}relations:\n- [good:api, user:x]\n- [good:service-mesh, beacon:service-mesh]\n- [user:service-mesh, beacon:service-mesh]\n- [${quoted(`${text}:a`)}, good:api]\n`;
      await write(page, bundle(""));
      await page.locator(".problem").first().waitFor();
      await page.locator(".node").first().waitFor();
      await check();
      await view(page, "Table");
      await check();
      await view(page, /^Policies/);
      await page.getByRole("button", { name: "Expand all" }).click();
      await check();
      // In names that the compiler refuses.
      await write(page, bundle(`  ${name}: {charm: good}\nsaas: {${name}: {url: ${name}}}\n`));
      await page.locator(".problem.error").first().waitFor();
      await page.getByLabel("model").fill(text.slice(0, 1000));
      await page.getByLabel("File name").fill(text.slice(0, 1000));
      await page.waitForTimeout(200);
      await check();

      async function check() {
        assert.equal(await page.evaluate(() => "hostile" in window), false);
        assert.equal(await page.locator("img:not(h1 img, .cm-widgetBuffer), #panels script, iframe").count(), 0);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth), false, "the page scrolls sideways");
        const shown = (await page.locator("main").innerText()) + (await page.locator("svg.graph").textContent());
        assert.doesNotMatch(shown, /[\u202a-\u202e\u2066-\u2069]/, "marks that reorder text");
      }
    });
  });

test("the policy of the page refuses inline script and foreign requests", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    const policy = (await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute("content")) ?? "";
    assert.match(policy, /default-src 'self'/);
    assert.match(policy, /script-src 'self' 'wasm-unsafe-eval'/);
    assert.match(policy, /require-trusted-types-for 'script'/);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|https?:|data:|blob:|\*/);
    assert.equal(await page.locator("style, script:not([src])").count(), 0);
    assert.equal(await page.evaluate(async () => (await navigator.serviceWorker?.getRegistrations())?.length ?? 0), 0);
  });
});
