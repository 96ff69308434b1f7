// `mesh-policy completion`: scripts for shells, made from the commands as they are declared.
import { oneOf } from './input.js';

/** @typedef {import('commander').Command} Command */
/** @typedef {import('commander').Option} Option */

/**
 * What a shell needs to know of an option or argument.
 * @typedef {object} Value
 * @property {string[]} words one of these, where there are any
 * @property {boolean} file
 */

/** @param {Command} program */
export function completion(program) {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .argument('<shell>', 'bash, zsh or fish', oneOf('bash', 'zsh', 'fish'))
    .action((/** @type {'bash' | 'zsh' | 'fish'} */ shell) => {
      process.stdout.write({ bash, zsh, fish }[shell](program));
    });
}

/** @param {{ description: string }} of what a line of a menu can hold */
const sentence = ({ description }) => description.replaceAll('`', '').replaceAll('\n', ' ');

/**
 * @param {string} flags
 * @param {unknown} parse
 * @returns {Value}
 */
function value(flags, parse) {
  const words = /** @type {{ words?: string[] } | undefined} */ (parse)?.words ?? [];
  return { words, file: words.length === 0 && /file|path|bundles|old|new/.test(/[<[]([^>\]]*)/.exec(flags)?.[1] ?? '') };
}

/** @param {Option} option */
const takes = (option) => (option.required || option.optional ? value(option.flags, option.parseArg) : undefined);

/** @param {Option} option */
const names = ({ short, long }) => [short, long].filter((name) => name !== undefined);

/**
 * Commands by the words that lead to them, those of commands of commands too.
 * @param {Command} program
 * @returns {{ words: string[], command: Command }[]}
 */
export function commandsOf(program) {
  return program.commands.flatMap((command) => [
    { words: [command.name()], command },
    ...commandsOf(command).map((inner) => ({ ...inner, words: [command.name(), ...inner.words] })),
  ]);
}

/** @param {Command} command */
const optionsOf = (command) => command.createHelp().visibleOptions(command);

/** @param {Command} command */
const argumentsOf = (command) =>
  command.registeredArguments.map((argument) => ({ argument, ...value(`<${argument.name()}>`, argument.parseArg) }));

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @param {Command} program */
function bash(program) {
  const commands = commandsOf(program);
  const steps = commands.map(({ words }) => {
    const path = words.join(' ');
    return `      ${quoted(`${words.slice(0, -1).join(' ')}/${words.at(-1)}`)}) command=${quoted(path)} ;;\n`;
  });
  const cases = commands.map(({ words, command }) => {
    const options = optionsOf(command);
    const values = options.flatMap((option) => {
      const wants = takes(option);
      if (!wants) return [];
      return `        ${names(option).join('|')}) words=${quoted(wants.words.join(' '))} ;;\n`;
    });
    const flags = options.flatMap(names).join(' ');
    const inner = [...command.commands.map((one) => one.name()), ...argumentsOf(command).flatMap((one) => one.words)].join(' ');
    return (
      `    ${quoted(words.join(' '))})\n      case "$prev" in\n${values.join('')}` +
      `        *) if [[ $cur == -* ]]; then words=${quoted(flags)}; else words=${quoted(inner)}; fi ;;\n      esac ;;\n`
    );
  });
  const top = [...program.commands.map((one) => one.name()), 'help', ...optionsOf(program).flatMap(names)].join(' ');
  return `# bash completion of mesh-policy: source <(mesh-policy completion bash)
_mesh_policy() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}" command='' words='' word
  # bash takes \`=\` for a word of its own.
  if [[ $cur == '=' ]]; then cur=''
  elif [[ $prev == '=' ]]; then prev="\${COMP_WORDS[COMP_CWORD - 2]}"; fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    case "$command/$word" in
${steps.join('')}      '/help') command='help' ;;
    esac
  done
  case "$command" in
    ''|'help') words=${quoted(top)} ;;
${cases.join('')}  esac
  # Without words of ours, files.
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _mesh_policy mesh-policy
`;
}

