/** A place where text stops being YAML. */
export interface ProblemPlace {
  /** What is wrong, and in what. */
  readonly problem: string;
  readonly line: string;
  /** Counted from 1. */
  readonly column: number;
  /** The last line above that is neither empty nor a comment. */
  readonly above: string;
}

/** What to do about text that is not YAML; empty when nothing is certain. */
export function syntaxHint(place: ProblemPlace): string {
  const { problem, line, column } = place;
  const at = line.slice(column - 1);
  if (/tab character/.test(problem)) return 'Indent with spaces; YAML does not allow tabs there.';
  if (/^%/.test(at) && /\{%/.test(line)) {
    return "A '{% … %}' tag is left in the text. Let the file be rendered by jinja (it is, unless its first line says otherwise), or quote the value.";
  }
  if (/cannot begin a value/.test(problem)) return `Put the value in quotes: '${at.trim().replaceAll("'", "''")}'.`;
  if (/never closed|separator inside a quoted/.test(problem)) {
    return "Close the quote. Inside '…' write '' for a quote, inside \"…\" write \\\".";
  }
  if (/unknown escape|hexadecimal|is not a character/.test(problem)) {
    return 'Inside "…" a backslash begins an escape: write \\\\ for a backslash, or use \'…\', which has no escapes.';
  }
  if (/'key: value' cannot begin here/.test(problem)) return misplacedValueHint(place);
  if (/not followed by ': '/.test(problem)) {
    return (
      gluedColonHint(line) ??
      "Write it as 'key: value', or indent it further than the key above if it is part of that key's value."
    );
  }
  return structureHint(problem, line, column);
}

/** A colon where no key can be: either this line has two, or the line above lacks its own. */
function misplacedValueHint({ line, column, above }: ProblemPlace): string {
  if (/:\s/.test(line.slice(0, column - 1))) {
    return "A value that contains ': ' must be in quotes. If this is a key of its own, put it on a line of its own.";
  }
  const glued = gluedColonHint(above);
  if (glued !== undefined) return `The line above: ${glued.charAt(0).toLowerCase()}${glued.slice(1)}`;
  if (!/:\s|:$/.test(above)) return `The line above lacks its colon: '${above.trim()}:'.`;
  return 'The value of the line above goes on here: indent this key like the keys around it.';
}

function gluedColonHint(line: string): string | undefined {
  const glued = /^\s*(?:- )*([^\s:#'"]+):([^\s:].*)$/.exec(line);
  if (!glued || glued[2]!.startsWith('//') || /:\s|:$/.test(line)) return undefined;
  return `Put a space after the colon: '${glued[1]}: ${glued[2]}'.`;
}

function structureHint(problem: string, line: string, column: number): string {
  if (/\{\{/.test(line) && /belongs/.test(problem)) return "A value that begins with '{{' must be quoted: '{{ … }}'.";
  if (/list item \('- '\) cannot begin here/.test(problem)) return 'Put the list on a line of its own below the key.';
  if (/['"]\s*$/.test(line.slice(0, column - 1)) && /^text where/.test(problem)) {
    return 'Text goes on behind a closing quote: put all of the value in quotes.';
  }
  if (/brackets|braces/.test(problem)) return 'Check for a missing comma or closing bracket.';
  if (/indentation|does not belong|where a key belongs|'- '\) belongs/.test(problem)) {
    return 'Check the indentation: it must be that of a key or list above.';
  }
  if (/where a value belongs/.test(problem)) return 'Put the value in quotes, or complete it.';
  if (/begin on the next line/.test(problem)) return "Put the text below the '|' or '>', indented.";
  if (/nothing above is named/.test(problem))
    return "Define it above with '&name', or quote the value if '*' is meant.";
  if (/second document/.test(problem)) return "Remove the '---', or make two files of it.";
  return '';
}
