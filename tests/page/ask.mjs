// Asking: may this client send this request to that target?
import assert from "node:assert/strict";
import { test } from "node:test";
import { caretLine, compiled, example, exampleText, file, view, withPage, write } from "./harness.mjs";

const DETAILS = exampleText("bookinfo/charms/bookinfo-details-k8s.yaml");

test("a question is answered while it is typed, with ways, layers and the nearest miss", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await view(page, "Ask");
    const answer = page.locator(".answer");
    await answer.locator(".verdict.allowed", { hasText: "Yes" }).waitFor();
    assert.equal(await page.getByLabel("Client").inputValue(), "bookinfo/bookinfo-productpage-k8s");
    assert.equal(await page.getByLabel("Target").inputValue(), "bookinfo/bookinfo-details-k8s");
    assert.match(await answer.innerText(), /Through the waypoint: allowed[^]*ztunnel bookinfo\/bookinfo-details-k8s/);
    await page.getByLabel("Method").selectOption("POST");
    await answer.locator(".verdict.denied", { hasText: "No" }).waitFor();
    assert.match(await answer.innerText(), /method: it wants GET, the request has POST/);
    assert.match(await answer.innerText(), /ztunnel bookinfo\/bookinfo-details-k8s\s+is not reached/);
    await answer.getByRole("button", { name: /^bookinfo-details-k8s\.yaml:\d+$/ }).first().click();
    assert.match((await page.locator(".cm-activeLine").innerText()).trim(), /^- kind: app$|relation: details/);
    assert((await caretLine(page)) > 10);

    // The declaration changes, and so does the answer.
    await write(page, DETAILS.replace(/methods:\n(\s+)- GET/, "methods:\n$1- GET\n$1- POST"));
    await answer.locator(".verdict.allowed").waitFor();
    await page.getByLabel("Path").fill("/admin");
    await answer.locator(".verdict.denied").waitFor();
    assert.match(await answer.innerText(), /path: it wants \/health or \/details\/\*, the request has \/admin/);
    await answer.getByRole("button", { name: "the policy" }).first().click();
    await page.getByRole("button", { name: /^Showing 1 policy/ }).waitFor();
  });
});

test("clients outside the mesh, pods, short names and things that cannot be asked", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await view(page, "Ask");
    const answer = page.locator(".answer");
    await answer.locator(".verdict").waitFor();
    await page.getByLabel("What is connected to").selectOption("the pods of");
    await answer.getByText("To the pods' own address: denied").waitFor();
    await page.getByLabel("Client").fill("anyone outside the mesh");
    await answer.getByText("without identity").first().waitFor();
    await page.getByLabel("Client").fill("bookinfo-details-k8s");
    await page.getByLabel("Port", { exact: true }).fill("9080");
    await answer.locator(".verdict.allowed").waitFor();
    await page.getByLabel("Port", { exact: true }).fill("many");
    await answer.getByText("must be a number").waitFor();
    await page.getByLabel("Port", { exact: true }).fill("9080");
    await page.getByLabel("Target").fill("bookinfo/nobody");
    await answer.locator(".verdict.depends", { hasText: "It depends" }).waitFor();
    await answer.getByText("the input does not describe it").waitFor();
    await page.getByLabel("Target").fill("");
    await answer.getByText("Name a client and a target").waitFor();
    await page.getByLabel("Path").fill("/<img src=x onerror=window.hostile=1>\u202e");
    await page.getByLabel("Target").fill("bookinfo/bookinfo-details-k8s");
    await answer.locator(".verdict").waitFor();
    assert.equal(await page.evaluate(() => "hostile" in window), false);
  });
});

test("an arrow of the graph can be asked about", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await example(page, /Observability/);
    await page.locator(".node", { hasText: /^loki$/ }).click();
    await page.locator(".drawer li", { hasText: "/proxy/worker" }).getByRole("button", { name: "ask" }).click();
    await page.locator(".verdict.allowed").waitFor();
    assert.equal(await page.getByLabel("Path").inputValue(), "/proxy/worker/x/metrics");
    assert.equal(await page.getByLabel("Client").inputValue(), "cos/otelcol");
    await file(page, "bundle");
    await write(page, "applications: [");
    await page.getByText("this is the last that could").waitFor();
  });
});

test("what would allow a denied request is found, inserted, and taken back", async () => {
  await withPage({}, async (page) => {
    await compiled(page);
    await view(page, "Ask");
    const answer = page.locator(".answer");
    await answer.locator(".verdict.allowed").waitFor();
    await page.getByLabel("Method").selectOption("DELETE");
    const advice = page.getByRole("region", { name: "What would allow it" });
    await advice.getByText("Add an endpoint to the app policy for details in the charm bookinfo-details-k8s: DELETE /health on port 9080.").waitFor();
    assert.match(await advice.locator("pre").innerText(), /\+ - ports: \[9080\]\n\+ {3}methods: \[DELETE\]\n\+ {3}paths: \[\/health\]/);
    await advice.getByRole("button", { name: "Insert it" }).click();
    await answer.locator(".verdict.allowed").waitFor();
    assert.equal(await page.getByLabel("File name").inputValue(), "bookinfo-details-k8s.yaml");
    await page.locator(".cm-line", { hasText: "methods: [DELETE]" }).waitFor();
    await page.getByText("Inserted into bookinfo-details-k8s.yaml.").waitFor();
    // By the editor's own key, and by the button.
    await page.locator(".cm-content").focus();
    await page.keyboard.press("Control+z");
    await answer.locator(".verdict.denied").waitFor();
    assert.equal(await page.locator(".cm-line", { hasText: "methods: [DELETE]" }).count(), 0);
    await advice.getByRole("button", { name: "Insert it" }).click();
    await answer.locator(".verdict.allowed").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await answer.locator(".verdict.denied").waitFor();
    assert.equal(await page.locator(".cm-line", { hasText: "methods: [DELETE]" }).count(), 0);

    // Two files at once, in the bundle and in a charm file.
    await page.getByLabel("Client").fill("bookinfo/bookinfo-details-k8s");
    await page.getByLabel("Target").fill("bookinfo/bookinfo-reviews-k8s");
    await advice.getByText("Nothing that is declared can allow it").waitFor();
    await page.getByLabel("Client").fill("anyone outside the mesh");
    await advice.getByText("a client outside the mesh has no identity", { exact: false }).waitFor();
    assert.equal(await advice.getByRole("button", { name: /Insert/ }).count(), 0);
  });
});
