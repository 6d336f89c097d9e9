import { EdgeError } from '../../kernel/index.ts';

/** Bits of Python's `re` flags, as Salt trees write them (`flags: 8`). */
const FLAG_BITS: readonly (readonly [number, string])[] = [
  [2, 'i'],
  [8, 'm'],
  [16, 's'],
];
const FLAG_NAMES: Readonly<Record<string, string>> = {
  IGNORECASE: 'i',
  I: 'i',
  MULTILINE: 'm',
  M: 'm',
  DOTALL: 's',
  S: 's',
  UNICODE: '',
  U: '',
};

/**
 * A JavaScript expression for one in Python's dialect: `(?P<name>…)`, `(?P=name)`, `\A`, `\Z`, leading `(?i)` flags.
 * `flags` are Python's number, or names of them. Always global, so that every match is found.
 *
 * @throws EdgeError `EDGE_BAD_ARGUMENT` when it is not a valid expression.
 */
export function pythonRegex(pattern: string, flags: number | readonly string[] = 0): RegExp {
  const letters = new Set(['g', ...flagLetters(flags)]);
  let source = pattern.replace(/^\(\?([aimsux]+)\)/, (_, inline: string) => {
    for (const letter of inline) if ('ims'.includes(letter)) letters.add(letter);
    return '';
  });
  source = source
    .replace(/\\.|\(\?P<(\w+)>|\(\?P=(\w+)\)/gs, (token, group?: string, reference?: string) => {
      if (group !== undefined) return `(?<${group}>`;
      if (reference !== undefined) return `\\k<${reference}>`;
      if (token === '\\A') return '(?<![\\s\\S])';
      return token === '\\Z' ? '(?![\\s\\S])' : token;
    })
    // Python takes a brace that is no quantifier as itself; so does JavaScript without the `u` flag.
    .replaceAll('(?#', '(?:');
  try {
    return new RegExp(source, [...letters].join(''));
  } catch (cause) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `not a regular expression: ${pattern}: ${(cause as Error).message}`,
      { pattern },
      {
        hint: 'Escape special characters with a backslash.',
        cause,
      },
    );
  }
}

/** Python's replacement text (`\1`, `\g<name>`, `\n`) filled in for one match. */
export function expandReplacement(template: string, match: RegExpExecArray): string {
  return template.replace(
    /\\(?:g<(\w+)>|(\d{1,2})|(.))/gs,
    (token, named?: string, number?: string, other?: string) => {
      if (named !== undefined) return (/^\d+$/.test(named) ? match[Number(named)] : match.groups?.[named]) ?? '';
      if (number !== undefined) return match[Number(number)] ?? '';
      return ({ n: '\n', t: '\t', r: '\r', '\\': '\\' } as Record<string, string>)[other ?? ''] ?? token;
    },
  );
}

/** Python's `re.sub`: at most `count` replacements, 0 for all. */
export function substitute(
  text: string,
  regex: RegExp,
  replacement: string,
  count = 0,
): { text: string; count: number } {
  let done = 0;
  let result = '';
  let end = 0;
  for (const match of text.matchAll(regex)) {
    if (count > 0 && done >= count) break;
    result += text.slice(end, match.index) + expandReplacement(replacement, match as RegExpExecArray);
    end = match.index + match[0].length;
    done += 1;
  }
  return { text: result + text.slice(end), count: done };
}

/** The text as an expression that matches exactly it. */
export function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function flagLetters(flags: number | readonly string[]): string[] {
  if (typeof flags === 'number') return FLAG_BITS.filter(([bit]) => (flags & bit) !== 0).map(([, letter]) => letter);
  return flags
    .map((name) => {
      const letter = FLAG_NAMES[name.toUpperCase()];
      if (letter === undefined)
        throw new EdgeError(
          'EDGE_BAD_ARGUMENT',
          `unknown regular expression flag ${name}`,
          { flag: name },
          {
            hint: `Known: ${Object.keys(FLAG_NAMES).join(', ')}.`,
          },
        );
      return letter;
    })
    .filter((letter) => letter !== '');
}
