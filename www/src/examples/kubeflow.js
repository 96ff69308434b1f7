// The text of examples/kubeflow, a chunk of its own: it is loaded when somebody asks for it.
import { joined } from "./joined.js";

export default joined(
  import.meta.glob("../../../examples/kubeflow/bundle.yaml", { query: "?raw", import: "default", eager: true }),
  import.meta.glob("../../../examples/kubeflow/charms/*.yaml", { query: "?raw", import: "default", eager: true }),
);
