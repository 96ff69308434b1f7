// What a fresh API server needs before tests can use it: CRDs and Istio's webhook.

import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/**
 * @param {Promise<import("./client.mjs").Answer>} asked
 */
export async function must(asked) {
  const answer = await asked;
  if (answer.status >= 300) throw new Error(`the API server answered ${answer.text}`);
  return answer;
}

/** @param {string} name */
export const namespace = (name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });

/**
 * @param {import("./client.mjs").Request} request
 * @param {string} prefix
 */
export async function createNamespace(request, prefix) {
  const name = `${prefix}-${randomBytes(4).toString("hex")}`;
  await must(request("POST", "/api/v1/namespaces", { body: namespace(name) }));
  return name;
}

/**
 * @param {import("./client.mjs").Request} request
 * @param {<T>(what: string, ask: () => Promise<T | undefined>) => Promise<T>} watch
 * @param {string} folder
 */
export async function applyCRDs(request, watch, folder) {
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const names = readdirSync(folder).map((file) => basename(file, ".yaml"));
  if (names.length === 0) throw new Error("mesh-cluster crds wrote nothing");
  await Promise.all(
    names.map((name) =>
      must(
        request("PATCH", `${path}/${name}?fieldManager=mesh-cluster&force=true`, {
          contentType: "application/apply-patch+yaml",
          body: readFileSync(join(folder, `${name}.yaml`), "utf8"),
        }),
      ),
    ),
  );
  await watch("every CRD is established", async () => {
    // The list is 2 MB, and the server is busy: ask seldom.
    await delay(200);
    const { json } = await request("GET", path);
    /** @type {{ metadata: { name: string }, status?: { conditions?: { type: string, status: string }[] } }[]} */
    const items = json.items;
    const established = items.filter((item) =>
      item.status?.conditions?.some(
        ({ type, status }) => type === "Established" && status === "True",
      ),
    );
    return established.length >= names.length ? true : undefined;
  });
}

/**
 * As istiod registers it (the chart `istio-discovery`), but by URL and for
 * every revision: here is only one.
 *
 * @param {string} url
 * @param {string} ca
 */
export const webhookConfiguration = (url, ca) => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingWebhookConfiguration",
  metadata: { name: "istio-validator" },
  webhooks: [
    {
      name: "rev.validation.istio.io",
      clientConfig: { url, caBundle: Buffer.from(ca).toString("base64") },
      rules: [
        {
          operations: ["CREATE", "UPDATE"],
          apiGroups: [
            "security.istio.io",
            "networking.istio.io",
            "telemetry.istio.io",
            "extensions.istio.io",
          ],
          apiVersions: ["*"],
          resources: ["*"],
        },
      ],
      failurePolicy: "Fail",
      sideEffects: "None",
      admissionReviewVersions: ["v1"],
    },
  ],
});

/**
 * Whether a policy that the CRD accepts and Istio does not is refused by a
 * webhook that works: undefined when it is not (yet).
 *
 * @param {import("./client.mjs").Request} request
 * @returns {Promise<true | undefined>}
 */
export async function judged(request) {
  const { json, text } = await request(
    "POST",
    "/apis/security.istio.io/v1/namespaces/default/authorizationpolicies?dryRun=All",
    {
      body: {
        apiVersion: "security.istio.io/v1",
        kind: "AuthorizationPolicy",
        metadata: { name: "mesh-cluster-probe" },
        spec: { rules: [{ to: [{ operation: { ports: ["http"] } }] }] },
      },
    },
  );
  // Not just any failure: one to reach the webhook is a refusal too.
  return json?.status === "Failure" && text.includes("denied the request") ? true : undefined;
}
