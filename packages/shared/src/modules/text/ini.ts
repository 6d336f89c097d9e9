import { EdgeError } from '../../kernel/index.ts';
import { lineEnd, splitLines } from './lines.ts';

/** How an INI text is read, and how lines that are added look. */
export interface IniFormat {
  /** Between name and value; white space stands for any. */
  readonly separator: string;
  /** No blanks around the separator of lines that are written. */
  readonly noSpaces: boolean;
}

/** Options by name, in order; of a name that is there twice, the last value. */
export type IniOptions = ReadonlyMap<string, string>;

/** A line, or an option with the indented lines that belong to it. */
interface Entry {
  readonly kind: 'header' | 'option' | 'comment' | 'blank' | 'other';
  /** To the letter, with its line end. */
  text: string;
  /** Of a section or an option. */
  readonly name?: string;
  /** Of an option; its lines are separated by \n. */
  value?: string;
  /** Everything before the value of an option. */
  readonly prefix?: string;
}

/** The lines from one section header to the next; the first block has no name. */
interface Block {
  readonly name: string | undefined;
  readonly entries: Entry[];
}

/**
 * An INI text that can be edited: what no edit is about stays to the letter. It is read as Salt 3006 modules/ini_manage.py
 * does: `#` and `;` begin comments, lines that are indented further than an option belong to its value, options may stand
 * before the first section (section `undefined`). Sections and options that are there several times count as one, whose
 * last value is meant.
 */
export class IniText {
  readonly #format: IniFormat;
  readonly #blocks: Block[];
  readonly #lineEnd: string;
  readonly #mark: string;

  constructor(text: string, format: IniFormat) {
    this.#format = { ...format, separator: format.separator.trim() };
    this.#mark = text.startsWith('\uFEFF') ? '\uFEFF' : '';
    this.#lineEnd = lineEnd(text);
    this.#blocks = blocksOf(text.slice(this.#mark.length), this.#format.separator);
  }

  /** The text with its edits. */
  toString(): string {
    return this.#mark + this.#blocks.flatMap(({ entries }) => entries.map(({ text }) => text)).join('');
  }

