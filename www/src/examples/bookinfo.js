// The files of examples/bookinfo, a chunk of its own: it is loaded when somebody asks for it.
import { files } from "./files.js";

export default files(
  import.meta.glob("../../../examples/bookinfo/bundle.yaml", { query: "?raw", import: "default", eager: true }),
  import.meta.glob("../../../examples/bookinfo/charms/*.yaml", { query: "?raw", import: "default", eager: true }),
  () => "bookinfo",
);
