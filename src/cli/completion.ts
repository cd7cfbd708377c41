/** Completion for bash, zsh and fish: verbs, their options, and the values of options that have a fixed set. */
import type { Command, Option } from 'commander';

export const COMPLETION_SHELLS = ['bash', 'zsh', 'fish'] as const;
export type CompletionShell = (typeof COMPLETION_SHELLS)[number];

interface Verb {
  readonly name: string;
  readonly about: string;
  readonly options: readonly Option[];
  /** What may stand behind the verb where that is one of a few: verbs of its own, or the words of its first argument. */
  readonly words: readonly string[];
}

export function completionScript(shell: CompletionShell, program: Command): string {
  const verbs = program.commands.map((command): Verb => {
    // The options of `baseline save` are completed after `baseline` too.
    const nested = command.commands.flatMap((inner) => inner.options);
    const words = [
      ...command.commands.map((inner) => inner.name()),
      ...(command.registeredArguments[0]?.argChoices ?? []),
    ];
    return { name: command.name(), about: command.description(), options: [...command.options, ...nested], words };
  });
  return { bash, zsh, fish }[shell](verbs);
}

const flagsOf = ({ options }: Verb): string[] => [
  ...new Set([...options.flatMap(({ long }) => long ?? []), '--help', '--no-pager']),
];

/** Words of an option that takes one of a few. */
const choicesOf = ({ options }: Verb): (readonly [flag: string, words: readonly string[]])[] =>
  options.flatMap(({ long, argChoices }) => (long && argChoices ? [[long, argChoices] as const] : []));

function bash(verbs: readonly Verb[]): string {
  const cases = verbs.map((verb) => {
    const choices = choicesOf(verb).map(([flag, words]) => `        ${flag}) words="${words.join(' ')}" ;;`);
    const byFlag = choices.length > 0 ? [`      case "$prev" in`, ...choices, '      esac'] : [];
    const first = verb.words.length > 0 ? [`      [ "$COMP_CWORD" -eq 2 ] && words="${verb.words.join(' ')}"`] : [];
    return [`    ${verb.name})`, `      flags="${flagsOf(verb).join(' ')}"`, ...first, ...byFlag, '      ;;'].join(
      '\n',
    );
  });
  return `# Completion of quiesce for bash.
_quiesce() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" flags="" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${verbs.map(({ name }) => name).join(' ')} --help --version" -- "$cur"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  if [ "\${cur:0:1}" = - ]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}
complete -o filenames -F _quiesce quiesce
`;
}

/** For zsh and fish, between single quotes. */
const quoted = (text: string): string => text.replaceAll("'", "'\\''");

function zsh(verbs: readonly Verb[]): string {
  const spec = ({ long, description, required, optional, argChoices }: Option): string => {
    const about = quoted(description).replace(/[[\]:]/g, '\\$&');
    const value = !required && !optional ? '' : argChoices ? `:value:(${argChoices.join(' ')})` : ':value:_files';
    return `        '${long}[${about}]${value}'`;
  };
  const cases = verbs.map((verb) => {
    const specs = verb.options.filter(({ long }) => long !== undefined).map(spec);
    return [
      `    ${verb.name})`,
      '      _arguments -S \\',
      ...specs.map((line) => `${line} \\`),
      ...(verb.words.length > 0 ? [`        '1:word:(${verb.words.join(' ')})' \\`] : []),
      `        '*:file:_files'`,
      '      ;;',
    ].join('\n');
  });
  const list = verbs.map(({ name, about }) => `    '${name}:${quoted(about).replaceAll(':', '\\:')}'`);
  return `#compdef quiesce
# Completion of quiesce for zsh.
_quiesce() {
  local -a verbs
  verbs=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'verb' verbs
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
${cases.join('\n')}
  esac
}
_quiesce "$@"
`;
}

function fish(verbs: readonly Verb[]): string {
  // No files in the place of the verb.
  const lines = ['# Completion of quiesce for fish.', 'complete -c quiesce -f -n __fish_use_subcommand'];
  for (const { name, about } of verbs)
    lines.push(`complete -c quiesce -n __fish_use_subcommand -a ${name} -d '${fishText(about)}'`);
  for (const { name, words } of verbs)
    if (words.length > 0)
      lines.push(
        `complete -c quiesce -f -n '__fish_seen_subcommand_from ${name}; and test (count (commandline -opc)) -eq 2' -a '${words.join(' ')}'`,
      );
  for (const { name, options } of verbs)
    for (const { long, short, description, required, optional, argChoices } of options) {
      const flags = [...(long ? [`-l ${long.slice(2)}`] : []), ...(short ? [`-s ${short.slice(1)}`] : [])].join(' ');
      const value = !required && !optional ? '' : argChoices ? ` -x -a '${argChoices.join(' ')}'` : ' -r';
      lines.push(
        `complete -c quiesce -n '__fish_seen_subcommand_from ${name}' ${flags}${value} -d '${fishText(description)}'`,
      );
    }
  return `${lines.join('\n')}\n`;
}

const fishText = (text: string): string => text.replace(/[\\']/g, '\\$&');
