// Editing: files, problems and their fixes, completion, opening, saving, recovery.
import assert from "node:assert/strict";
import { test } from "node:test";
import { caretLine, charmsOf, commandLine, compiled, downloaded, example, exampleText, file, hold, lineOf, view, withBrowser, withPage, write } from "./harness.mjs";

const BUNDLE = exampleText("bookinfo/bundle.yaml");
const TYPO = BUNDLE.replace("'bookinfo-details-k8s:details'", "'bookinfo-detials-k8s:details'");
assert.notEqual(TYPO, BUNDLE);

/** @param {import("playwright-core").Page} page @param {string} text */
const problem = (page, text) => page.locator(".problem", { hasText: text });

test("Bookinfo is there at once, with its files, policies and graph", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    assert.match(await page.locator("#status").innerText(), /^3 policies in/);
    assert.equal(await page.locator(".files .file").count(), 1 + charmsOf("bookinfo").length);
    assert.equal(await page.getByLabel("model").inputValue(), "bookinfo");
    await page.locator(".node", { hasText: "bookinfo-productpage-k8s" }).waitFor();
    assert.equal(await page.locator(".problem.error").count(), 0);
  });
});

test("the page is painted and can be typed in before the compiler is there", async () => {
  /** @type {() => void} */
  let release = () => {};
  hold.wasm = new Promise((resolve) => (release = resolve));
  try {
    await withPage({}, async (page) => {
      await page.getByText("Loading the compiler").waitFor();
      await page.locator(".cm-content").click();
      await page.keyboard.press("Control+Home");
      await page.keyboard.type("# typed early ");
      await page.locator(".cm-line", { hasText: "# typed early" }).waitFor();
      release();
      await compiled(page);
      await page.locator(".cm-line", { hasText: "# typed early" }).waitFor();
    });
  } finally {
    release();
    hold.wasm = Promise.resolve();
  }
});

test("every example of the menu compiles", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    for (const [title, files, policies] of /** @type {[RegExp, number, number][]} */ ([
      [/^Bookinfo, across/, 2 + charmsOf("bookinfo-cross-model").length, 3],
      [/Observability/, 1 + charmsOf("cos").length, 40],
      [/^Kubeflow/, 1 + charmsOf("kubeflow").length, 23],
      [/^Bookinfo(?!,)/, 1 + charmsOf("bookinfo").length, 3],
    ])) {
      await example(page, title);
      await page.waitForFunction((files) => document.querySelectorAll(".files .file").length === files, files);
      await page.locator("#status", { hasText: `${policies} policies` }).waitFor();
      assert.equal(await page.locator(".notice.bug:visible").count(), 0);
    }
  });
});

test("a typo is underlined and listed, a click goes to its line, another one puts it right", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await write(page, TYPO);
    const line = lineOf(TYPO, "bookinfo-detials-k8s");
    const listed = problem(page, "bookinfo-detials-k8s");
    await listed.waitFor();
    assert.match(await listed.innerText(), /the bundle has no application bookinfo-detials-k8s/);
    await page.locator(".cm-lintRange-error").first().waitFor();
    await page.locator(".files .dot.error").waitFor();
    await page.locator("#status", { hasText: "2 policies" }).waitFor();
    await listed.getByRole("button", { name: `bundle.yaml:${line}` }).click();
    assert.equal(await caretLine(page), line);
    await listed.getByRole("button", { name: "Write 'bookinfo-details-k8s:details'" }).click();
    await page.locator("#status", { hasText: "3 policies" }).waitFor();
    assert.equal(await page.locator(".problem.error").count(), 0);
  });
});

test("the same by keyboard, and by pointing at the underlined word", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await write(page, TYPO);
    await problem(page, "bookinfo-detials-k8s").waitFor();
    await page.locator(".cm-content").focus();
    await page.keyboard.press("Control+Home");
    await page.keyboard.press("F8");
    while ((await caretLine(page)) !== lineOf(TYPO, "detials")) await page.keyboard.press("F8");
    await page.keyboard.press("Control+.");
    await page.locator("#status", { hasText: "3 policies" }).waitFor();
    await page.keyboard.press("Control+z");
    await problem(page, "bookinfo-detials-k8s").waitFor();
    // What lint adds comes once nobody types.
    await page.waitForTimeout(1000);
    await page.locator(".cm-lintRange-error").first().hover();
    await page.locator(".cm-tooltip .cm-diagnosticAction", { hasText: "bookinfo-details-k8s" }).first().click();
    await page.locator("#status", { hasText: "3 policies" }).waitFor();
  });
});

