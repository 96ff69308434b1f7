// The files of examples/bookinfo-cross-model, a chunk of its own: it is loaded when somebody asks for it.
import { files } from "./files.js";

export default files(
  import.meta.glob("../../../examples/bookinfo-cross-model/*.yaml", { query: "?raw", import: "default", eager: true }),
  import.meta.glob("../../../examples/bookinfo-cross-model/charms/*.yaml", { query: "?raw", import: "default", eager: true }),
  (name) => name.replace(/\.yaml$/, ""),
);