  /** Names of the sections, in order. */
  sections(): readonly string[] {
    return [...new Set(this.#blocks.flatMap(({ name }) => name ?? []))];
  }

  /** Options of a section; undefined where it is not there. */
  options(section: string | undefined): IniOptions | undefined {
    const blocks = this.#named(section);
    if (blocks.length === 0) return undefined;
    const options = blocks.flatMap(({ entries }) => entries.filter(({ kind }) => kind === 'option'));
    return new Map(options.map(({ name, value }) => [name!, value!]));
  }

  /** Gives an option its value; a new one goes below its commented-out form, or behind the last option. @throws EdgeError `EDGE_BAD_ARGUMENT` */
  set(section: string | undefined, option: string, value: string): void {
    const name = this.#checkedName(option);
    const wanted = tidyValue(value);
    if (section !== undefined) this.addSection(section);
    const blocks = this.#named(section);
    const found = blocks.flatMap(({ entries }) => entries).findLast((entry) => isOption(entry, name));
    if (found === undefined) {
      this.#insert(blocks.at(-1)!.entries, name, wanted);
      return;
    }
    if (found.value === wanted) return;
    const indent = indentOf(found);
    const isFresh = this.#format.noSpaces || firstLine(found.value!) === '' || firstLine(wanted) === '';
    const prefix = isFresh ? this.#prefix(indent, name, wanted) : found.prefix!;
    const text = this.#lines(prefix, indent, name, wanted);
    found.text = found.text.endsWith('\n') ? text : text.slice(0, -this.#lineEnd.length);
    found.value = wanted;
  }

  /** Takes an option out, wherever the section has it; answers its value, undefined where it was not there. */
  removeOption(section: string | undefined, option: string): string | undefined {
    const value = this.options(section)?.get(option);
    for (const { entries } of this.#named(section)) {
      for (let at = entries.length - 1; at >= 0; at -= 1) if (isOption(entries[at]!, option)) entries.splice(at, 1);
    }
    return value;
  }

  /** Appends a section where it is not there; true when it was not. @throws EdgeError `EDGE_BAD_ARGUMENT` */
  addSection(section: string): boolean {
    if (this.#named(section).length > 0) return false;
    if (!/^\S(?:.*\S)?$/.test(section)) throw notWritable('section', section);
    const last = this.#blocks.findLast(({ entries }) => entries.length > 0)?.entries.at(-1);
    if (last !== undefined) last.text = this.#ended(last.text);
    if (last !== undefined && last.kind !== 'blank') this.#blocks.at(-1)!.entries.push(this.#blank());
    const header: Entry = { kind: 'header', name: section, text: `[${section}]${this.#lineEnd}` };
    this.#blocks.push({ name: section, entries: [header] });
    return true;
  }

  /**
   * Takes a section out with everything in it; answers its options. Comments right above the next header, with a blank
   * line before them, are that section's and stay.
   */
  removeSection(section: string): IniOptions | undefined {
    const options = this.options(section);
    for (let index = this.#blocks.length - 1; index > 0; index -= 1) {
      const { name, entries } = this.#blocks[index]!;
      if (name !== section) continue;
      const isLast = index === this.#blocks.length - 1;
      const from = entries.findLastIndex(({ kind }) => kind !== 'comment') + 1;
      const isOfNext = !isLast && entries[from - 1]!.kind === 'blank';
      if (isOfNext) this.#blocks[index - 1]!.entries.push(...entries.slice(from));
      this.#blocks.splice(index, 1);
    }
    return options;
  }

  /** Blocks of a section. */
  #named(section: string | undefined): readonly Block[] {
    return section === undefined ? this.#blocks.slice(0, 1) : this.#blocks.filter(({ name }) => name === section);
  }

  /** Puts a new option in, indented as the one next to it: further, and it would belong to that one, or that one to it. */
  #insert(entries: Entry[], name: string, value: string): void {
    const at = this.#place(entries, name);
    const before = entries[at - 1];
    if (before !== undefined) before.text = this.#ended(before.text);
    const isOption = ({ kind }: Entry): boolean => kind === 'option';
    const neighbour = entries.slice(at).find(isOption) ?? entries.findLast(isOption);
    const indent = neighbour === undefined ? '' : indentOf(neighbour);
    const text = this.#lines(this.#prefix(indent, name, value), indent, name, value);
    // The first option of all does not stick to the header of the first section.
    const isAlone = neighbour === undefined && entries === this.#blocks[0]!.entries;
    const isAtHeader = at === entries.length && this.#blocks.length > 1;
    entries.splice(at, 0, { kind: 'option', name, value, text, prefix: indent });
    if (isAlone && isAtHeader) entries.push(this.#blank());
  }

  /** Where a new option goes: below its commented-out form, behind the last option, or behind the comments at the start. */
  #place(entries: readonly Entry[], name: string): number {
    const { separator } = this.#format;
    const hidden = entries.findIndex(
      ({ kind, text }) => kind === 'comment' && optionOf(text.trim().replace(/^[#;]+/, ''), separator)?.name === name,
    );
    const last = entries.findLastIndex(({ kind }) => kind === 'option');
    if (hidden === -1 && last !== -1) return last + 1;
    let at = hidden === -1 && entries[0]?.kind === 'header' ? 1 : hidden + 1;
    while (hidden === -1 && entries[at]?.kind === 'comment') at += 1;
    // An indented line that is nobody's would become part of the option.
    while (entries[at]?.kind === 'other') at += 1;
    return at;
  }

  #prefix(indent: string, name: string, value: string): string {
    const { separator, noSpaces } = this.#format;
    if (separator === '') return `${indent}${name} `;
    if (noSpaces) return `${indent}${name}${separator}`;
    const isBare = value === '' || value.startsWith('\n');
    return `${indent}${name} ${separator}${isBare ? '' : ' '}`;
  }

  #lines(prefix: string, indent: string, name: string, value: string): string {
    const [, ...further] = value.split('\n');
    if (further.some((line) => !isContinuation(line, depth(indent)))) throw notIndented(name);
    return `${prefix}${value.replaceAll('\n', this.#lineEnd)}${this.#lineEnd}`;
  }

  #blank(): Entry {
    return { kind: 'blank', text: this.#lineEnd };
  }

  #ended(text: string): string {
    return text === '' || text.endsWith('\n') ? text : `${text}${this.#lineEnd}`;
  }

  #checkedName(option: string): string {
    const name = option.trim();
    const read = optionOf(`${this.#prefix('', name, '')}\n`, this.#format.separator);
    if (/^[#;[]|\n/.test(name) || read?.name !== name) throw notWritable('option', option);
    return name;
  }
}

function blocksOf(text: string, separator: string): Block[] {
  const blocks: Block[] = [{ name: undefined, entries: [] }];
  let current: Block = blocks[0]!;
  /** Of the last option of the section; undefined before the first. */
  let indent: number | undefined;
  for (const line of splitLines(text)) {
    const header = sectionOf(line);
    if (header !== undefined) {
      current = { name: header, entries: [{ kind: 'header', name: header, text: line }] };
      blocks.push(current);
      indent = undefined;
      continue;
    }
    const { entries } = current;
    const last = entries.at(-1);
    if (indent !== undefined && isContinuation(line, indent)) {
      if (last?.kind === 'option') {
        last.text += line;
        last.value += `\n${line.trimEnd()}`;
      } else {
        entries.push({ kind: 'other', text: line });
      }
      continue;
    }
    const entry = entryOf(line, separator);
    if (entry.kind === 'option') indent = depth(entry.prefix!);
    entries.push(entry);
  }
  return blocks;
}

function entryOf(text: string, separator: string): Entry {
  if (text.trim() === '') return { kind: 'blank', text };
  if (isComment(text)) return { kind: 'comment', text };
  const option = optionOf(text, separator);
  return option === undefined ? { kind: 'other', text } : { kind: 'option', text, ...option };
}

/** The option a line holds; an empty separator stands for white space. */
function optionOf(line: string, separator: string): { name: string; value: string; prefix: string } | undefined {
  const start = line.length - line.trimStart().length;
  const body = line.trimEnd();
  const from = separator === '' ? firstBlank(line, start) : body.indexOf(separator, start + 1);
  if (from === -1 || start >= body.length) return undefined;
  const rest = line.slice(from + Math.max(separator.length, 1));
  const value = rest.trim();
  const prefix = line.slice(0, line.length - rest.length + (value === '' ? 0 : rest.indexOf(value)));
  return { name: line.slice(start, from).trimEnd(), value, prefix: prefix.replace(/[\r\n]+$/, '') };
}

function firstBlank(line: string, start: number): number {
  const at = line.slice(start).search(/[^\S\r\n]/);
  return at === -1 ? -1 : start + at;
}

function sectionOf(line: string): string | undefined {
  const body = line.trim();
  return body.length > 2 && body.startsWith('[') && body.endsWith(']') ? body.slice(1, -1) : undefined;
}

/** True for a line that belongs to the value of an option that is indented by less. */
function isContinuation(line: string, indent: number): boolean {
  return line.trim() !== '' && !isComment(line) && sectionOf(line) === undefined && depth(line) > indent;
}

function isComment(line: string): boolean {
  return /^[#;]/.test(line.trimStart());
}

/** How far a line is indented; a tab counts as four blanks. */
function depth(line: string): number {
  return line.slice(0, line.length - line.trimStart().length).replaceAll('\t', '    ').length;
}

/** A value as it is read back: without blanks at the ends of its lines, and at its start. */
function tidyValue(value: string): string {
  const [first = '', ...further] = value.trimEnd().split('\n');
  return [first.trim(), ...further.map((line) => line.trimEnd())].join('\n');
}

function indentOf({ prefix = '' }: Entry): string {
  return /^\s*/.exec(prefix)![0];
}

function firstLine(value: string): string {
  return value.split('\n', 1)[0]!;
}

function isOption(entry: Entry, name: string): boolean {
  return entry.kind === 'option' && entry.name === name;
}

function notWritable(what: 'section' | 'option', name: string): EdgeError {
  return new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `'${name}' cannot be the name of ${what === 'section' ? 'a section' : 'an option'} of an INI file`,
    { name },
    { hint: 'Names are one line without the separator, and do not begin with a bracket, # or ;.' },
  );
}

function notIndented(option: string): EdgeError {
  return new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `the value of ${option} has lines that an INI file would not read as part of it`,
    { option },
    { hint: 'Indent every line of a value but its first, and leave no empty lines and comments between them.' },
  );
}