test("fixes: a misspelled key, a deprecated kind, an undeclared endpoint, a missing charm file, a model's name", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    const charm = exampleText("bookinfo/charms/bookinfo-details-k8s.yaml");
    await file(page, "bookinfo-details-k8s.yaml");
    await write(page, charm.replace(/kind: app/, "kind: policy").replace("methods:", "methdos:"));
    await problem(page, "methdos").getByRole("button", { name: "Write methods" }).click();
    await problem(page, "methdos").waitFor({ state: "detached" });
    await problem(page, "deprecated").getByRole("button", { name: "Write kind: app" }).click();
    await problem(page, "deprecated").waitFor({ state: "detached" });
    await write(page, charm.replace(/relation: details/, "relation: detials"));
    await problem(page, "detials").getByRole("button", { name: "Write details" }).click();
    await page.locator("#status", { hasText: "3 policies" }).waitFor();

    await page.getByRole("button", { name: "Close bookinfo-reviews-k8s.yaml" }).click({ force: true });
    await problem(page, "are unknown").getByRole("button", { name: "Begin a file for bookinfo-reviews-k8s" }).click();
    await page.locator(".cm-line", { hasText: "charm: bookinfo-reviews-k8s" }).waitFor();
    await problem(page, "are unknown").waitFor({ state: "detached" });

    await file(page, "bundle.yaml");
    await page.getByLabel("model").fill("");
    await problem(page, "needs the name of its model").getByRole("button", { name: "Call the model bookinfo" }).click();
    await problem(page, "needs the name of its model").waitFor({ state: "detached" });
    assert.equal(await page.getByLabel("model").inputValue(), "bookinfo");
  });
});

test("an ambiguous relation is written out, an offer completed", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await example(page, /Observability/);
    await page.locator("#status", { hasText: "40 policies" }).waitFor();
    const offer = problem(page, "the offer loki-logging has");
    await offer.getByRole("button", { name: "Add provide-cmr-mesh" }).click();
    await offer.waitFor({ state: "detached" });
    const text = exampleText("cos/bundle.yaml");
    const pair = /- - (loki):[\w-]+\n\s+- (alertmanager):[\w-]+\n|- \[['"]?(\w+):/.exec(text);
    assert(pair);
    await write(page, `${text.trimEnd()}\n- [grafana, loki]\n`);
    const ambiguous = page.locator(".problem", { hasText: "grafana and loki can be related in" });
    await ambiguous.getByRole("button", { name: /^Relate grafana:/ }).first().click();
    await ambiguous.waitFor({ state: "detached" });
  });
});

test("text that is not YAML keeps the last result in sight, and says so", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await write(page, `${BUNDLE}\n  - [unclosed: "\n`);
    await page.locator(".problem.error .place", { hasText: /^bundle\.yaml:\d+$/ }).first().waitFor();
    await page.getByText("this is the last that could").waitFor();
    assert.equal(await page.locator(".node").count(), 5);
    await view(page, "Table");
    await page.locator("#view-table tbody tr", { hasText: "bookinfo-details-k8s" }).first().waitFor();
    await view(page, "Graph");
    await write(page, BUNDLE);
    await page.locator("#status", { hasText: "3 policies" }).waitFor();
    assert.equal(await page.getByText("this is the last that could").count(), 0);
  });
});

