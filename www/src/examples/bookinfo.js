// The text of examples/bookinfo, a chunk of its own: it is loaded when somebody asks for it.
import { joined } from "./joined.js";

export default joined(
  import.meta.glob("../../../examples/bookinfo/bundle.yaml", { query: "?raw", import: "default", eager: true }),
  import.meta.glob("../../../examples/bookinfo/charms/*.yaml", { query: "?raw", import: "default", eager: true }),
);
