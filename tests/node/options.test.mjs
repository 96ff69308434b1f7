// Options that several commands share are read by one piece of code.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../host/cli.js", import.meta.url));

test("every command that can read a cluster refuses a time-out that is no number of seconds", () => {
  for (const command of ["lint", "explain", "reach", "diff", "test", "plan", "apply", "delete", "labels"]) {
    const { status, stderr } = spawnSync(process.execPath, [CLI, command, "--timeout", "soon", "a", "b"], { encoding: "utf8" });
    assert.equal(status, 2, `${command}: ${stderr}`);
    assert.match(stderr, /^error: `--timeout` cannot be `soon`: write a number of seconds\n {2}help: see `mesh-policy \w+ --help`\n$/, command);
  }
});

test("wrong use is told in the words of all other messages, with what to write instead", () => {
  const bundle = fileURLToPath(new URL("../../examples/bookinfo/bundle.yaml", import.meta.url));
  for (const [args, says] of /** @type {[string[], string][]} */ ([
    [["lint", "--bogus", "x"], "there is no option `--bogus`\n  help: see `mesh-policy lint --help`"],
    [["lint", "--manifest", "x"], "there is no option `--manifest`: write `--manifests`\n  help: see `mesh-policy lint --help`"],
    [["lint", "-o", "x'y"], "`--output` cannot be `x'y`: write human, json, sarif or github\n  help: see `mesh-policy lint --help`"],
    [["explain", "--to"], "`--to` needs a value: write `--to <target>`\n  help: see `mesh-policy explain --help`"],
    [["completion", "tcsh"], "`shell` cannot be `tcsh`: write bash, zsh or fish\n  help: see `mesh-policy completion --help`"],
    [["completion"], "`shell` must be given\n  help: see `mesh-policy completion --help`"],
    [["serve", "x"], "there are more words than this command takes\n  help: see `mesh-policy serve --help`"],
    [["--bogus"], "there is no option `--bogus`\n  help: see `mesh-policy --help`"],
    [["--a\u001b[31mb"], "there is no option `--a\\u{1b}[31mb`\n  help: see `mesh-policy --help`"],
    [["lint", "shop="], "`shop=` names no file: write `shop=FILE`"],
    [["lint", "=a.yaml"], "`=a.yaml` names no model: write `MODEL=a.yaml`"],
    [["delete"], "nothing to delete: give a bundle (`[MODEL=]BUNDLE`), `--databags FILE` or `--beacon MODEL/APPLICATION`"],
    [["diff", "--base", "no-such-commit", bundle], "`no-such-commit` is no commit that is here: fetch it, or name another one"],
  ])) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: "utf8" });
    assert.equal(stderr, `error: ${says}\n`, args.join(" "));
    assert.equal(status, 2);
    assert.equal(stdout, "");
  }
});

test("a Service may be asked about as expectations name it", () => {
  const ask = (/** @type {string} */ to) =>
    spawnSync(process.execPath, [CLI, "explain", "--manifests", "examples/diff/mesh.yaml", "--from", "cos/grafana", "--to", to, "--port", "80"], {
      cwd: fileURLToPath(new URL("../../", import.meta.url)),
      encoding: "utf8",
    });
  assert.match(ask("shop/web").stdout, /^allowed: cos\/grafana to send a request to the Service shop\/web/);
  assert.equal(ask("shop/web").stdout, ask("service:shop/web").stdout);
  assert.equal(ask("svc:shop/web").status, 2);
});

test("what is said of both sides of a change is said once", () => {
  const bundle = "examples/bookinfo/bundle.yaml";
  const { stderr } = spawnSync(process.execPath, [CLI, "diff", `shop=${bundle}`, `shop=${bundle}`, "--charms", "examples/bookinfo/charms"], {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    encoding: "utf8",
  });
  assert.equal(stderr.match(/assumed-principal/g)?.length, 1, stderr);
});
