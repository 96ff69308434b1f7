// Comparing: what a change grants and revokes; and what lint says of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compiled, exampleText, file, view, withPage, write } from "./harness.mjs";

const DETAILS = exampleText("bookinfo/charms/bookinfo-details-k8s.yaml");

test("a change shows what it grants and revokes, each with a request, while one types", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await view(page, /^Compare/);
    const changes = page.locator(".changes");
    await changes.getByText("Nobody may do anything more, and nobody anything less.").waitFor();
    await file(page, "bookinfo-details-k8s.yaml");
    await write(page, DETAILS.replace("- GET", "- POST").replace("- /health\n", "- /healthz\n"));
    await changes.locator(".granted li", { hasText: "may now POST /details/* or /healthz on port 9080" }).waitFor();
    await changes.locator(".revoked li", { hasText: "may no longer GET /details/* or /health on port 9080" }).waitFor();
    await page.getByRole("tab", { name: "Compare 2" }).waitFor();

    // The request that shows it, asked.
    await changes.locator(".granted").getByRole("button", { name: "ask" }).click();
    await page.locator(".verdict.allowed").waitFor();
    assert.equal(await page.getByLabel("Method").inputValue(), "POST");
    assert.equal(await page.getByLabel("Path").inputValue(), "/healthz");

    await view(page, /^Compare/);
    await page.getByRole("button", { name: "Keep this as baseline" }).click();
    await changes.getByText("Nobody may do anything more").waitFor();
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Open a baseline…" }).click()]);
    await chooser.setFiles([{ name: "bookinfo-details-k8s.yaml", mimeType: "application/yaml", buffer: Buffer.from(DETAILS) }]);
    await changes.locator(".granted li", { hasText: "may now POST" }).waitFor();
    await page.getByText("Compared with the files you opened").waitFor();
    // Two texts that mean the same.
    await write(page, `# only a comment\n${DETAILS}`);
    await changes.getByText("Nobody may do anything more").waitFor();
  });
});

test("lint joins the problems once nobody types", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await file(page, "bookinfo-details-k8s.yaml");
    await write(page, `${DETAILS.trimEnd()}\nraw_policies:\n  - name: open\n    spec: {selector: {matchLabels: {app.kubernetes.io/name: bookinfo-details-k8s}}, rules: [{}]}\n`);
    const finding = page.locator(".problem", { hasText: "allows anyone anything" });
    await finding.waitFor();
    assert.match(await finding.innerText(), /allows-anyone/);
    await write(page, DETAILS);
    await finding.waitFor({ state: "detached" });
  });
});

test("expectations hold or do not, each with a request, while one types", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await view(page, /^Expect/);
    await page.getByRole("button", { name: "Begin a file of expectations" }).click();
    await page.locator(".cm-line", { hasText: "nobody else reaches it" }).waitFor();
    await write(
      page,
      `- {name: the page reads details, expect: allow, from: [bookinfo/bookinfo-productpage-k8s], to: bookinfo/bookinfo-details-k8s, port: 9080, method: GET, path: /health}
- {name: nobody writes details, expect: deny, from: [any], to: bookinfo/bookinfo-details-k8s, method: POST}
- {name: nobody reads details, expect: deny, from: [any], to: bookinfo/bookinfo-details-k8s}
`,
    );
    const list = page.locator("#view-expect");
    await list.getByText("1 of 3 expectations does not hold.").waitFor();
    await list.locator(".fails", { hasText: "nobody reads details" }).getByRole("button", { name: "ask" }).click();
    await page.locator(".verdict.allowed").waitFor();
    await view(page, /^Expect/);
    await file(page, "bookinfo-details-k8s.yaml");
    await write(page, DETAILS.replace("- GET", "- POST"));
    await list.getByText("3 of 3 expectations do not hold.").waitFor();
    await page.getByRole("tab", { name: "Expect 3" }).waitFor();
    await file(page, "expectations");
    await write(page, "- {name: x, expect: perhaps}\n");
    await list.locator(".failure").first().waitFor();
  });
});
