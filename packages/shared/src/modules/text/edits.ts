import { EdgeError } from '../../kernel/index.ts';
import { bareLines, endedText, lineEnd, splitLines } from './lines.ts';
import { escapeRegex, pythonRegex, substitute } from './python-regex.ts';

/*
 * Pure edits of a text, one for each of Salt's line-wise file functions. The execution function applies them to a file,
 * the state looks whether they would change anything.
 */

/** The text with those of `lines` it lacks at its end (`file.append`: whole lines, white space at the ends ignored). */
export function appendLines(text: string, lines: readonly string[], ignoreWhitespace = true): string {
  const missing = missingLines(text, lines, ignoreWhitespace);
  return missing.length === 0 ? text : endedText(text) + missing.map((line) => `${line}\n`).join('');
}

/** The text with those of `lines` it lacks at its start; `header` demands that it begins with exactly them. */
export function prependLines(text: string, lines: readonly string[], header = false): string {
  const wanted = lines.flatMap(bareLines);
  if (header) {
    const begins = bareLines(text).slice(0, wanted.length);
    const same = begins.length === wanted.length && begins.every((line, index) => line === wanted[index]);
    return same ? text : wanted.map((line) => `${line}\n`).join('') + text;
  }
  return (
    missingLines(text, lines, true)
      .map((line) => `${line}\n`)
      .join('') + text
  );
}

function missingLines(text: string, lines: readonly string[], ignoreWhitespace: boolean): string[] {
  const key = (line: string): string => (ignoreWhitespace ? line.trim().replace(/\s+/g, ' ') : line);
  const present = new Set(bareLines(text).map(key));
  return lines.flatMap((line) => (line === '' ? [''] : bareLines(line))).filter((line) => !present.has(key(line)));
}

/** How `file.replace` searches and what it does when nothing was found. */
export interface ReplaceOptions {
  readonly pattern: string;
  readonly repl: string;
  /** Most replacements; 0 for all. */
  readonly count: number;
  /** Python's flags; 8 (MULTILINE) in Salt. */
  readonly flags: number | readonly string[];
  readonly appendIfNotFound: boolean;
  readonly prependIfNotFound: boolean;
  /** Text added when nothing was found; `repl` where undefined. */
  readonly notFoundContent: string | undefined;
}

/** `file.replace`. Text that already holds the content to add does not get it twice. */
export function replaceText(text: string, options: ReplaceOptions): string {
  const regex = pythonRegex(options.pattern, options.flags);
  const { text: replaced, count } = substitute(text, regex, options.repl, options.count);
  if (count > 0 || !(options.appendIfNotFound || options.prependIfNotFound)) return replaced;
  const content = options.notFoundContent ?? options.repl;
  const present = new RegExp(`^${escapeRegex(content)}(?=\\r?$)`, 'm').test(text);
  if (present) return text;
  return options.prependIfNotFound ? endedText(content) + text : endedText(text) + endedText(content);
}

/** How `file.blockreplace` finds its block and what goes into it. */
export interface BlockOptions {
  readonly start: string;
  readonly end: string;
  readonly content: string;
  readonly appendIfNotFound: boolean;
  readonly prependIfNotFound: boolean;
  readonly insertBefore: string | undefined;
  readonly insertAfter: string | undefined;
  /** A line end of its own between content and end marker, where the content has none. */
  readonly appendNewline: boolean | undefined;
}

