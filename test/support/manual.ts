/** The manual page, quiesce(1): made from the help of the verbs, so that it says the same. */
import type { Command, Option } from 'commander';

/** Lines of roff: `-` is a minus, a dot or quote at the start no request. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');

/** @param program with all verbs @param helpAfter what its help says after the options: examples, conventions */
export function manualPage(program: Command, version: string, helpAfter: (command: Command) => string): string {
  const lines = [
    `.TH QUIESCE 1 "" "quiesce ${version}" "User Commands"`,
    '.SH NAME',
    'quiesce \\- replays recordings of a hung Linux kernel and says why it stopped making progress',
    '.SH SYNOPSIS',
    '.B quiesce',
    '.I verb',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    roff(program.description()),
  ];
  for (const command of program.commands) lines.push(...verbLines(command, helpAfter));
  lines.push('.SH "EXIT STATUS"', '.nf', roff(helpAfter(program).trim()), '.fi');
  return `${lines.join('\n')}\n`;
}

function verbLines(command: Command, helpAfter: (command: Command) => string): string[] {
  const nested = command.commands.flatMap((inner) => [
    '.TP',
    `.B ${roff(`${command.name()} ${inner.name()} ${inner.usage()}`)}`,
    roff(inner.description()),
    ...inner.options.flatMap(optionLines),
  ]);
  const after = helpAfter(command).trim();
  return [
    `.SH "${roff(`quiesce ${command.name()}`).toUpperCase()}"`,
    `.B ${roff(`quiesce ${command.name()} ${command.usage()}`)}`,
    '.PP',
    roff(command.description()),
    ...command.options.flatMap(optionLines),
    ...nested,
    ...(after === '' ? [] : ['.PP', '.nf', roff(after), '.fi']),
  ];
}

function optionLines({ flags, description }: Option): string[] {
  return ['.TP', `.B ${roff(flags)}`, roff(description)];
}
