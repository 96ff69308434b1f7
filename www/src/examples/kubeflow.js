// The files of examples/kubeflow, a chunk of its own: it is loaded when somebody asks for it.
import { files } from "./files.js";

export default files(
  import.meta.glob("../../../examples/kubeflow/bundle.yaml", { query: "?raw", import: "default", eager: true }),
  import.meta.glob("../../../examples/kubeflow/charms/*.yaml", { query: "?raw", import: "default", eager: true }),
  () => "kubeflow",
);