test("completion knows applications, the endpoints that fit, methods, kinds and keys", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    const options = page.locator(".cm-tooltip-autocomplete li");
    const first = page.locator(".cm-tooltip-autocomplete li[aria-selected]");
    await write(page, `${BUNDLE.trimEnd()}\n`);
    await page.keyboard.press("Control+End");
    await page.keyboard.type("- [bookinfo-prod");
    await first.filter({ hasText: "bookinfo-productpage-k8s" }).waitFor();
    await page.waitForTimeout(120);
    await page.keyboard.press("Enter");
    await page.keyboard.type(":");
    await options.filter({ hasText: "reviews" }).first().waitFor();
    await page.keyboard.type("rev");
    await first.filter({ hasText: "reviews" }).waitFor();
    await page.waitForTimeout(120);
    await page.keyboard.press("Enter");
    // The application that can be related to it comes first, and of its endpoints the one that fits.
    await page.keyboard.type(", b");
    await first.filter({ hasText: "bookinfo-reviews-k8s" }).waitFor();
    await page.waitForTimeout(120);
    await page.keyboard.press("Enter");
    await page.keyboard.type(":");
    await first.filter({ hasText: "reviews" }).waitFor();
    await page.keyboard.press("Escape");

    await file(page, "bookinfo-details-k8s.yaml");
    await write(page, "charm: bookinfo-details-k8s\nprovides:\n  details:\n    interface: x\npolicies:\n  - ");
    for (const [typed, expected] of [
      ["ki", "kind"],
      ["a", "app"],
    ]) {
      await page.keyboard.type(typed);
      await first.filter({ hasText: expected }).waitFor();
      await page.waitForTimeout(120);
      await page.keyboard.press("Enter");
    }
    await page.keyboard.type("\nrelation: ");
    await first.filter({ hasText: "details" }).waitFor();
    await page.waitForTimeout(120);
    await page.keyboard.press("Enter");
    await page.keyboard.type("\nendpoints:\n  - methods: [P");
    for (const method of ["POST", "PUT", "PATCH"]) await options.filter({ hasText: method }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".cm-line", { hasText: "- kind: app" }).waitFor();
    await page.locator(".cm-line", { hasText: "relation: details" }).waitFor();
  });
});

test("files are opened by dialog, dropped, renamed, told what they are, closed, saved", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    const charm = "charm: extra\nrequires: {service-mesh: {interface: service_mesh}}\n";
    // What somebody works on stays.
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+Home");
    await page.keyboard.type("# mine ");
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Open…" }).click()]);
    await chooser.setFiles([
      { name: "extra.yaml", mimeType: "application/yaml", buffer: Buffer.from(charm) },
      { name: "other.yaml", mimeType: "application/yaml", buffer: Buffer.from("applications: {}\n") },
    ]);
    await page.locator(".files .file", { hasText: "extra" }).waitFor();
    assert.equal(await page.getByLabel("Kind").inputValue(), "bundle");
    await file(page, "extra.yaml");
    assert.equal(await page.getByLabel("Kind").inputValue(), "charm");

    await page.evaluate(() => {
      const data = new DataTransfer();
      data.items.add(new File(['[{"source_app_name": "a"}]'], "policies.json"));
      for (const type of ["dragenter", "dragover", "drop"]) document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    });
    await page.locator(".files .file", { hasText: "policies" }).waitFor();
    assert.equal(await page.getByLabel("Kind").inputValue(), "databag");

    await file(page, "extra.yaml");
    await page.getByLabel("File name").fill("renamed.yaml");
    await page.locator(".files .file", { hasText: "renamed" }).waitFor();
    const [saved] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download" }).click().then(() => page.getByRole("menuitem", { name: "renamed.yaml" }).click()),
    ]);
    assert.equal(saved.suggestedFilename(), "renamed.yaml");
    assert.equal(await downloaded(saved), charm);
    for (const name of ["renamed.yaml", "other.yaml", "policies.json"]) {
      await file(page, name);
      await page.locator(".files .open[aria-current]").focus();
      await page.keyboard.press("Delete");
    }
    await page.locator("#status", { hasText: "3 policies" }).waitFor();
    assert.equal(await page.locator(".files .file").count(), 1 + charmsOf("bookinfo").length);
  });
});

test("a charm's own file is a charm file, and what says what there is comes to the front", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Open files…" }).click()]);
    const yaml = (/** @type {string} */ name, /** @type {string} */ text) => ({ name, mimeType: "application/yaml", buffer: Buffer.from(text) });
    await chooser.setFiles([
      yaml("charmcraft.yaml", "name: web\ntype: charm\nrequires:\n  service-mesh: {interface: service_mesh}\n"),
      yaml("shop.yaml", "name: shop\napplications:\n  web: {charm: web}\n"),
      yaml("web.yaml", "policies: []\ncharm: web\n"),
    ]);
    await page.locator(".files .file", { hasText: "charmcraft" }).waitFor();
    assert.equal(await page.getByLabel("File name").inputValue(), "shop.yaml");
    assert.equal(await page.getByLabel("Kind").inputValue(), "bundle");
    for (const name of ["charmcraft.yaml", "web.yaml"]) {
      await file(page, name);
      assert.equal(await page.getByLabel("Kind").inputValue(), "charm", name);
    }
  });
});

