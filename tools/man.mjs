// Writes man/mesh-policy.1 from the commands as they are declared.
//
//   node tools/man.mjs

import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { commandsOf } from "../host/commands/completion.js";
import { EXIT_CODES, createProgram } from "../host/program.js";

/**
 * Text as roff takes it.
 * @param {string} text
 */
function roff(text) {
  const marked = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/`([^`]*)`/g, "\\fB$1\\fR");
  return marked.replace(/^([.'])/gm, "\\&$1");
}

/** @param {import("commander").Command} command */
function options(command) {
  const help = command.createHelp();
  return help.visibleOptions(command).map((option) => {
    const flags = roff(help.optionTerm(option)).replace(/<([^>]*)>/g, "\\fI$1\\fR");
    return `.TP\n\\fB${flags.replace(/\\fI/g, "\\fR\\fI")}\\fR\n${roff(help.optionDescription(option))}\n`;
  });
}

/** @returns {Promise<string>} */
export async function manPage() {
  const { program, examples } = await createProgram();
  const help = program.createHelp();
  let out = `.\\" Written by tools/man.mjs.\n.TH MESH\\-POLICY 1 "" "mesh\\-policy ${program.version()}" "User Commands"\n`;
  out += `.SH NAME\nmesh\\-policy \\- ${roff(program.description())}\n`;
  out += ".SH SYNOPSIS\n.B mesh\\-policy\n.I command\n[\\fIoptions\\fR] [\\fIfiles\\fR]\n.SH DESCRIPTION\n";
  out += "mesh\\-policy reads Juju bundles and charm files, or Kubernetes manifests, or a live cluster, and says\n";
  out += "which AuthorizationPolicies come of them, what is wrong with these, and who may reach whom.\n";
  out += "A file may be given as \\fIMODEL\\fR=\\fIFILE\\fR, which names the Juju model; a \\- is standard input.\n";
  out += ".SH OPTIONS\n";
  out += options(program).join("");
  out += ".SH COMMANDS\n";
  for (const { words, command } of commandsOf(program)) {
    const usage = help.commandUsage(command).split(" ").slice(1 + words.length).join(" ");
    out += `.SS "mesh\\-policy ${roff(words.join(" "))}"\n${roff(command.description())}\n`;
    if (usage) out += `.PP\n\\fBmesh\\-policy ${roff(words.join(" "))}\\fR ${roff(usage)}\n`;
    for (const argument of help.visibleArguments(command)) {
      out += `.TP\n\\fI${roff(argument.name())}\\fR\n${roff(help.argumentDescription(argument))}\n`;
    }
    out += options(command).join("");
    const example = examples.get(command);
    if (example) out += `.PP\nExample:\n.PP\n.RS 4\n.nf\n${roff(example)}\n.fi\n.RE\n`;
  }
  out += ".SH EXIT STATUS\n";
  for (const [code, meaning] of EXIT_CODES) out += `.TP\n.B ${code}\n${roff(meaning)}\n`;
  out += ".SH ENVIRONMENT\n.TP\n.B KUBECONFIG\nthe kubeconfig, where \\-\\-kubeconfig is not given\n";
  out += ".TP\n.B NO_COLOR\nwithout colours, on a terminal too\n";
  return out;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(new URL("../man/mesh-policy.1", import.meta.url), await manPage());
}
