import type { Diagnostic, JsonValue, SourceRange } from '../kernel/index.ts';
import { expandHostRange } from './host-ranges.ts';
import { addHost, groupOf, type Inventory } from './inventory.ts';
import { problem } from './problems.ts';

type Section = { readonly group: string; readonly kind: 'hosts' | 'vars' | 'children' };

/** Reads an inventory in Ansible's ini format into `inventory`. */
export function readIniInventory(text: string, file: string, inventory: Inventory, diagnostics: Diagnostic[]): void {
  let section: Section = { group: 'ungrouped', kind: 'hosts' };
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || /^[#;]/.test(line)) continue;
    const source = { file, line: index + 1, text: raw };
    if (line.startsWith('[') && !/^\[[^\]]*:[^\]]*\]\S/.test(line)) {
      const read = readSection(line);
      if (read === undefined) {
        const detail = 'Write `[group]`, `[group:vars]` or `[group:children]`.';
        diagnostics.push(problem('error', `\`${line}\` is no section`, detail, source));
        continue;
      }
      section = read;
      groupOf(inventory, section.group);
    } else readEntry(line, section, source, inventory, diagnostics);
  }
}

function readSection(line: string): Section | undefined {
  const match = /^\[([^\]:]+)(?::(\w+))?\]\s*(?:[#;].*)?$/.exec(line);
  if (match === null) return undefined;
  const [, group = '', kind = 'hosts'] = match;
  return kind === 'hosts' || kind === 'vars' || kind === 'children' ? { group: group.trim(), kind } : undefined;
}

function readEntry(
  line: string,
  { group, kind }: Section,
  source: SourceRange,
  inventory: Inventory,
  diagnostics: Diagnostic[],
): void {
  const report = (summary: string, detail: string): void =>
    void diagnostics.push(problem('error', summary, detail, source));
  if (kind === 'vars') {
    const match = /^([^=\s]+)\s*=\s*(.*)$/.exec(line);
    if (match === null) report(`\`${line}\` sets no variable`, 'Write `name=value`.');
    else groupOf(inventory, group).vars = { ...groupOf(inventory, group).vars, [match[1]!]: literal(match[2]!) };
    return;
  }
  const words = inventoryWords(line);
  if (words === undefined) {
    report('a quote is not closed', 'Close it.');
    return;
  }
  const [name = '', ...rest] = words;
  if (kind === 'children') {
    groupOf(inventory, group).children.add(name);
    groupOf(inventory, name);
    return;
  }
  const vars: Record<string, JsonValue> = {};
  for (const word of rest) {
    const equals = word.indexOf('=');
    if (equals < 1) {
      report(`\`${word}\` sets no variable of ${name}`, 'Write `name=value`.');
      return;
    }
    vars[word.slice(0, equals)] = literal(word.slice(equals + 1));
  }
  const [, pattern = name, port] = /^(.*[^:\]]|.*\][^:]*)(?::(\d+))$/.exec(name) ?? [];
  try {
    for (const id of expandHostRange(pattern)) {
      addHost(inventory, group, id, { ...(port === undefined ? {} : { ansible_port: Number(port) }), ...vars }, source);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    report(error.message, 'Write `web[01:20]` or `db-[a:f]`.');
  }
}

/** Words as Ansible splits a line: quotes group and fall away, `#` begins a comment; undefined where one is open. */
export function inventoryWords(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  const add = (text: string): void => {
    word = (word ?? '') + text;
  };
  let quote: string | undefined;
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at]!;
    if (quote !== undefined) {
      if (char === quote) quote = undefined;
      else if (char === '\\' && quote === '"' && /["\\]/.test(line[at + 1] ?? '')) {
        at += 1;
        add(line[at]!);
      } else add(char);
    } else if (char === '"' || char === "'") {
      quote = char;
      add('');
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === '#' && word === undefined) break;
    else add(char);
  }
  if (quote !== undefined) return undefined;
  if (word !== undefined) words.push(word);
  return words;
}

/** A value as Python would read it, else a text. */
function literal(text: string): JsonValue {
  const value = text.trim();
  if (/^(['"]).*\1$/s.test(value)) return value.slice(1, -1);
  if (value === 'True' || value === 'False') return value === 'True';
  if (value === 'None') return null;
  if (/^[-+]?(0|[1-9]\d*)$/.test(value) || /^[-+]?\d+\.\d+$/.test(value)) return Number(value);
  return value;
}
