import { type ShellConstruct, ShellSyntaxError, type Word } from './shell-script.ts';

/** What a word reader tells about what it finds inside words. */
export interface WordFindings {
  construct(name: ShellConstruct): void;
  /** Reads the commands from `offset` to the `)` that ends them; answers the offset behind it. */
  commands(text: string, offset: number): number;
  /** Reads a whole text of commands: what stands between back quotes. */
  script(text: string): void;
}

/** Characters that end a word unless they are quoted. */
const METACHARACTERS = new Set([' ', '\t', '\n', ';', '&', '|', '<', '>', '(', ')']);
const NAME = /[A-Za-z_]\w*|[0-9?$!#@*-]/y;

/** A word in the making. */
interface Draft {
  text: string;
  isKnown: boolean;
  isPattern: boolean;
  /** An unquoted `{` with a `,` or `..` inside its braces. */
  hasBraces: boolean;
}

/** A word and the offset behind it. */
export interface ReadWord {
  readonly word: Word;
  readonly end: number;
  /** True when nothing of it is quoted. */
  readonly isPlain: boolean;
  readonly hasBraces: boolean;
}

/** True where a word ends. */
export function endsWord(char: string | undefined): boolean {
  return char === undefined || METACHARACTERS.has(char);
}

/** Reads the word that begins at `offset` (POSIX.1-2017, XCU 2.2; `$'…'` as in bash). @throws ShellSyntaxError */
export function readWord(text: string, offset: number, findings: WordFindings): ReadWord {
  const draft: Draft = { text: '', isKnown: true, isPattern: false, hasBraces: false };
  let at = offset;
  let isPlain = true;
  if (text[at] === '~') {
    findings.construct('~');
    draft.isKnown = false;
  }
  while (!endsWord(text[at]) || isProcessSubstitution(text, at)) {
    const char = text[at]!;
    if (isProcessSubstitution(text, at)) {
      findings.construct('<()');
      at = unknownPart(draft, text, at, findings.commands(text, at + 2));
    } else if (char === "'" || char === '"' || char === '\\' || char === '`' || char === '$') {
      isPlain &&= char === '`' || (char === '$' && !/['"]/.test(text[at + 1] ?? ''));
      at = readQuoted(text, at, draft, findings);
    } else {
      if (/[*?[]/.test(char)) draft.isPattern = true;
      if (char === '{' && /^\{[^{}\s]*(,|\.\.)[^\s]*\}/.test(text.slice(at))) draft.hasBraces = true;
      draft.text += char;
      at += 1;
    }
  }
  const { hasBraces, ...word } = draft;
  return { word, end: at, isPlain, hasBraces };
}

/** The text of a here-document whose end word is not quoted. */
export function readHereText(text: string, findings: WordFindings): Word {
  const draft: Draft = { text: '', isKnown: true, isPattern: false, hasBraces: false };
  for (let at = 0; at < text.length; ) {
    const char = text[at]!;
    if (char === '`' || char === '$') at = readExpansion(text, at, draft, findings);
    else if (char === '\\' && /[\\$`\n]/.test(text[at + 1] ?? '')) at = escaped(text, at, draft);
    else {
      draft.text += char;
      at += 1;
    }
  }
  return { text: draft.text, isKnown: draft.isKnown, isPattern: false };
}

/** True at `<(` and `>(`. */
export function isProcessSubstitution(text: string, at: number): boolean {
  return (text[at] === '<' || text[at] === '>') && text[at + 1] === '(';
}

function readQuoted(text: string, at: number, draft: Draft, findings: WordFindings): number {
  switch (text[at]) {
    case "'": {
      const end = closing(text, at, "'");
      draft.text += text.slice(at + 1, end);
      return end + 1;
    }
    case '"':
      return readDoubleQuoted(text, at, draft, findings);
    case '\\':
      return escaped(text, at, draft);
    default:
      return readExpansion(text, at, draft, findings);
  }
}

function escaped(text: string, at: number, draft: Draft): number {
  const next = text[at + 1];
  if (next !== '\n') draft.text += next ?? '\\';
  return at + 2;
}

function readDoubleQuoted(text: string, start: number, draft: Draft, findings: WordFindings): number {
  for (let at = start + 1; at < text.length; ) {
    const char = text[at]!;
    if (char === '"') return at + 1;
    if (char === '\\' && /["\\$`\n]/.test(text[at + 1] ?? '')) at = escaped(text, at, draft);
    else if (char === '`' || (char === '$' && !/['"]/.test(text[at + 1] ?? ''))) {
      at = readExpansion(text, at, draft, findings);
    } else {
      draft.text += char;
      at += 1;
    }
  }
  throw new ShellSyntaxError('a double quote is not closed', start);
}

/** `` `…` ``, `$(…)`, `$((…))`, `${…}`, `$name`, `$'…'`, `$"…"`, or a `$` that is just one. */
function readExpansion(text: string, at: number, draft: Draft, findings: WordFindings): number {
  if (text[at] === '`') return readBackQuoted(text, at, draft, findings);
  const next = text[at + 1];
  if (next === "'") return readAnsiQuoted(text, at, draft);
  if (next === '"') return readDoubleQuoted(text, at + 1, draft, findings);
  if (next === '(') {
    // To find the end, counting parentheses is enough.
    const isArithmetic = text[at + 2] === '(' && findings !== SILENT;
    const arithmetic = isArithmetic ? readArithmetic(text, at + 3, findings) : undefined;
    if (arithmetic !== undefined) return unknownPart(draft, text, at, arithmetic);
    findings.construct('$()');
    return unknownPart(draft, text, at, findings.commands(text, at + 2));
  }
  if (next === '{') {
    findings.construct('$name');
    return unknownPart(draft, text, at, readBraced(text, at + 2, findings));
  }
  NAME.lastIndex = at + 1;
  const name = NAME.exec(text)?.[0];
  if (name === undefined) {
    draft.text += '$';
    return at + 1;
  }
  findings.construct('$name');
  return unknownPart(draft, text, at, at + 1 + name.length);
}

function unknownPart(draft: Draft, text: string, from: number, to: number): number {
  draft.isKnown = false;
  draft.text += text.slice(from, to);
  return to;
}

function readBackQuoted(text: string, at: number, draft: Draft, findings: WordFindings): number {
  let inner = '';
  for (let index = at + 1; index < text.length; index += 1) {
    const char = text[index]!;
    if (char === '`') {
      findings.construct('`');
      findings.script(inner);
      return unknownPart(draft, text, at, index + 1);
    }
    if (char === '\\' && /[\\$`]/.test(text[index + 1] ?? '')) index += 1;
    inner += text[index];
  }
  throw new ShellSyntaxError('a back quote is not closed', at);
}

/** Behind `$((`: the offset behind `))`; undefined when these are a subshell in a substitution. */
function readArithmetic(text: string, start: number, findings: WordFindings): number | undefined {
  const found: (() => void)[] = [];
  let depth = 0;
  for (let at = start; at < text.length; ) {
    const char = text[at]!;
    if (char === ')' && depth === 0) {
      if (text[at + 1] !== ')') return undefined;
      findings.construct('$(())');
      for (const tell of found) tell();
      return at + 2;
    }
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    if (char === '`' || char === '$') {
      const from = at;
      // Read twice: first to see where it ends, and to the findings only once this is known to be arithmetic.
      at = readExpansion(text, at, scratch(), SILENT);
      found.push(() => void readExpansion(text, from, scratch(), findings));
    } else at += 1;
  }
  return undefined;
}

/** Behind `${`: the offset behind `}`. */
function readBraced(text: string, start: number, findings: WordFindings): number {
  const draft = scratch();
  for (let at = start; at < text.length; ) {
    const char = text[at]!;
    if (char === '}') return at + 1;
    if (/['"\\`$]/.test(char)) at = readQuoted(text, at, draft, findings);
    else at += 1;
  }
  throw new ShellSyntaxError('`${` is not closed', start - 2);
}

const ANSI: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  E: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const ANSI_ESCAPE = /\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c(.)|([\s\S]))/g;

function readAnsiQuoted(text: string, at: number, draft: Draft): number {
  let end = at + 2;
  while (text[end] !== "'") {
    if (end >= text.length) throw new ShellSyntaxError('a quote is not closed', at);
    end += text[end] === '\\' ? 2 : 1;
  }
  draft.text += text
    .slice(at + 2, end)
    .replace(ANSI_ESCAPE, (_all, hex, short, long, octal, control, other: string | undefined) => {
      if (other !== undefined) return ANSI[other] ?? other;
      if (control !== undefined) return String.fromCharCode(String(control).charCodeAt(0) & 31);
      const code = octal === undefined ? Number.parseInt(hex ?? short ?? long, 16) : Number.parseInt(octal, 8) & 255;
      return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code);
    });
  return end + 1;
}

function closing(text: string, at: number, quote: string): number {
  const end = text.indexOf(quote, at + 1);
  if (end < 0) throw new ShellSyntaxError('a quote is not closed', at);
  return end;
}

function scratch(): Draft {
  return { text: '', isKnown: true, isPattern: false, hasBraces: false };
}

/** Finds the end of nested commands by their parentheses and quotes alone. */
const SILENT: WordFindings = {
  construct: () => {},
  script: () => {},
  commands: (text, offset) => {
    let depth = 1;
    for (let at = offset; at < text.length; ) {
      const char = text[at]!;
      if (/['"\\`$]/.test(char)) at = readQuoted(text, at, scratch(), SILENT);
      else {
        if (char === '(') depth += 1;
        if (char === ')') depth -= 1;
        at += 1;
        if (depth === 0) return at;
      }
    }
    throw new ShellSyntaxError('`(` is not closed', offset - 1);
  },
};