/** @param {Command} program */
function zsh(program) {
  /** @param {string} text */
  const plain = (text) => text.replace(/[[\]:\\]/g, (c) => `\\${c}`);
  /** @param {Value} wants */
  const action = ({ words, file }) => (words.length > 0 ? `(${words.join(' ')})` : file ? '_files' : ' ');
  /** @param {Command} command */
  const list = (command) => command.commands.map((one) => quoted(`${one.name()}:${plain(sentence({ description: one.description() }))}`)).join(' ');
  /** @param {Command} command */
  const specs = (command) => [
    ...optionsOf(command).map((option) => {
      const wants = takes(option);
      const all = names(option);
      const many = Array.isArray(option.defaultValue);
      const end = `[${plain(sentence(option))}]${wants ? `:${plain(option.attributeName())}:${action(wants)}` : ''}`;
      const before = many ? '*' : `(${all.join(' ')})`;
      return all.map((name) => quoted(`${before}${name}${end}`)).join(' ');
    }),
    ...argumentsOf(command).map(({ argument, ...wants }) =>
      quoted(`${argument.variadic ? '*' : ''}:${plain(argument.name())}:${action(wants)}`)),
  ];
  const functions = commandsOf(program).map(({ words, command }) => {
    const name = `_mesh_policy_${words.join('_')}`;
    if (command.commands.length === 0) return `${name}() {\n  _arguments -s \\\n    ${specs(command).join(' \\\n    ')}\n}\n`;
    return dispatcher(name, list(command));
  });
  return `#compdef mesh-policy
# zsh completion of mesh-policy: mesh-policy completion zsh > "\${fpath[1]}/_mesh-policy"
${functions.join('')}${dispatcher('_mesh_policy', `${list(program)} 'help:print the help of a command'`, true)}
if [[ $funcstack[1] == _mesh-policy ]]; then _mesh_policy "$@"; else compdef _mesh_policy mesh-policy; fi
`;

  /** @param {string} name @param {string} commands @param {boolean} [top] */
  function dispatcher(name, commands, top) {
    const options = (top ? specs(program) : [`'(-h --help)'{-h,--help}'[print this help]'`]).join(' ');
    return `${name}() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands=(${commands})
  _arguments -C ${options} '1: :->command' '*:: :->rest' && return
  case $state in
    command) _describe command commands ;;
    rest) (( $+functions[${name}_$words[1]] )) && ${name}_$words[1] ;;
  esac
}
`;
  }
}

/** @param {Command} program */
function fish(program) {
  /** @param {string} text */
  const plain = (text) => `'${text.replace(/[\\']/g, (c) => `\\${c}`)}'`;
  const top = '__fish_use_subcommand';
  let out = '# fish completion of mesh-policy: mesh-policy completion fish | source\n';
  /** @param {string} when @param {string} rest */
  const line = (when, rest) => (out += `complete -c mesh-policy -n ${plain(when)} ${rest}\n`);
  /** @param {string} when @param {Option} option */
  const flag = (when, option) => {
    const wants = takes(option);
    const parts = [];
    if (option.short) parts.push(`-s ${option.short.slice(1)}`);
    if (option.long) parts.push(`-l ${option.long.slice(2)}`);
    if (wants) parts.push(wants.words.length > 0 ? `-x -a ${plain(wants.words.join(' '))}` : wants.file ? '-r -F' : '-x');
    line(when, `${parts.join(' ')} -d ${plain(sentence(option))}`);
  };
  for (const option of optionsOf(program)) flag(top, option);
  line(top, `-f -a help -d ${plain('print the help of a command')}`);
  for (const { words, command } of commandsOf(program)) {
    const [name = '', ...outer] = [...words].reverse();
    const before = outer.length === 0 ? top : `__fish_seen_subcommand_from ${outer.join(' ')}`;
    line(before, `-f -a ${name} -d ${plain(sentence({ description: command.description() }))}`);
    const inside = words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    for (const option of optionsOf(command)) flag(inside, option);
    const wants = argumentsOf(command);
    const fixed = wants.flatMap((one) => one.words);
    if (fixed.length > 0) line(inside, `-f -a ${plain(fixed.join(' '))}`);
    else if (!wants.some(({ file }) => file)) line(inside, '-f');
  }
  return out;
}
