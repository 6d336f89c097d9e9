import { parseShell } from './parse-shell.ts';
import { resolvePath } from './paths.ts';
import {
  knownWord,
  type Redirection,
  type ShellConstruct,
  ShellSyntaxError,
  type SimpleCommand,
  unknownWord,
  type Word,
} from './shell-script.ts';
import { baseName, SHELLS, WRAPPERS, type Wrapper } from './wrappers.ts';

/** A command that would really run, with everything around it taken off. */
export interface EffectiveCommand {
  /** The program first; none for a redirection alone. */
  readonly words: readonly Word[];
  readonly redirections: readonly Redirection[];
  /** Folders it may run in; undefined among them: one nobody knows beforehand. */
  readonly folders: readonly (string | undefined)[];
  /** True for `sudo`, `env`, `sh -c` and the like, whose command follows by itself. */
  readonly isWrapper: boolean;
  /** The command as people wrote it. */
  readonly source: string;
}

/** What a line runs, and what it is made of. */
export interface EffectiveScript {
  readonly commands: readonly EffectiveCommand[];
  readonly constructs: ReadonlySet<ShellConstruct>;
}

/** Where a line is run. */
export interface ScriptPlace {
  readonly folder: string | undefined;
  /** What is on its standard input. */
  readonly input?: Word;
}

/** `sh -c 'sh -c …'` deeper than this is refused. */
const MOST_LEVELS = 20;

/** The commands a shell line would run, wrappers taken off. @throws ShellSyntaxError */
export function effectiveCommands(line: string, place: ScriptPlace): EffectiveScript {
  return collect((unwrapper) => unwrapper.script(line, { folders: [place.folder], input: place.input }));
}

/** As `effectiveCommands`, for a program started without a shell. @throws ShellSyntaxError */
export function effectiveProgram(argv: readonly string[], place: ScriptPlace): EffectiveScript {
  const words = argv.map(knownWord);
  return collect((unwrapper) =>
    unwrapper.command({
      ...{ words, redirections: [], folders: [place.folder], source: argv.join(' ') },
      input: place.input,
    }),
  );
}

function collect(work: (unwrapper: Unwrapper) => void): EffectiveScript {
  const commands: EffectiveCommand[] = [];
  const constructs = new Set<ShellConstruct>();
  work(new Unwrapper(commands, constructs, 0));
  return { commands, constructs };
}

interface Surroundings {
  readonly folders: readonly (string | undefined)[];
  readonly input?: Word | undefined;
}

type Candidate = Omit<EffectiveCommand, 'isWrapper'> & Surroundings;

class Unwrapper {
  readonly #found: EffectiveCommand[];
  readonly #constructs: Set<ShellConstruct>;
  readonly #level: number;

  constructor(found: EffectiveCommand[], constructs: Set<ShellConstruct>, level: number) {
    if (level > MOST_LEVELS) throw new ShellSyntaxError('it is nested too deeply', 0);
    this.#found = found;
    this.#constructs = constructs;
    this.#level = level;
  }

  script(text: string, { folders, input }: Surroundings): void {
    const { commands, constructs } = parseShell(text);
    for (const construct of constructs) this.#constructs.add(construct);
    /** Every folder a `cd` may have led to so far: whether it worked is not known. */
    let possible = folders;
    /** Where the next command is if it only runs when the `cd` before it worked. */
    let certain: readonly (string | undefined)[] | undefined;
    let before: SimpleCommand | undefined;
    for (const command of commands) {
      if (command.after !== '&&') certain = undefined;
      const here = certain ?? possible;
      const piped = command.after === '|' && before !== undefined ? printed(before) : undefined;
      const given = command.redirections.findLast((redirection) => redirection.input !== undefined)?.input;
      this.command({ ...command, folders: here, input: given ?? piped ?? (before === undefined ? input : undefined) });
      const gone = folderChange(command, here);
      if (gone !== undefined) {
        certain = gone;
        possible = [...new Set([...possible, ...gone])];
      }
      before = command;
    }
  }

  command(candidate: Candidate): void {
    const { words, redirections, folders, source } = candidate;
    const [program] = words;
    const name = program?.isKnown === true ? baseName(program.text) : undefined;
    if (name !== undefined && SHELLS.has(name) && this.#shell(candidate)) return;
    const wrapper = name === undefined ? undefined : WRAPPERS.get(name);
    const inner = wrapper === undefined ? undefined : this.#unwrap(candidate, wrapper);
    this.#found.push({ words, redirections, folders, source, isWrapper: inner === true });
    if (name === 'find') this.#findActions(candidate);
  }

  #deeper(): Unwrapper {
    return new Unwrapper(this.#found, this.#constructs, this.#level + 1);
  }

  /** `sh -c LINE`, or a shell that reads a text which is known. False: it is a command like any other. */
  #shell(candidate: Candidate): boolean {
    const { words, input, folders } = candidate;
    let at = 1;
    let isLine = false;
    for (; at < words.length; at += 1) {
      const { text, isKnown } = words[at]!;
      if (!isKnown || !/^[-+]./.test(text) || text === '--') break;
      if (/^-[A-Za-z]*c/.test(text)) isLine = true;
      if (/^[-+][A-Za-z]*[oO]$/.test(text) || text === '--rcfile' || text === '--init-file') at += 1;
    }
    if (words[at]?.text === '--') at += 1;
    const line = isLine ? words[at] : words.length === at || words[at]?.text === '-s' ? input : undefined;
    if (line?.isKnown !== true) return false;
    this.#found.push({ ...candidate, isWrapper: true });
    this.#deeper().script(line.text, { folders });
    return true;
  }

