import {
  type Redirection,
  type Separator,
  type ShellConstruct,
  type ShellScript,
  ShellSyntaxError,
  type SimpleCommand,
  type Word,
} from './shell-script.ts';
import {
  endsWord,
  isProcessSubstitution,
  type ReadWord,
  readHereText,
  readWord,
  type WordFindings,
} from './word-reader.ts';

/** Words that mean something where a command may begin, and what rules call it; null: the end of what was named. */
const RESERVED: Readonly<Record<string, ShellConstruct | null>> = {
  if: 'if',
  // biome-ignore lint/suspicious/noThenProperty: a word of the shell.
  then: null,
  elif: null,
  else: null,
  fi: null,
  while: 'while',
  until: 'while',
  do: null,
  done: null,
  '{': '{}',
  '}': null,
  '!': '!',
};
const ASSIGNMENT = /^[A-Za-z_]\w*(\[[^\]]*\])?\+?=/;
const OPERATORS = ['&&', '||', ';;&', ';;', ';&', '|&', '|', ';', '&', '\n'] as const;
const REDIRECTIONS = ['<<<', '<<-', '<<', '<&', '<>', '<', '&>>', '&>', '>>', '>&', '>|', '>'] as const;

interface HereDocument {
  readonly redirection: { input?: Word };
  readonly end: string;
  readonly isQuoted: boolean;
  readonly stripsTabs: boolean;
}

/**
 * Reads a line or a whole script as a POSIX shell does (XCU 2), with what bash adds: `$'…'`, `<(…)`, `[[ … ]]`, `&>`,
 * arrays. Looks into everything that runs commands: subshells, substitutions, loops, functions, here-documents.
 *
 * @throws ShellSyntaxError
 */
export function parseShell(text: string): ShellScript {
  const commands: SimpleCommand[] = [];
  const constructs = new Set<ShellConstruct>();
  try {
    new Reader(text, commands, constructs).read(0, undefined);
  } catch (error) {
    if (error instanceof RangeError) throw new ShellSyntaxError('it is nested too deeply', 0);
    throw error;
  }
  return { commands, constructs };
}

/** Reads one text; texts inside it, such as those between back quotes, have readers of their own. */
class Reader implements WordFindings {
  readonly #text: string;
  readonly #commands: SimpleCommand[];
  readonly #constructs: Set<ShellConstruct>;
  #hereDocuments: HereDocument[] = [];
  /** How many `case … in` are open. */
  #cases = 0;

  constructor(text: string, commands: SimpleCommand[], constructs: Set<ShellConstruct>) {
    this.#text = text;
    this.#commands = commands;
    this.#constructs = constructs;
  }

  construct(name: ShellConstruct): void {
    this.#constructs.add(name);
  }

  commands(_text: string, offset: number): number {
    const cases = this.#cases;
    this.#cases = 0;
    const end = this.read(offset, ')');
    this.#cases = cases;
    return end;
  }

