/** @import { NewFile } from "../workspace.js" */

/**
 * The examples of the menu, the one that the page opens with first.
 * @type {{ name: string, title: string, about: string, load: () => Promise<{ default: NewFile[] }> }[]}
 */
export const EXAMPLES = [
  { name: "bookinfo", title: "Bookinfo", about: "three charms and a beacon", load: () => import("./bookinfo.js") },
  {
    name: "bookinfo-cross-model",
    title: "Bookinfo, across models",
    about: "two models, an offer between them",
    load: () => import("./bookinfo-cross-model.js"),
  },
  {
    name: "cos",
    title: "Canonical Observability Stack",
    about: "coordinators, workers, unit policies",
    load: () => import("./cos.js"),
  },
  { name: "kubeflow", title: "Kubeflow", about: "36 applications, raw policies", load: () => import("./kubeflow.js") },
];