/** `file.blockreplace`: what is between the marker lines becomes `content`. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function replaceBlock(text: string, options: BlockOptions): string {
  const { start, end, content } = options;
  const lines = splitLines(text);
  const from = lines.findIndex((line) => line.includes(start));
  const to = lines.findIndex((line, index) => index >= Math.max(from, 0) && line.includes(end));
  const eol = lineEnd(text);
  const inner = content === '' || content.endsWith('\n') || options.appendNewline === false ? content : content + eol;
  const markerNote = { start, end };
  if (from === -1 && to !== -1)
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      'cannot edit the marked block: its end marker is there without the start',
      markerNote,
    );
  if (from !== -1 && to === -1)
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      'cannot edit the marked block: its start marker is there without the end',
      markerNote,
    );
  if (from !== -1) {
    const head = lines[from]!;
    // On one line only what stands between the markers is replaced.
    if (from === to) {
      const open = head.indexOf(start) + start.length;
      const close = head.indexOf(end, open);
      if (close === -1)
        throw new EdgeError('EDGE_BAD_ARGUMENT', 'cannot edit the marked block: both markers overlap', markerNote);
      return [
        ...lines.slice(0, from),
        head.slice(0, open) + content + head.slice(close),
        ...lines.slice(from + 1),
      ].join('');
    }
    return [...lines.slice(0, from + 1), inner, ...lines.slice(to)].join('');
  }
  const block = [`${start}${eol}`, inner, `${end}${eol}`];
  if (options.prependIfNotFound) return block.join('') + text;
  if (options.appendIfNotFound) return endedText(text) + block.join('');
  const anchor = options.insertBefore ?? options.insertAfter;
  if (anchor !== undefined) {
    const regex = pythonRegex(anchor);
    const at = lines.findIndex((line) => line.search(regex) !== -1);
    if (at !== -1) {
      const index = options.insertBefore === undefined ? at + 1 : at;
      return [
        ...lines.slice(0, index).map((line, i) => (i === index - 1 ? endedText(line) : line)),
        ...block,
        ...lines.slice(index),
      ].join('');
    }
  }
  throw new EdgeError('EDGE_BAD_ARGUMENT', 'cannot edit the marked block: the markers were not found', markerNote, {
    hint: 'Set append_if_not_found or prepend_if_not_found to add the block.',
  });
}

/** `file.comment` and `file.uncomment`: puts `char` before the lines `regex` matches, or takes it away. */
export function toggleComments(text: string, regex: string, char: string, comment: boolean): string {
  // A commented line begins with the character, so an anchor of the author's means: right after it.
  const wanted = pythonRegex(comment ? regex : `^(?:${regex.replace(/^\^/, '')})`);
  const hits = (content: string): boolean => content.search(wanted) !== -1;
  return splitLines(text)
    .map((line) => {
      const content = line.replace(/\r?\n$/, '');
      const eol = line.slice(content.length);
      const bare = content.trimStart();
      if (comment) return !bare.startsWith(char) && hits(content) ? `${char}${line}` : line;
      if (!bare.startsWith(char)) return line;
      const uncommented = bare.slice(char.length).trimStart();
      const indent = content.slice(0, content.length - bare.length);
      return hits(uncommented) ? `${indent}${uncommented}${eol}` : line;
    })
    .join('');
}

/** How `file.keyvalue` reads its lines. */
export interface KeyValueOptions {
  readonly pairs: ReadonlyMap<string, string>;
  readonly separator: string;
  readonly appendIfNotFound: boolean;
  readonly prependIfNotFound: boolean;
  readonly ignoreCase: boolean;
  readonly countLimit: number;
  /** A comment character that keys may hide behind; such a key is uncommented. */
  readonly uncomment: string | undefined;
  readonly valueIgnoreCase: boolean;
}

/** `file.keyvalue`: the lines as they become, with Salt's list of changed ones. */
export function setKeyValues(text: string, options: KeyValueOptions): { text: string; changed: readonly string[] } {
  const fold = (key: string): string => (options.ignoreCase ? key.toLowerCase() : key);
  const left = new Map([...options.pairs].map(([key, value]) => [fold(key), { key, value, hits: 0 }]));
  const changed: string[] = [];
  const lines = splitLines(text).map((line) => {
    const eol = /\r?\n?$/.exec(line)![0];
    const bare = line.slice(0, line.length - eol.length);
    const active =
      options.uncomment === undefined
        ? bare
        : bare.replace(new RegExp(`^(\\s*)[${escapeRegex(options.uncomment)}]+\\s*`), '$1');
    const at = active.indexOf(options.separator);
    const entry = at === -1 ? undefined : left.get(fold(active.slice(0, at).trim()));
    if (entry === undefined || (options.countLimit > 0 && entry.hits >= options.countLimit)) return line;
    entry.hits += 1;
    const old = active.slice(at + options.separator.length).trim();
    const same = options.valueIgnoreCase ? old.toLowerCase() === entry.value.toLowerCase() : old === entry.value;
    if (same && active === bare) return line;
    const indent = /^\s*/.exec(active)![0];
    const next = `${indent}${entry.key}${options.separator}${entry.value}`;
    changed.push(`- ${bare}\n+ ${next}\n`);
    return next + eol;
  });
  const missing = [...left.values()]
    .filter(({ hits }) => hits === 0)
    .map(({ key, value }) => `${key}${options.separator}${value}`);
  if (missing.length === 0 || !(options.appendIfNotFound || options.prependIfNotFound))
    return { text: lines.join(''), changed };
  changed.push(...missing.map((line) => `+ ${line}\n`));
  const added = missing.map((line) => `${line}\n`).join('');
  const rest = lines.join('');
  return { text: options.prependIfNotFound ? added + rest : endedText(rest) + added, changed };
}
