// PeerAuthentications without ports: random ones, and what istiod makes of them at a ztunnel
// (`convertedSelectorPeerAuthentications` in istio.io/istio, pilot/pkg/serviceregistry/ambient/authorization.go).

/**
 * @typedef {import("./random.mjs").Random} Random
 * @typedef {import("./types.mjs").Context} Context
 * @typedef {import("./types.mjs").PeerAuthentication} PeerAuthentication
 */

/**
 * @param {Random} r
 * @param {Omit<Context, "peerAuthentications">} context
 * @returns {PeerAuthentication[]}
 */
export function peerAuthentications(r, { target, settings }) {
  if (r.chance(0.7)) return [];
  // No two of an age: which of them counts would be left to chance.
  const ages = [1, 2, 3, 4].sort(() => r.next() - 0.5);
  return ages.slice(0, 1 + r.below(ages.length)).map((age, i) => {
    /** @type {(Record<string, string> | undefined)[]} */
    const labels = [undefined, undefined, { app: target.app }, { app: "other" }, {}];
    const matchLabels = r.pick(labels);
    const mode = r.pick(["STRICT", "STRICT", "PERMISSIVE", "DISABLE", "UNSET", undefined]);
    return {
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata: {
        name: `peer${i}`,
        namespace: r.weighted([
          [4, target.namespace],
          [3, settings.rootNamespace],
          [1, "pay"],
        ]),
        creationTimestamp: `2026-01-0${age}T00:00:00Z`,
      },
      spec: {
        ...(matchLabels && { selector: { matchLabels } }),
        ...(mode && { mtls: { mode } }),
      },
    };
  });
}

/**
 * Whether the pod takes connections with an identity only. Workload over namespace over mesh, the oldest of a kind.
 * @param {Context} context
 */
export function strict({ target, settings, peerAuthentications = [] }) {
  const byAge = [...peerAuthentications].sort((a, b) =>
    a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp),
  );
  const labels = (/** @type {PeerAuthentication} */ one) => Object.entries(one.spec.selector?.matchLabels ?? {});
  const wide = byAge.filter((one) => labels(one).length === 0);
  const mesh = wide.find(({ metadata }) => metadata.namespace === settings.rootNamespace);
  const namespace =
    target.namespace === settings.rootNamespace
      ? undefined
      : wide.find(({ metadata }) => metadata.namespace === target.namespace);
  const workload = byAge.find(
    (one) =>
      one.metadata.namespace === target.namespace &&
      one.metadata.namespace !== settings.rootNamespace &&
      labels(one).length > 0 &&
      labels(one).every(([key, value]) => target.labels[key] === value),
  );
  const modes = [workload, namespace, mesh].map((one) => one?.spec.mtls?.mode ?? "UNSET");
  return (modes.find((mode) => mode !== "UNSET") ?? "PERMISSIVE") === "STRICT";
}
