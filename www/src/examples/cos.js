// The files of examples/cos, a chunk of its own: it is loaded when somebody asks for it.
import { files } from "./files.js";

export default files(
  import.meta.glob("../../../examples/cos/bundle.yaml", { query: "?raw", import: "default", eager: true }),
  import.meta.glob("../../../examples/cos/charms/*.yaml", { query: "?raw", import: "default", eager: true }),
  () => "cos",
);
