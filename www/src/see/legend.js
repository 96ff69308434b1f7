// What the signs of the graph mean: those that are in it.
/** @import { Access, Application, Verdict } from "../work/reach.js" */
/** @import { Party } from "../work/policies.js" */
import { el, svg } from "../dom.js";
import { arrow, curve, padlock } from "./drawing.js";

/** What is said before what an access is about. @type {Record<Verdict, string>} */
export const VERDICTS = {
  allow: "",
  conditional: "perhaps",
  deny: "denied",
  custom: "another service decides",
  void: "declared, but not allowed",
  refused: "refused by Istio",
  unknown: "not worked out",
};

/**
 * What the signs mean that the picture has.
 * @param {Access[]} accesses
 * @param {{ party: Party, application: Application | undefined }[]} boxes
 */
export function legend(accesses, boxes) {
  /** @param {string} kind @param {string} text @param {string} title */
  const entry = (kind, text, title) => {
    const points = [
      { x: 1, y: 6 },
      { x: 27, y: 6 },
    ];
    const [layer = "L7", verdict = "allow"] = kind.split(" ");
    const access = /** @type {Access} */ ({ layer, verdict });
    return el(
      "li",
      { title },
      svg("svg", { width: 28, height: 12, "aria-hidden": "true" }, svg("g", { class: `edge ${kind}` }, svg("path", { class: "line", d: curve(points) }), svg("path", { class: "head", d: arrow(points, access) }))),
      text,
    );
  };
  const has = (/** @type {Verdict} */ verdict) => accesses.some((access) => access.verdict === verdict);
  const layer = (/** @type {string} */ name) => accesses.some((access) => access.layer === name);
  /** @type {[boolean, () => HTMLElement][]} */
  const entries = [
    [layer("L7"), () => entry("L7 allow", "L7, by request", "Decided by methods, paths, hosts and ports")],
    [layer("L4"), () => entry("L4 allow", "L4, by port", "Decided by ports alone, at the pods")],
    [has("conditional"), () => entry("L7 conditional", VERDICTS.conditional, "It depends on something that the files do not say")],
    [has("deny"), () => entry("L7 deny", VERDICTS.deny, "A policy denies it")],
    [has("custom"), () => entry("L7 custom", VERDICTS.custom, "A CUSTOM policy asks a service outside the mesh")],
    [has("void"), () => entry("L7 void", VERDICTS.void, "A policy allows it, and something else does not: ask, to see what")],
    [has("refused"), () => entry("L7 refused", VERDICTS.refused, "Istio does not take the policy, so it does nothing")],
    [has("unknown"), () => entry("L7 unknown", VERDICTS.unknown, "Too much to work out exactly: ask about single requests")],
    [
      boxes.some(({ application }) => application?.open.length),
      () =>
        el(
          "li",
          { title: "Anyone in the mesh may connect: no policy keeps anyone out" },
          svg("svg", { width: 14, height: 14, "aria-hidden": "true", class: "sample open" }, svg("path", { class: "sign", d: padlock(2, 8) })),
          "open to the mesh",
        ),
    ],
    [boxes.some(({ party }) => party.kind === "waypoint"), () => el("li", { title: "It takes the requests to Services and decides at L7" }, svg("svg", { width: 26, height: 14, "aria-hidden": "true", class: "sample waypoint" }, svg("path", { class: "shape", d: "M5 1 H21 L25 7 L21 13 H5 L1 7 Z" })), "waypoint")],
    [boxes.some(({ application }) => application?.plane === "none"), () => el("li", {}, svg("svg", { width: 22, height: 14, "aria-hidden": "true", class: "sample outside" }, svg("rect", { class: "shape", x: 1, y: 1, width: 20, height: 12, rx: 3 })), "outside the mesh")],
  ];
  return entries.filter(([there]) => there).map(([, make]) => make());
}
