/** What people type into the query shell: statements that end with a semicolon, and commands that begin with a dot. */

/**
 * Cuts text into statements at semicolons outside of quotes and comments.
 * @returns the statements that are complete, and the text after the last of them
 */
export function splitStatements(text: string): { statements: string[]; rest: string } {
  const statements: string[] = [];
  let start = 0;
  let i = 0;
  while (i < text.length) {
    const char = text[i];
    if (char === "'" || char === '"' || char === '`') i = endOfQuote(text, i, char);
    else if (char === '[') i = endAfter(text, i + 1, ']');
    else if (text.startsWith('--', i)) i = endAfter(text, i, '\n');
    else if (text.startsWith('/*', i)) i = endAfter(text, i + 2, '*/');
    else {
      i++;
      if (char !== ';') continue;
      const statement = text.slice(start, i).trim();
      if (!isBlank(statement.slice(0, -1))) statements.push(statement);
      start = i;
    }
  }
  const rest = text.slice(start);
  return { statements, rest: isBlank(rest) ? '' : rest };
}

/** Past the closing quote; a doubled quote is part of the text. An open quote goes on to the end. */
function endOfQuote(text: string, start: number, quote: string): number {
  let i = start + 1;
  for (;;) {
    i = text.indexOf(quote, i);
    if (i < 0) return text.length;
    if (text[i + 1] !== quote) return i + 1;
    i += 2;
  }
}

function endAfter(text: string, start: number, end: string): number {
  const at = text.indexOf(end, start);
  return at < 0 ? text.length : at + end.length;
}

/** Nothing but blanks and finished comments. */
function isBlank(text: string): boolean {
  return text.replace(/--[^\n]*(\n|$)|\/\*[\s\S]*?\*\//g, '').trim() === '';
}

export interface DotCommand {
  /** Without the dot. */
  readonly name: string;
  readonly args: readonly string[];
}

/** `.named waits limit=5` → name and arguments. Quotes keep blanks together. Undefined when the line is no command. */
export function parseDotCommand(line: string): DotCommand | undefined {
  const match = /^\s*\.(\w*)\s*(.*)$/s.exec(line);
  if (match === null) return undefined;
  const args = [...match[2].matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([arg]) =>
    arg.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );
  return { name: match[1], args };
}