test("files of one's own take the place of an example that nobody has touched", async () => {
  await withPage({}, async (page) => {
    /** @param {Record<string, string>} files */
    const drop = (files) =>
      page.evaluate((files) => {
        const data = new DataTransfer();
        for (const [name, text] of Object.entries(files)) data.items.add(new File([text], name));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
      }, files);
    const names = async () => (await page.locator(".files .open").allInnerTexts()).map((name) => name.split("\n")[0]);
    const charm = "charm: extra\nrequires: {service-mesh: {interface: service_mesh}}\n";
    const bundle = "applications:\n  extra: {charm: extra}\n";
    await compiled(page);
    // After a reload it is an example still.
    await page.reload();
    await compiled(page);
    await drop({ "extra.yaml": charm });
    await page.locator(".files .file", { hasText: "extra" }).waitFor();
    assert.equal(await page.locator(".files .file").count(), 2 + charmsOf("bookinfo").length);
    await drop({ "own.yaml": bundle });
    await page.getByText("Your files took the place of the example").waitFor();
    assert.equal(await page.locator(".files .file").count(), 2, String(await names()));
    await page.locator("#status", { hasText: "0 policies" }).waitFor();
    // One's own files are no example.
    await drop({ "other.yaml": bundle });
    await page.locator(".files .file", { hasText: "other" }).waitFor();
    assert.equal(await page.locator(".files .file").count(), 3);
    // Nor is one that was changed.
    await example(page, /^Bookinfo(?!,)/);
    await page.locator("#status", { hasText: "3 policies" }).waitFor();
    await page.getByLabel("model").fill("mine");
    await drop({ "own.yaml": bundle });
    await page.locator(".files .file", { hasText: "own" }).waitFor();
    assert.equal(await page.locator(".files .file").count(), 2 + charmsOf("bookinfo").length);
  });
});

test("the policies that are downloaded are those of the command line", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await example(page, /Observability/);
    await page.locator("#status", { hasText: "40 policies" }).waitFor();
    const [saved] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download" }).click().then(() => page.getByRole("menuitem", { name: /^AuthorizationPolicies/ }).click()),
    ]);
    assert.equal(await downloaded(saved), commandLine("cos=examples/cos/bundle.yaml", "--charms", "examples/cos/charms"));
  });
});

test("a reload loses nothing, neither does a closed tab; two tabs do not write over each other", async () => {
  await withBrowser({}, async (open) => {
    const page = await open();
    await compiled(page);
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+Home");
    await page.keyboard.type("# kept over a reload ");
    await page.reload();
    await page.locator(".cm-line", { hasText: "# kept over a reload" }).waitFor();

    const second = await open();
    await compiled(second);
    assert.equal(await second.locator(".cm-line", { hasText: "# kept over" }).count(), 0, "another tab has it open");
    await page.close({ runBeforeUnload: false });
    const third = await open();
    await third.locator(".cm-line", { hasText: "# kept over a reload" }).waitFor();
    await third.getByText("This is what you had open on").waitFor();
  });
});

test("several models: each bundle says whose it is", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await example(page, /across models/);
    await page.locator("#status", { hasText: "3 policies" }).waitFor();
    await page.locator(".group", { hasText: "bookinfo-2" }).waitFor();
    await file(page, "bookinfo-2");
    assert.equal(await page.getByLabel("model").inputValue(), "bookinfo-2");
    await page.getByLabel("model").fill("renamed");
    await problem(page, "the model bookinfo-2 behind").waitFor();
  });
});

test("the menus, the files and the help are reached by keyboard", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await page.getByRole("button", { name: "Examples" }).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ""), /across models/);
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Examples");
    await page.locator(".files .open[aria-current]").focus();
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.getByLabel("File name").inputValue(), "bookinfo-details-k8s.yaml");
    // Tab leaves the editor.
    await page.locator(".cm-content").focus();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.id !== "editor"), true);
    await page.getByRole("button", { name: "Keys and help" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Alt+3");
    await page.locator("#view-policies").waitFor();
    void view;
  });
});
