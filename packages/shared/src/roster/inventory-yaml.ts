import type { Diagnostic, JsonObject, JsonValue, SourceRange } from '../kernel/index.ts';
import { loadSls, type RenderedData } from '../render/index.ts';
import { PyMap, toPlain, type Value } from '../values/index.ts';
import { expandHostRange } from './host-ranges.ts';
import { addHost, groupOf, type Inventory } from './inventory.ts';
import { problem } from './problems.ts';

/** Reads an inventory in Ansible's YAML format into `inventory`. */
export function readYamlInventory(text: string, file: string, inventory: Inventory, diagnostics: Diagnostic[]): void {
  const loaded = loadSls(text, { path: file });
  diagnostics.push(...loaded.diagnostics);
  if (loaded.value === undefined) return;
  const reader = new YamlReader(loaded.value, file, inventory, diagnostics);
  if (!(loaded.value.value instanceof PyMap)) {
    diagnostics.push(problem('error', `${file} is no mapping of groups`, 'Write `all: {hosts: {web1: }}`.'));
    return;
  }
  for (const [name, group] of loaded.value.value) reader.group(String(name), group, loaded.value.value, name);
}

/** Variables in a file of `group_vars` or `host_vars`; an encrypted file has none that can be read. */
export function readVariables(text: string, file: string, diagnostics: Diagnostic[]): JsonObject {
  if (text.startsWith('$ANSIBLE_VAULT')) {
    const detail = 'Give the password in the roster or by a key; variables of this file are left out.';
    diagnostics.push(problem('warning', `${file} is encrypted by ansible-vault`, detail, { file, line: 1 }));
    return {};
  }
  // Values under `!vault` are encrypted one by one; what is left of them names no secret.
  const loaded = loadSls(text.replace(/!vault \|/g, '|').replace(/!unsafe /g, ''), { path: file });
  diagnostics.push(...loaded.diagnostics);
  const plain = loaded.value === undefined ? {} : toPlain(loaded.value.value);
  if (typeof plain === 'object' && plain !== null && !Array.isArray(plain))
    return withoutEncrypted(plain as JsonObject);
  diagnostics.push(problem('error', `${file} is no mapping of variables`, 'Write `name: value`.', { file, line: 1 }));
  return {};
}

function withoutEncrypted(vars: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(vars).filter(([, value]) => !(typeof value === 'string' && value.startsWith('$ANSIBLE_VAULT'))),
  );
}

class YamlReader {
  readonly #data: RenderedData;
  readonly #file: string;
  readonly #inventory: Inventory;
  readonly #diagnostics: Diagnostic[];

  constructor(data: RenderedData, file: string, inventory: Inventory, diagnostics: Diagnostic[]) {
    this.#data = data;
    this.#file = file;
    this.#inventory = inventory;
    this.#diagnostics = diagnostics;
  }

  group(name: string, value: Value, parent: Value, key: Value): void {
    const group = groupOf(this.#inventory, name);
    const entries = this.#mapping(value, parent, key, `the group ${name}`);
    for (const [word, part] of entries ?? []) {
      const what = `\`${String(word)}\` of the group ${name}`;
      if (word === 'vars') group.vars = { ...group.vars, ...this.#vars(part, value, word, what) };
      else if (word === 'children') {
        for (const [child, inner] of this.#mapping(part, value, word, what) ?? []) {
          group.children.add(String(child));
          this.group(String(child), inner, part, child);
        }
      } else if (word === 'hosts') {
        for (const [host, vars] of this.#mapping(part, value, word, what) ?? []) this.#hosts(name, host, vars, part);
      } else this.#report(`${what} is neither hosts, children nor vars`, 'Write variables under `vars`.', value, word);
    }
  }

  #hosts(group: string, host: Value, vars: Value, parent: Value): void {
    const source = this.#place(parent, host);
    try {
      for (const id of expandHostRange(String(host))) {
        addHost(this.#inventory, group, id, this.#vars(vars, parent, host, `the host ${id}`), source);
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#report(error.message, 'Write `web[01:20]` or `db-[a:f]`.', parent, host);
    }
  }

  #vars(value: Value, parent: Value, key: Value, what: string): JsonObject {
    const entries = this.#mapping(value, parent, key, what);
    if (entries === undefined) return {};
    return Object.fromEntries([...entries].map(([name, item]) => [String(name), toPlain(item) as JsonValue]));
  }

  /** Undefined: it is empty, or no mapping, which is reported. */
  #mapping(value: Value, parent: Value, key: Value, what: string): PyMap | undefined {
    if (value instanceof PyMap) return value;
    if (value !== null) this.#report(`${what} is no mapping`, 'Write names with a colon behind them.', parent, key);
    return undefined;
  }

  #report(summary: string, detail: string, container: Value, key: Value): void {
    this.#diagnostics.push(problem('error', summary, detail, this.#place(container, key)));
  }

  #place(container: Value, key: Value): SourceRange {
    return this.#data.placeOf(container, key) ?? { file: this.#file, line: 1 };
  }
}