  /** Finds the command inside; undefined: there is none. */
  #unwrap(candidate: Candidate, wrapper: Wrapper): true | undefined {
    const { words, source } = candidate;
    // The options of `su` may stand behind the user.
    if (baseName(words[0]!.text) === 'su') return this.#switchUser(candidate);
    const read = readOptions(words, wrapper);
    if (read.asks) return undefined;
    const folders = read.folder === undefined ? candidate.folders : [resolvePath(read.folder, undefined)];
    const around = { folders, input: candidate.input };
    const rest = words.slice(read.end);
    const line = wrapper.line === undefined ? read.line : joined(wrapper.line === 'first' ? rest.slice(0, 1) : rest);
    if (line !== undefined) {
      if (!line.isKnown) return undefined;
      this.#deeper().script(line.text, around);
      return true;
    }
    const operands = wrapper.operands ?? 0;
    let at = read.end + operands;
    if (wrapper.assigns) {
      while (words[at]?.isKnown === true && /^[A-Za-z_]\w*=/.test(words[at]!.text)) {
        this.#constructs.add('NAME=');
        at += 1;
      }
    }
    const inner = words.slice(at);
    if (inner.length === 0) return undefined;
    this.#deeper().command({
      words: wrapper.addsWords === true ? [...inner, unknownWord('…')] : inner,
      redirections: [],
      source,
      ...around,
    });
    return true;
  }

  /** `su [-] [USER] -c LINE`; without a line it is a shell that reads what nobody sees. */
  #switchUser({ words, folders, input }: Candidate): true | undefined {
    const at = words.findIndex(({ text }) => /^-[a-z]*c$|^--command(=|$)/.test(text));
    const option = words[at];
    if (option === undefined) return undefined;
    const equals = option.text.indexOf('=');
    const line = equals < 0 ? words[at + 1] : { ...option, text: option.text.slice(equals + 1) };
    if (line?.isKnown !== true) return undefined;
    this.#deeper().script(line.text, { folders, input });
    return true;
  }

  /** `find … -exec COMMAND ;` */
  #findActions(candidate: Candidate): void {
    const { words, source } = candidate;
    for (const [at, { text }] of words.entries()) {
      if (!/^-(exec|execdir|ok|okdir)$/.test(text)) continue;
      const end = words.findIndex((word, index) => index > at && (word.text === ';' || word.text === '+'));
      const inner = words.slice(at + 1, end < 0 ? undefined : end);
      if (inner.length === 0) continue;
      const found = inner.map((word) => (word.text.includes('{}') ? unknownWord(word.text) : word));
      this.#deeper().command({ words: found, redirections: [], source, folders: [undefined] });
    }
  }
}

interface ReadOptions {
  /** Index of the first word that is no option. */
  readonly end: number;
  readonly asks: boolean;
  readonly line?: Word | undefined;
  readonly folder?: Word | undefined;
}

function readOptions(words: readonly Word[], wrapper: Wrapper): ReadOptions {
  const { valued = '', longValued = [], asks = [], lineOptions = [], folder = [] } = wrapper;
  let at = 1;
  let line: Word | undefined;
  let place: Word | undefined;
  const take = (option: string, value: Word | undefined): void => {
    if (value === undefined) return;
    if (lineOptions.includes(option)) line = value;
    if (folder.includes(option)) place = value;
  };
  for (; at < words.length; at += 1) {
    const word = words[at]!;
    const { text } = word;
    if (!text.startsWith('-') || text === '-') break;
    if (text === '--') {
      at += 1;
      break;
    }
    if (asks.includes(text)) return { end: at, asks: true };
    if (text.startsWith('--')) {
      const equals = text.indexOf('=');
      const option = equals < 0 ? text : text.slice(0, equals);
      if (equals >= 0) take(option, { ...word, text: text.slice(equals + 1) });
      else if (longValued.includes(option)) {
        at += 1;
        take(option, words[at]);
      }
      continue;
    }
    const letter = [...text.slice(1)].findIndex((char) => valued.includes(char));
    if (letter < 0) continue;
    const option = `-${text[letter + 1]}`;
    const attached = text.slice(letter + 2);
    if (attached === '') at += 1;
    take(option, attached === '' ? words[at] : { ...word, text: attached });
  }
  return { end: Math.min(at, words.length), asks: false, line, folder: place };
}

function joined(words: readonly Word[]): Word | undefined {
  if (words.length === 0) return undefined;
  return {
    text: words.map(({ text }) => text).join(' '),
    isKnown: words.every(({ isKnown }) => isKnown),
    isPattern: false,
  };
}

/** What `echo` or `printf` hand to the next command of a pipe, where that can be told. */
function printed({ words, redirections }: SimpleCommand): Word | undefined {
  const [program, ...rest] = words;
  const name = baseName(program?.text ?? '');
  if (name === 'cat' && rest.length === 0) return redirections.find(({ input }) => input !== undefined)?.input;
  if (name !== 'echo' && name !== 'printf') return undefined;
  const text = joined(name === 'echo' ? rest.filter((word) => !/^-[neE]+$/.test(word.text)) : rest);
  return text === undefined ? undefined : { ...text, text: text.text.replaceAll('\\n', '\n') };
}

/** Where a `cd` leads from each folder it may start in; undefined: the command is none. */
function folderChange(
  { words }: SimpleCommand,
  folders: readonly (string | undefined)[],
): readonly (string | undefined)[] | undefined {
  const [program, ...rest] = words;
  if (program?.text !== 'cd' && program?.text !== 'pushd') return undefined;
  const target = rest.find(({ text }) => !/^-[LPe@]+$/.test(text) && text !== '--');
  if (target === undefined || target.text === '-') return [undefined];
  return [...new Set(folders.map((folder) => resolvePath(target, folder)))];
}
