// What a command costs before it has done anything: whole processes, on small examples, beside Node doing nothing.
import { inRoot, inTurns } from "../measure.mjs";

const FLOOR = "node -e 0";
const SHOP = ["bookinfo=examples/bookinfo/bundle.yaml", "--charms", "examples/bookinfo/charms"];

/** @type {import("../measure.mjs").Task} */
export const task = {
  name: "start",
  unit: "ms",
  sized: "",
  title: "Starting a command",
  needs: [],
  async run({ quick, runs }) {
    /** @type {[string, string[]][]} */
    const commands = [
      [FLOOR, ["-e", "0"]],
      ...["--version", "compile", "lint", "reach"].map(
        (name) => /** @type {[string, string[]]} */ ([name, [inRoot("host/cli.js"), name, ...(name === "--version" ? [] : SHOP)]]),
      ),
    ];
    const all = inTurns(commands.map(([, args]) => [process.execPath, args]), quick ? runs : 2 * runs);
    return {
      figures: commands.map(([what], at) => ({ what, size: 0, who: at === 0 ? "Node" : "mesh-policy", runs: all[at]?.times ?? [] })),
      expected: [],
    };
  },
};
