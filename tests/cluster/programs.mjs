// Which binaries play the parts: our own, or those of KUBEBUILDER_ASSETS.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
export const BINARY = join(HERE, "bin", "mesh-cluster");

/**
 * @typedef {object} Programs
 * @property {string[]} etcd
 * @property {string[]} apiserver
 * @property {string[]} kubectl
 * @property {string[]} webhook
 */

/** @returns {Programs} */
export function programs() {
  const assets = process.env.KUBEBUILDER_ASSETS;
  const webhook = [BINARY, "istio-webhook"];
  if (!assets) {
    return {
      etcd: [BINARY, "etcd"],
      apiserver: [BINARY, "apiserver"],
      kubectl: [BINARY, "kubectl"],
      webhook,
    };
  }
  const missing = ["etcd", "kube-apiserver", "kubectl"].filter(
    (name) => !existsSync(join(assets, name)),
  );
  if (missing.length > 0) {
    throw new Error(`KUBEBUILDER_ASSETS=${assets} holds no ${missing.join(", no ")}`);
  }
  return {
    // A foreign binary does not know that it should end when we do.
    etcd: [BINARY, "hold", join(assets, "etcd")],
    apiserver: [BINARY, "hold", join(assets, "kube-apiserver")],
    kubectl: [join(assets, "kubectl")],
    webhook,
  };
}

/**
 * Builds what is missing or out of date. 20 ms when nothing is; minutes, with
 * lines on stderr, on a machine that never built it.
 */
export async function build() {
  /** @type {number | null} */
  const code = await new Promise((resolve, reject) => {
    const child = spawn(join(HERE, "build.sh"), { stdio: ["ignore", "pipe", "inherit"] });
    // To stderr: stdout may be the answer of the program that imports us.
    child.stdout.on("data", (/** @type {Buffer} */ part) => {
      if (!part.toString().endsWith("is up to date\n")) process.stderr.write(part);
    });
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error("tests/cluster/build.sh failed; its output is above");
}
