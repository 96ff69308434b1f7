// The packed npm package, installed into fresh folders and used there as its users do.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { assertShown, sessions } from "../node/shown.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TOOLS = path.join(ROOT, "node_modules/.bin");
const EXAMPLE = path.join(ROOT, "examples/bookinfo");

/** The oldest Node that we name, and the lines that are kept. npm has them as packages. */
const NODES = ["20.19.0", "22", "24"];

const run = promisify(execFile);
const LARGE = { maxBuffer: 1 << 26 };

/** The surrounding `npm` or `make` must not reach the projects of these tests. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_(config|package|lifecycle)_|MAKE|MFLAGS|NODE_)/.test(name)),
);

let folder = "";
let tarball = "";
let project = "";

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "mesh-policy-package-"));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: ROOT, env, ...LARGE });
  tarball = path.join(folder, JSON.parse(stdout)[0].filename);
  project = path.join(folder, "project");
  await mkdir(project);
  await writeFile(path.join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  await run("npm", ["install", "--no-audit", "--no-fund", tarball], { cwd: project, env, ...LARGE });
});

after(() => rm(folder, { recursive: true, force: true }));

test("the package holds what users need and nothing else", async () => {
  const { stdout } = await run("npm", ["pack", "--json", "--dry-run"], { cwd: ROOT, env, ...LARGE });
  /** @type {string[]} */
  const files = JSON.parse(stdout)[0].files.map((/** @type {{ path: string }} */ file) => file.path);
  assert(files.includes("pkg/mesh_policy_bg.wasm") && files.includes("host/cli.js") && files.includes("man/mesh-policy.1"));
  const odd = files.filter((file) => !/^(host|pkg|docs|www\/dist)\/|^examples\/.*\.(yaml|md)$|^examples\/charm\/\w+\/(dispatch|package\.json|src\/\w+\.js)$|^([A-Z]+\.md|LICENSE|package\.json|man\/mesh-policy\.1)$/.test(file));
  assert.deepEqual(odd, []);
  const readme = await readFile(path.join(ROOT, "README.md"), "utf8");
  const links = [...readme.matchAll(/\]\(([^)#:]+)[^):]*\)/g)].map(([, link]) => link ?? "");
  assert.ok(links.length > 10);
  assert.deepEqual(links.filter((link) => !files.some((file) => file === link || file.startsWith(`${link.replace(/\/$/, "")}/`))), [], "the README's links lead nowhere");
  const { scripts = {} } = JSON.parse(await readFile(path.join(ROOT, "package.json"), "utf8"));
  assert.deepEqual(Object.keys(scripts).filter((name) => /install|prepare/.test(name)), [], "no install scripts");
  /** @type {{ packages: Record<string, { dev?: boolean, hasInstallScript?: boolean }> }} */
  const lock = JSON.parse(await readFile(path.join(ROOT, "package-lock.json"), "utf8"));
  const shipped = Object.entries(lock.packages).filter(([, { dev }]) => !dev);
  assert.ok(shipped.length > 10, "the lock file lists what is shipped");
  assert.deepEqual(shipped.filter(([, { hasInstallScript }]) => hasInstallScript).map(([name]) => name), [], "nor has what is installed with it");
});

test("publint finds nothing", async () => {
  const { stdout } = await run(process.execPath, [path.join(TOOLS, "publint"), "run", tarball, "--strict"], { cwd: project });
  assert.match(stdout, /All good!/);
});

test("attw finds the types right wherever ES modules are read", async () => {
  await run(process.execPath, [path.join(TOOLS, "attw"), tarball, "--profile", "esm-only", "--no-color"], LARGE);
});

test("TypeScript accepts the package's own uses of its types", async () => {
  const uses = ["uses.ts", "kubernetes.ts", "juju.ts"];
  for (const name of uses) {
    const text = await readFile(path.join(ROOT, "tests/types", name), "utf8");
    const typed = text.replaceAll("../../host/index.js", "mesh-policy").replace(/\.\.\/\.\.\/host\/(\w+)\.js/g, "mesh-policy/$1");
    assert.doesNotMatch(typed, /\.\.\//, name);
    await writeFile(path.join(project, name), typed);
  }
  await writeFile(
    path.join(project, "browser.ts"),
    "import init, { compile } from 'mesh-policy';\nawait init();\ncompile({}).free();\n",
  );
  const strict = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2023,dom"];
  const tsc = [path.join(TOOLS, "tsc"), ...strict];
  await run(process.execPath, [...tsc, "--module", "nodenext", "--typeRoots", path.join(ROOT, "node_modules/@types"), "--types", "node", ...uses], { cwd: project, env });
  await run(process.execPath, [...tsc, "--module", "esnext", "--moduleResolution", "bundler", "browser.ts"], {
    cwd: project,
    env,
  });
  // Types of its own are enough: TypeScript 7 does not take those of Node unless it is told to.
  const entries = ["mesh-policy", "mesh-policy/juju", "mesh-policy/kubernetes"];
  await writeFile(path.join(project, "alone.ts"), entries.map((entry, at) => `export * as entry${at} from '${entry}';\n`).join(""));
  await run(process.execPath, [...tsc, "--module", "nodenext", "--types", "", "alone.ts"], { cwd: project, env });
});

test("the README's examples, typed as written", async () => {
  const home = path.join(project, "readme");
  await mkdir(home);
  await cp(path.join(project, "node_modules/mesh-policy/examples"), path.join(home, "examples"), { recursive: true });
  const found = sessions(await readFile(path.join(project, "node_modules/mesh-policy/README.md"), "utf8"));
  assert(found.length >= 5);
  for (const { command, shown } of found) {
    // npm's own warnings are about the machine's configuration.
    const { stdout } = await run("bash", ["-c", `{ ${command}\n} 2>&1 || true`], { cwd: home, env: { ...env, npm_config_loglevel: "silent" }, ...LARGE });
    assertShown(shown, stdout.trimEnd().split("\n").map((line) => line.trimEnd()));
  }
});

test("every entry of the package, and nothing beside them", async () => {
  const { exports } = JSON.parse(await readFile(path.join(ROOT, "package.json"), "utf8"));
  assert.deepEqual(Object.keys(exports), [".", "./mesh_policy_bg.wasm", "./juju", "./kubernetes", "./package.json"]);
  const program = `
    import { AppPolicy, Program, compile } from 'mesh-policy';
    import { KubernetesClient, KubernetesError, PolicyResourceManager, readMesh, reconcileCharmLabels, removeCharmLabels } from 'mesh-policy/kubernetes';
    import { Hook, ServiceMeshConsumer, ServiceMeshProvider } from 'mesh-policy/juju';
    for (const one of [AppPolicy, Program, compile, KubernetesClient, KubernetesError, readMesh, reconcileCharmLabels, removeCharmLabels, Hook, ServiceMeshConsumer, ServiceMeshProvider]) {
      if (typeof one !== 'function') throw new Error(String(one));
    }
    const asked = [];
    const lightkubeClient = { request: async ({ method, path }) => {
      asked.push(method + ' ' + path);
      return { status: 200, headers: {}, body: '{"kind": "AuthorizationPolicyList", "metadata": {"resourceVersion": "1"}, "items": []}' };
    } };
    const charm = { app: { name: 'beacon' }, model: { name: 'shop' } };
    const { unchanged } = await new PolicyResourceManager({ charm, lightkubeClient, labels: { a: 'b' } }).reconcile([], 'istio');
    console.log(JSON.stringify({ unchanged, asked }));`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program], { cwd: project, env });
  assert.deepEqual(JSON.parse(stdout), { unchanged: 0, asked: ["GET /apis/security.istio.io/v1/authorizationpolicies"] });
  for (const inside of ["mesh-policy/host/cli.js", "mesh-policy/pkg/mesh_policy.js"]) {
    const ended = run(process.execPath, ["--input-type=module", "-e", `await import('${inside}')`], { cwd: project, env });
    await assert.rejects(ended, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
  }
});

for (const version of NODES) {
  test(`import and command line in Node ${version}`, { timeout: 300_000 }, async () => {
    const home = path.join(folder, `node-${version}`);
    await mkdir(home);
    await writeFile(path.join(home, "package.json"), "{}");
    const platform = `node-${process.platform}-${process.arch}`;
    await run("npm", ["install", "--no-audit", "--no-fund", `${platform}@${version}`], { cwd: home, env, ...LARGE });
    const node = path.join(home, "node_modules", platform, "bin/node");
    const told = (await run(node, ["--version"])).stdout;
    assert(told.startsWith(`v${version}`), told);

    const program = "import { compile } from 'mesh-policy'; const c = compile({}); console.log(c.json()); c.free();";
    const { stdout: imported } = await run(node, ["--input-type=module", "-e", program], { cwd: project, env });
    assert.deepEqual(JSON.parse(imported).authorizationPolicies, []);

    const { stdout } = await run(
      node,
      [
        "node_modules/mesh-policy/host/cli.js",
        "compile",
        `bookinfo=${EXAMPLE}/bundle.yaml`,
        "--charms",
        `${EXAMPLE}/charms`,
      ],
      { cwd: project, env },
    );
    assert.match(stdout, /^kind: AuthorizationPolicy$/m);
  });
}

const MAIN = "import init, { compile } from 'mesh-policy';\n";
const SHOW = `
const compilation = compile({});
const told = Object.keys(JSON.parse(compilation.json())).join();
compilation.free();
`;
const TELL = "document.title = told;\n";
const HTML = '<!doctype html><title>waiting</title><script type="module" src="./main.js"></script>\n';
const EXPECTED = "meshPolicies,authorizationPolicies,diagnostics";

/** @param {string} name @param {Record<string, string>} files */
async function app(name, files) {
  const home = path.join(project, name);
  await mkdir(home);
  for (const [file, text] of Object.entries(files)) await writeFile(path.join(home, file), text);
  return home;
}

/**
 * Serves a folder and gives what the page's title becomes.
 * @param {string} root
 * @param {string} page
 */
async function title(root, page) {
  /** @type {Record<string, string>} */
  const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
  const server = http.createServer(async (request, response) => {
    const file = path.join(root, path.normalize(new URL(request.url ?? "/", "http://page").pathname));
    try {
      const body = await readFile(file);
      response.writeHead(200, { "content-type": types[path.extname(file)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  assert(address && typeof address === "object");
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  try {
    const tab = await browser.newPage();
    /** @type {string[]} */
    const errors = [];
    tab.on("pageerror", (error) => errors.push(error.message));
    await tab.goto(`http://127.0.0.1:${address.port}/${page}`);
    try {
      await tab.waitForFunction("document.title !== 'waiting'", undefined, { timeout: 20_000 });
    } catch {
      assert.fail(`the page did not come up: ${errors.join("; ")}`);
    }
    return await tab.title();
  } finally {
    await browser.close();
    server.close();
  }
}

test("a build by Vite, with a worker", async () => {
  const home = await app("vite", {
    "index.html": HTML,
    "main.js":
      "const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });\n" +
      "worker.onmessage = ({ data }) => { document.title = data; };\n",
    "worker.js": `${MAIN}await init();\n${SHOW}postMessage(told);\n`,
    "vite.config.js": "export default { build: { target: 'es2022' }, worker: { format: 'es' } };\n",
  });
  await run(process.execPath, [path.join(ROOT, "node_modules/vite/bin/vite.js"), "build", ".", "--logLevel", "error"], {
    cwd: home,
    env,
  });
  assert.equal(await title(path.join(home, "dist"), "index.html"), EXPECTED);
});

test("a build by webpack", async () => {
  const home = await app("webpack", {
    "index.html": HTML,
    "entry.js": `${MAIN}await init();\n${SHOW}${TELL}`,
    "build.mjs":
      `import webpack from ${JSON.stringify(path.join(ROOT, "node_modules/webpack/lib/index.js"))};\n` +
      "webpack({ context: import.meta.dirname, mode: 'production', entry: './entry.js', devtool: false,\n" +
      "  output: { path: import.meta.dirname + '/dist', filename: 'main.js', publicPath: '' } }, (error, stats) => {\n" +
      "  if (error || stats.hasErrors() || stats.hasWarnings() && stats.toJson().warnings.some((w) => !/size/.test(w.message))) {\n" +
      "    console.error(error ?? stats.toString()); process.exit(1); } });\n",
  });
  await run(process.execPath, ["build.mjs"], { cwd: home, env });
  await cp(path.join(home, "index.html"), path.join(home, "dist/index.html"));
  assert.equal(await title(path.join(home, "dist"), "index.html"), EXPECTED);
});

test("a build by esbuild", async () => {
  const home = await app("esbuild", {
    "index.html": HTML,
    "entry.js":
      `${MAIN}import module_or_path from 'mesh-policy/mesh_policy_bg.wasm';\n` +
      `await init({ module_or_path });\n${SHOW}${TELL}`,
  });
  await run(
    process.execPath,
    [
      path.join(ROOT, "node_modules/esbuild/bin/esbuild"),
      "entry.js",
      "--bundle",
      "--format=esm",
      "--loader:.wasm=file",
      "--outfile=dist/main.js",
    ],
    { cwd: home, env },
  );
  await cp(path.join(home, "index.html"), path.join(home, "dist/index.html"));
  assert.equal(await title(path.join(home, "dist"), "index.html"), EXPECTED);
});

test("a plain module script, without a build", async () => {
  const home = await app("plain", {
    "index.html": HTML,
    "main.js":
      "import init, { compile } from '/node_modules/mesh-policy/host/browser.js';\n" + `await init();\n${SHOW}${TELL}`,
  });
  assert.equal(await title(project, `${path.basename(home)}/index.html`), EXPECTED);
});