  script(text: string): void {
    new Reader(text, this.#commands, this.#constructs).read(0, undefined);
  }

  /** Reads commands up to `end` or the end of the text; answers the offset behind it. */
  read(start: number, end: ')' | undefined): number {
    let at = start;
    let separator: Separator = 'start';
    /** True where a newline separates nothing: at the start, and behind another separator. */
    let isFresh = true;
    for (;;) {
      at = this.#skipBlanks(at);
      const char = this.#text[at];
      if (char === undefined) {
        if (end !== undefined) throw new ShellSyntaxError('`(` is not closed', start - 1);
        return at;
      }
      if (char === ')') {
        if (end === undefined) throw new ShellSyntaxError('unexpected `)`', at);
        return at + 1;
      }
      const operator = OPERATORS.find((name) => this.#text.startsWith(name, at) && !this.#text.startsWith('&>', at));
      if (operator === undefined) {
        at = this.#command(at, separator);
        isFresh = false;
        continue;
      }
      at += operator.length;
      if (operator.startsWith(';;') || operator === ';&') {
        if (this.#cases === 0) throw new ShellSyntaxError(`unexpected \`${operator}\``, at - operator.length);
        at = this.#casePattern(at);
        separator = ';';
        isFresh = true;
        continue;
      }
      if (operator === '\n') {
        at = this.#readHereDocuments(at);
        if (isFresh || this.#isBlankUntilEnd(at)) continue;
        separator = 'newline';
      } else separator = operator === '|&' ? '|' : (operator as Separator);
      isFresh = true;
      if (separator === '&' || !this.#isBlankUntilEnd(at)) this.construct(separatorConstruct(separator));
    }
  }

  #command(start: number, after: Separator): number {
    if (this.#text.startsWith('((', start)) {
      const end = this.#arithmeticCommand(start);
      if (end !== undefined) return end;
    }
    if (this.#text[start] === '(') {
      this.construct('()');
      return this.#redirectionsOnly(this.commands(this.#text, start + 1));
    }
    return this.#simpleCommand(start, after);
  }

  #simpleCommand(start: number, after: Separator): number {
    const words: Word[] = [];
    const assignments: Word[] = [];
    const redirections: Redirection[] = [];
    let at = start;
    let isTest = false;
    for (;;) {
      at = this.#skipBlanks(at);
      const char = this.#text[at];
      if (isTest && char !== undefined && /[()&|<>]/.test(char)) {
        at += 1;
        continue;
      }
      const redirected = this.#redirection(at);
      if (redirected !== undefined) {
        redirections.push(redirected.redirection);
        at = redirected.end;
        continue;
      }
      if (char === '(' && words.length === 1 && assignments.length === 0) return this.#function(at);
      if (char === '(') throw new ShellSyntaxError('unexpected `(`', at);
      if (endsWord(char) && !isProcessSubstitution(this.#text, at)) break;
      const read = this.#word(at);
      const { word, isPlain } = read;
      if (words.length === 0 && assignments.length === 0 && isPlain && word.isKnown) {
        const reserved = this.#reserved(word.text, read.end);
        if (reserved !== undefined) return reserved;
      }
      at = read.end;
      if (words.length === 0 && ASSIGNMENT.test(word.text)) {
        if (this.#text[at] === '(' && word.text.endsWith('=')) at = this.#arrayWords(at + 1);
        this.construct('NAME=');
        assignments.push(word);
        continue;
      }
      if (words.length === 0 && isPlain && word.text === '[[') isTest = true;
      if (isTest && word.text === ']]') isTest = false;
      words.push(...this.#expanded(read));
    }
    if (at === start) throw new ShellSyntaxError(`unexpected \`${this.#text[at]}\``, at);
    const source = this.#text.slice(start, at).trim();
    if (words.length > 0 || assignments.length > 0 || redirections.length > 0) {
      this.#commands.push({ assignments, words, redirections, after, source });
    }
    return at;
  }

  /** What bash makes of `a{b,c}`; a shell without braces takes the word as it is, which then is no less harmless. */
  #expanded({ word, hasBraces }: ReadWord): readonly Word[] {
    if (!hasBraces) return [word];
    this.construct('{,}');
    const texts = word.isKnown ? expandBraces(word.text) : undefined;
    return texts === undefined ? [{ ...word, isKnown: false }] : texts.map((text) => ({ ...word, text }));
  }

  /** Goes on behind a reserved word; undefined: it is none. */
  #reserved(text: string, end: number): number | undefined {
    const construct = RESERVED[text];
    if (construct !== undefined) {
      if (construct !== null) this.construct(construct);
      return text === '}' || text === 'fi' || text === 'done' ? this.#redirectionsOnly(end) : end;
    }
    switch (text) {
      case 'for':
      case 'select':
        this.construct('for');
        return this.#loopWords(end);
      case 'case': {
        this.construct('case');
        const at = this.#word(this.#skipBlanks(end)).end;
        const into = this.#word(this.#skipNewlines(at));
        if (into.word.text !== 'in') throw new ShellSyntaxError('`case` without `in`', end);
        this.#cases += 1;
        return this.#casePattern(into.end);
      }
      case 'esac':
        this.#cases = Math.max(0, this.#cases - 1);
        return this.#redirectionsOnly(end);
      case 'function': {
        const at = this.#word(this.#skipBlanks(end)).end;
        const next = this.#skipBlanks(at);
        if (this.#text[next] === '(') return this.#function(next);
        this.construct('function');
        return this.#skipNewlines(at);
      }
      default:
        return undefined;
    }
  }

  /** Behind `for`: the name and the words behind `in`. */
  #loopWords(start: number): number {
    let at = this.#skipBlanks(start);
    if (this.#text.startsWith('((', at)) {
      const end = this.#arithmeticCommand(at);
      if (end !== undefined) return end;
    }
    at = this.#word(at).end;
    const next = this.#skipNewlines(at);
    if (!/^in(?=[\s;]|$)/.test(this.#text.slice(next, next + 3))) return at;
    at = next + 2;
    for (at = this.#skipBlanks(at); !endsWord(this.#text[at]); at = this.#skipBlanks(at)) at = this.#word(at).end;
    return at;
  }

  /** Behind `in` or `;;`: the patterns up to `)`, or `esac`. */
  #casePattern(start: number): number {
    let at = this.#skipNewlines(start);
    if (/^esac(?=[\s;&|)]|$)/.test(this.#text.slice(at, at + 5))) return at;
    if (this.#text[at] === '(') at += 1;
    for (;;) {
      at = this.#skipBlanks(at);
      const char = this.#text[at];
      if (char === ')') return at + 1;
      if (char === '|') at += 1;
      else if (endsWord(char)) throw new ShellSyntaxError('a pattern of `case` does not end with `)`', start);
      else at = this.#word(at).end;
    }
  }

  /** At the `(` behind a name: a function; its body follows as any commands do. */
  #function(open: number): number {
    const close = this.#skipBlanks(open + 1);
    if (this.#text[close] !== ')') throw new ShellSyntaxError('unexpected `(`', open);
    this.construct('function');
    return this.#skipNewlines(close + 1);
  }

  #arrayWords(start: number): number {
    let at = this.#skipNewlines(start);
    while (this.#text[at] !== ')') {
      if (endsWord(this.#text[at])) throw new ShellSyntaxError('an array is not closed', start - 1);
      at = this.#skipNewlines(this.#word(at).end);
    }
    return at + 1;
  }

  /** `((…))`; undefined when it is two subshells. */
  #arithmeticCommand(start: number): number | undefined {
    const end = this.#text.indexOf('))', start);
    const inner = end < 0 ? '' : this.#text.slice(start + 2, end);
    if (end < 0 || /[;&|\n]/.test(inner.replaceAll(/&&|\|\|/g, ''))) return undefined;
    this.construct('$(())');
    readHereText(inner, this);
    return end + 2;
  }

  #redirectionsOnly(start: number): number {
    let at = start;
    const redirections: Redirection[] = [];
    for (;;) {
      const redirected = this.#redirection(this.#skipBlanks(at));
      if (redirected === undefined) break;
      redirections.push(redirected.redirection);
      at = redirected.end;
    }
    const source = this.#text.slice(start, at).trim();
    if (redirections.length > 0) {
      this.#commands.push({ assignments: [], words: [], redirections, after: 'start', source });
    }
    return at;
  }

  #redirection(start: number): { readonly redirection: Redirection; readonly end: number } | undefined {
    const at = start + (/^(?:\d+|\{\w+\})(?=[<>])/.exec(this.#text.slice(start, start + 40))?.[0].length ?? 0);
    if (this.#text[at + 1] === '(' && /[<>]/.test(this.#text[at] ?? '')) return undefined;
    const operator = REDIRECTIONS.find((name) => this.#text.startsWith(name, at));
    if (operator === undefined) return undefined;
    const wordAt = this.#skipBlanks(at + operator.length);
    if (endsWord(this.#text[wordAt]) && this.#text[wordAt + 1] !== '(') {
      throw new ShellSyntaxError(`\`${operator}\` names no file`, at);
    }
    if (operator === '<<' || operator === '<<-') return this.#hereDocument(operator, wordAt);
    const { word, end } = this.#word(wordAt);
    if (operator === '<<<') {
      this.construct('<<');
      return { redirection: { operator, target: word, input: word }, end };
    }
    if (!isHarmlessTarget(operator, word)) this.construct(redirectionConstruct(operator));
    return { redirection: { operator, target: word }, end };
  }

  #hereDocument(operator: string, wordAt: number): { readonly redirection: Redirection; readonly end: number } {
    this.construct('<<');
    const silent: WordFindings = { construct: () => {}, script: () => {}, commands: (_text, offset) => offset };
    const { word, end, isPlain } = readWord(this.#text, wordAt, silent);
    const redirection: Redirection & { input?: Word } = { operator, target: word };
    this.#hereDocuments.push({
      redirection,
      end: word.text,
      isQuoted: !isPlain,
      stripsTabs: operator === '<<-',
    });
    return { redirection, end };
  }

  /** Behind the end of a line: the here-documents it announced. */
  #readHereDocuments(start: number): number {
    let at = start;
    const waiting = this.#hereDocuments;
    this.#hereDocuments = [];
    for (const { redirection, end, isQuoted, stripsTabs } of waiting) {
      const lines: string[] = [];
      while (at < this.#text.length) {
        const lineEnd = this.#text.indexOf('\n', at);
        const raw = this.#text.slice(at, lineEnd < 0 ? undefined : lineEnd);
        const line = stripsTabs ? raw.replace(/^\t+/, '') : raw;
        at = lineEnd < 0 ? this.#text.length : lineEnd + 1;
        if (line === end) break;
        lines.push(`${line}\n`);
      }
      const text = lines.join('');
      redirection.input = isQuoted
        ? { text, isKnown: true, isPattern: false }
        : readHereText(text, new Reader(text, this.#commands, this.#constructs));
    }
    return at;
  }

  #word(at: number): ReadWord {
    return readWord(this.#text, at, this);
  }

  /** Spaces, tabs, lines that go on, and comments. */
  #skipBlanks(start: number): number {
    let at = start;
    for (;;) {
      const char = this.#text[at];
      if (char === ' ' || char === '\t' || char === '\r') at += 1;
      else if (char === '\\' && this.#text[at + 1] === '\n') at += 2;
      else if (char === '#' && (at === 0 || endsWord(this.#text[at - 1]))) {
        const end = this.#text.indexOf('\n', at);
        at = end < 0 ? this.#text.length : end;
      } else return at;
    }
  }

  #skipNewlines(start: number): number {
    let at = this.#skipBlanks(start);
    while (this.#text[at] === '\n') at = this.#skipBlanks(at + 1);
    return at;
  }

  #isBlankUntilEnd(at: number): boolean {
    const next = this.#skipNewlines(at);
    return next >= this.#text.length || this.#text[next] === ')';
  }
}

function separatorConstruct(separator: Separator): ShellConstruct {
  return separator === 'start' ? ';' : separator;
}

function redirectionConstruct(operator: string): ShellConstruct {
  if (operator.startsWith('<')) return '<';
  return operator.endsWith('>>') ? '>>' : '>';
}

/** Joining two outputs, or throwing one away, writes nothing. */
function isHarmlessTarget(operator: string, { text, isKnown }: Word): boolean {
  if (!isKnown) return false;
  if (operator === '>&' || operator === '<&') return /^(\d+|-)$/.test(text);
  return text === '/dev/null';
}

/** `a{b,c}d` → `abd`, `acd`; undefined for what is no plain list. */
function expandBraces(text: string): readonly string[] | undefined {
  const match = /^(.*?)\{([^{}]*,[^{}]*)\}(.*)$/s.exec(text);
  if (match === null) return /\{[^{}]*\.\.[^{}]*\}/.test(text) ? undefined : [text];
  const [, before = '', list = '', behind = ''] = match;
  const rest = expandBraces(behind);
  const words = list.split(',').flatMap((part) => expandBraces(`${before}${part}`));
  if (rest === undefined || words.includes(undefined) || words.length * rest.length > 1_000) return undefined;
  return words.flatMap((word) => rest.map((end) => `${word}${end}`));
}
