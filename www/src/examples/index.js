/** The examples of the menu, the one that the page opens with first. */
export const EXAMPLES = [
  { name: "bookinfo", title: "Bookinfo", model: "bookinfo", load: () => import("./bookinfo.js") },
  { name: "cos", title: "Canonical Observability Stack", model: "cos", load: () => import("./cos.js") },
  { name: "kubeflow", title: "Kubeflow", model: "kubeflow", load: () => import("./kubeflow.js") },
];
