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
    assert.match(stderr, /'soon' is invalid/, command);
  }
});
