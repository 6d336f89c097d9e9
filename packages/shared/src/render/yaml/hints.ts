/** What to do about text that is not YAML, told from the problem and the line it is on; empty when nothing is certain. */
export function syntaxHint(problem: string, line: string, column: number): string {
  if (/tab character/.test(problem)) return 'Indent with spaces; YAML does not allow tabs there.';
  const at = line.slice(column - 1);
  if (/^%\}|^%/.test(at) && /\{%/.test(line)) {
    return "A '{% … %}' tag is left in the text. Let the file be rendered by jinja (it is, unless its first line says otherwise), or quote the value.";
  }
  if (/cannot begin a value/.test(problem)) return `Put the value in quotes: '${at.trim().replaceAll("'", "''")}'.`;
  if (/never closed|separator inside a quoted/.test(problem)) {
    return "Close the quote. Inside '…' write '' for a quote, inside \"…\" write \\\".";
  }
  if (/unknown escape|hexadecimal|is not a character/.test(problem)) {
    return 'Inside "…" a backslash begins an escape: write \\\\ for a backslash, or use \'…\', which has no escapes.';
  }
  return structureHint(problem, line, column);
}

function structureHint(problem: string, line: string, column: number): string {
  if (/\{\{/.test(line) && /where|belongs/.test(problem)) {
    return "A value that begins with '{{' must be quoted: '{{ … }}'.";
  }
  if (/'key: value' cannot begin here/.test(problem)) {
    return /:\s/.test(line.slice(0, column - 1))
      ? "A value that contains ': ' must be in quotes. If this is a key of its own, put it on a line of its own."
      : 'Check the line above: its value goes on here unless this key is indented like the keys around it.';
  }
  if (/not followed by ': '/.test(problem)) {
    const glued = /^\s*(?:- )?([^\s:#'"]+):(\S.*)$/.exec(line);
    if (glued && !glued[2]!.startsWith('//')) return `Put a space after the colon: '${glued[1]}: ${glued[2]}'.`;
    return "Write it as 'key: value', or indent it further than the key above if it is part of that key's value.";
  }
  if (/list item \('- '\) cannot begin here/.test(problem)) {
    return 'Put the list on a line of its own below the key.';
  }
  if (/',' or|brackets|braces/.test(problem)) return 'Check for a missing comma or closing bracket.';
  if (/change of indentation|does not belong|a key belongs|'- '\) belongs/.test(problem)) {
    return 'Check the indentation: it must be that of a key or list above.';
  }
  if (/begin on the next line/.test(problem)) return "Put the text below the '|' or '>', indented.";
  if (/nothing above is named/.test(problem))
    return "Define it above with '&name', or quote the value if '*' is meant.";
  if (/second document/.test(problem)) return "Remove the '---', or make two files of it.";
  return '';
}
