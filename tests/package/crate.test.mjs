// The packed crate, built natively by a program that depends on it and on nothing else.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);
const LARGE = { maxBuffer: 1 << 26 };

let folder = "";
let crate = "";

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "mesh-policy-crate-"));
  const target = path.join(folder, "target");
  // What is not committed is packed as well: this tests the package, not the state of a work tree.
  await run("cargo", ["package", "--locked", "--allow-dirty", "--no-verify", "--target-dir", target], {
    cwd: ROOT,
    ...LARGE,
  });
  const packed = (await readdir(path.join(target, "package"))).find((name) => name.endsWith(".crate"));
  assert(packed);
  await run("tar", ["-xzf", path.join(target, "package", packed), "-C", folder]);
  crate = path.join(folder, packed.slice(0, -".crate".length));
});

after(() => rm(folder, { recursive: true, force: true }));

test("the crate holds sources and nothing of the tests", async () => {
  const names = (await readdir(crate)).sort();
  const known = ["src", "CHANGELOG.md", "LICENSE", "README.md", "Cargo.toml", "Cargo.toml.orig", "Cargo.lock"];
  assert.deepEqual(names.filter((name) => !known.includes(name) && name !== ".cargo_vcs_info.json"), []);
});

test("a program uses it, without wasm-bindgen", { timeout: 600_000 }, async () => {
  const home = path.join(folder, "user");
  await mkdir(path.join(home, "src"), { recursive: true });
  await writeFile(
    path.join(home, "Cargo.toml"),
    `[package]\nname = "user"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\nmesh-policy = { path = ${JSON.stringify(crate)} }\n`,
  );
  await writeFile(
    path.join(home, "src/main.rs"),
    [
      "use mesh_policy::compile::{compile, Input};",
      "fn main() { println!(\"{}\", compile(&Input::default()).json()); }",
      "",
    ].join("\n"),
  );
  const { stdout } = await run("cargo", ["run", "--quiet"], { cwd: home, ...LARGE });
  assert.deepEqual(JSON.parse(stdout).authorizationPolicies, []);
  // And as the README shows it.
  const readme = await readFile(path.join(crate, "README.md"), "utf8");
  const shown = /^```rust\n([^]*?)^```$/m.exec(readme)?.[1] ?? "";
  const [uses = "", rest = ""] = shown.split(/\n\n(?=let )/);
  const example = (/** @type {string} */ name) => JSON.stringify(path.join(ROOT, "examples/bookinfo", name));
  await writeFile(
    path.join(home, "src/main.rs"),
    `${uses}
fn main() -> Result<(), Box<dyn std::error::Error>> {
  let bundle = std::fs::read(${example("bundle.yaml")})?;
  let charm = std::fs::read(${example("charms/bookinfo-details-k8s.yaml")})?;
  ${shown.slice(uses.length)}
  Ok(())
}
`,
  );
  assert(rest.length > 100, shown);
  const ran = await run("cargo", ["run", "--quiet"], { cwd: home, ...LARGE });
  assert.match(ran.stdout, /kind: AuthorizationPolicy[^]*it depends: shop\/web to send a request to the Service shop\/api/);
  const { stdout: tree } = await run("cargo", ["tree", "--edges", "normal"], { cwd: home, ...LARGE });
  assert.doesNotMatch(tree, /wasm-bindgen|js-sys/);
});
