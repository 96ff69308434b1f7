// The page under `kubectl proxy`, against a real API server: connect, compare, apply, be framed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { after, before, test } from "node:test";
import { DIST, commandLine, example, launch, buildPage, view, write, exampleText, file } from "../page/harness.mjs";
import { programs } from "./programs.mjs";
import { startCluster } from "./start.mjs";

/** @type {import("./start.mjs").Cluster} */
let cluster;
/** @type {import("node:child_process").ChildProcess} */
let proxy;
/** @type {import("playwright-core").Browser} */
let browser;
let origin = "";

before(async () => {
  await buildPage();
  cluster = await startCluster();
  for (const name of ["bookinfo", "istio-system"]) await cluster.kubectl(["create", "namespace", name]);
  const [program = "", ...args] = programs().kubectl;
  proxy = spawn(program, [...args, "--kubeconfig", cluster.kubeconfig, "proxy", "--port=0", `--www=${DIST}`], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(/** @type {import("node:stream").Readable} */ (proxy.stdout).setEncoding("utf8"), "data");
  origin = `http://${/127\.0\.0\.1:\d+/.exec(line)?.[0]}`;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  proxy?.kill();
  await cluster?.stop();
});

/** @param {(page: import("playwright-core").Page) => Promise<void>} use */
async function withPage(use) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(30_000);
  /** @type {string[]} */
  const complaints = [];
  try {
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== origin) complaints.push(request.url());
    });
    page.on("console", (message) => {
      // What the API server refuses, the browser writes down as well.
      if (message.type() === "error" && !/status of (?:404|409)/.test(message.text())) complaints.push(message.text());
    });
    await page.goto(`${origin}/static/`);
    await use(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

/** What is there, by name. */
const names = async () => {
  const { stdout } = await cluster.kubectl(["get", "authorizationpolicies", "-n", "bookinfo", "-o", "jsonpath={.items[*].metadata.name}"]);
  return stdout.split(" ").filter(Boolean).sort();
};

test("connect, compare, apply after a confirmation, compare again", async () => {
  await withPage(async (page) => {
    await page.locator("#status", { hasText: "3 policies" }).waitFor();
    await view(page, "Cluster");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.locator(".cluster-head h2", { hasText: new URL(origin).host }).waitFor();
    await page.getByText("Only read so far.").waitFor();
    await page.getByRole("button", { name: "Compare with the cluster" }).click();
    await page.getByText("3 to create, 0 to update, 0 to delete, 0 unchanged.").waitFor();
    assert.deepEqual(await names(), [], "nothing is written by comparing");

    // What is edited in the meantime is compared first.
    const bundle = exampleText("bookinfo/bundle.yaml");
    await file(page, "bundle");
    await write(page, bundle.replace(/^- \['bookinfo-productpage-k8s:reviews.*\n/m, ""));
    await page.getByText("The files have changed since they were compared.").waitFor();
    assert.equal(await page.getByRole("button", { name: /^Apply/ }).count(), 0);
    await page.getByRole("button", { name: "Compare again" }).click();
    await page.getByText("2 to create").waitFor();
    await page.getByRole("button", { name: "Apply 2 changes …" }).click();
    const dialog = page.getByRole("dialog", { name: "Apply to this cluster?" });
    assert.match(await dialog.innerText(), new RegExp(`${new URL(origin).host}, v\\d[^]*2 policies will be created, 0 updated, 0 deleted`));
    await dialog.getByRole("button", { name: "Cancel" }).click();
    assert.deepEqual(await names(), []);
    await page.getByRole("button", { name: "Apply 2 changes …" }).click();
    await dialog.getByRole("button", { name: "Apply 2 changes" }).click();
    await page.getByText("Done: 2 created, 0 updated, 0 deleted.").waitFor();
    assert.equal((await names()).length, 2);

    await write(page, bundle);
    await page.getByRole("button", { name: "Compare again" }).click();
    await page.getByText("1 to create, 0 to update, 0 to delete, 2 unchanged.").waitFor();
    await page.getByRole("button", { name: "Apply 1 change …" }).click();
    await dialog.getByRole("button", { name: "Apply 1 change" }).click();
    await page.getByText("Done: 1 created").waitFor();
    const expected = commandLine("bookinfo=examples/bookinfo/bundle.yaml", "--charms", "examples/bookinfo/charms").match(/^ {2}name: (\S+)$/gm)?.map((line) => line.slice(8));
    assert.deepEqual(await names(), expected?.sort());
    await page.getByRole("button", { name: "Compare again" }).click();
    await page.getByText("The cluster is as these files say: 3 policies.").waitFor();
  });
});

test("what a link brought is fed to no cluster before it is imported", async () => {
  await withPage(async (page) => {
    await example(page, /^Bookinfo(?!,)/);
    await page.locator("#status", { hasText: "3 policies" }).waitFor();
    await page.getByRole("button", { name: "Share" }).click();
    const link = await page.getByLabel("Link to this workspace").inputValue();
    await page.goto("about:blank");
    await page.goto(link);
    await page.getByText("A link brought these files").waitFor();
    await view(page, "Cluster");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("button", { name: "Compare with the cluster" }).click();
    await page.getByText("import them first").waitFor();
    await page.getByRole("button", { name: "Import" }).click();
    await page.getByRole("button", { name: /^Compare/ }).click();
    await page.getByText("The cluster is as these files say").waitFor();
  });
});

test("the live mesh opens as a file, is shown, and can be asked about", async () => {
  // It has something that no example has, so that what is seen is the live mesh.
  await cluster.kubectl(["run", "only-in-the-cluster", "-n", "bookinfo", "--image", "none"]);
  await withPage(async (page) => {
    await page.locator("#status", { hasText: "3 policies" }).waitFor();
    await view(page, "Cluster");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("button", { name: "Open the live mesh" }).click();
    await page.getByText("The live mesh is open as a file").waitFor();
    await page.locator(".files .open", { hasText: "cluster" }).waitFor();
    await page.locator("#status", { hasText: "3 policies" }).waitFor();
    await view(page, "Graph");
    await page.locator(".node", { hasText: "only-in-the-cluster" }).waitFor();
    await view(page, "Ask");
    await page.locator(".verdict").waitFor();
    await view(page, "Cluster");
    await page.getByRole("button", { name: "Compare again" }).click();
    await page.getByText("there is nothing to compare").waitFor();
  });
});

test("framed, the page talks to no cluster", async () => {
  // Another site puts the page into a frame.
  const outer = http.createServer((_, response) => response.setHeader("content-type", "text/html").end(`<iframe src="${origin}/static/" width="1300" height="800"></iframe>`));
  await new Promise((resolve) => outer.listen(0, "127.0.0.1", () => resolve(undefined)));
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    const page = await context.newPage();
    const { port } = /** @type {import("node:net").AddressInfo} */ (outer.address());
    await page.goto(`http://127.0.0.1:${port}/`);
    const frame = page.frameLocator("iframe");
    await frame.getByRole("tab", { name: "Cluster" }).click();
    await frame.getByText("From there it talks to no cluster").waitFor();
    assert.equal(await frame.getByRole("button", { name: "Connect" }).count(), 0);
  } finally {
    await context.close();
    outer.close();
    outer.closeAllConnections();
  }
});
