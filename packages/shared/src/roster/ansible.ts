import { basename, dirname, join } from 'node:path';
import { type Compiled, compiled, type Diagnostic, type JsonObject, type JsonValue, Secret } from '../kernel/index.ts';
import { type RosterFiles, type SshTarget, sshTarget } from './host.ts';
import { emptyInventory, groupsAround, type Inventory } from './inventory.ts';
import { inventoryWords, readIniInventory } from './inventory-ini.ts';
import { readVariables, readYamlInventory } from './inventory-yaml.ts';
import { problem } from './problems.ts';
import { applySshOptions, splitJumps } from './ssh-options.ts';

/** Where an inventory is read from. */
export interface AnsibleOptions {
  /** A file, or a folder of files. */
  readonly path: string;
  /** Login user of hosts that name none. */
  readonly user: string;
  /** What `~` stands for. */
  readonly home: string;
  readonly files: RosterFiles;
}

/** The hosts of an inventory, and its groups as lists of them. */
export interface AnsibleRoster {
  readonly targets: readonly SshTarget[];
  /** Group → ids, those of its children included. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

/** Names in an inventory folder that are no inventory. */
const NO_INVENTORY = /^(group_vars|host_vars)$|^\.|~$|\.(orig|bak|cfg|retry|pyc|pyo|log|md|txt)$/;

/** Reads an Ansible inventory, ini or YAML, with `group_vars` and `host_vars` beside it. */
export function parseAnsible(options: AnsibleOptions): Compiled<AnsibleRoster> {
  const diagnostics: Diagnostic[] = [];
  const inventory = emptyInventory();
  const { path, files } = options;
  const names = files.list(path);
  const folder = names === undefined ? dirname(path) : path;
  if (names === undefined) readInventory(path, files, inventory, diagnostics);
  else
    for (const name of names.filter((entry) => !NO_INVENTORY.test(entry)))
      readInventory(join(path, name), files, inventory, diagnostics);
  const reader = new HostReader(inventory, folder, options, diagnostics);
  const targets = [...inventory.hosts.keys()].flatMap((id) => reader.target(id) ?? []);
  const known = new Set(targets.map(({ id }) => id));
  const groups: Record<string, string[]> = {};
  for (const id of known) {
    for (const name of groupsAround(inventory, id)) groups[name] = [...(groups[name] ?? []), id];
  }
  return compiled<AnsibleRoster>({ targets, groups }, diagnostics);
}

function readInventory(file: string, files: RosterFiles, inventory: Inventory, diagnostics: Diagnostic[]): void {
  const text = files.read(file);
  if (text === undefined) {
    diagnostics.push(
      problem('error', `the inventory ${file} cannot be read`, 'Is the path right, and may Edge read it?'),
    );
  } else if (text.startsWith('#!')) {
    diagnostics.push(
      problem('error', `${file} is a program`, 'Save what it prints with `--list` as YAML.', { file, line: 1 }),
    );
  } else if (/\.(ya?ml|json)$/.test(file) || /^(---|\{)/.test(text))
    readYamlInventory(text, file, inventory, diagnostics);
  else readIniInventory(text, file, inventory, diagnostics);
}

const ESCALATIONS = ['sudo', 'su', 'doas'] as const;
/** Variables that say how a host is reached; all others are facts. */
const CONNECTION = /^ansible_/;

class HostReader {
  readonly #inventory: Inventory;
  readonly #folder: string;
  readonly #options: AnsibleOptions;
  readonly #diagnostics: Diagnostic[];
  readonly #files = new Map<string, JsonObject>();

  constructor(inventory: Inventory, folder: string, options: AnsibleOptions, diagnostics: Diagnostic[]) {
    this.#inventory = inventory;
    this.#folder = folder;
    this.#options = options;
    this.#diagnostics = diagnostics;
  }

  /** Undefined: the host is not reached over SSH, or something about it is wrong, which is reported. */
  target(id: string): SshTarget | undefined {
    const { source } = this.#inventory.hosts.get(id)!;
    const report = (severity: Diagnostic['severity'], summary: string, detail: string): void =>
      void this.#diagnostics.push(problem(severity, `${id}: ${summary}`, detail, source));
    const groups = groupsAround(this.#inventory, id);
    const vars = this.#variables(id, groups);
    const one = (...names: readonly string[]): string | undefined => {
      for (const name of names) {
        const value = vars[name];
        if (value === undefined || value === null) continue;
        const text = this.#resolved(String(value), vars, 0);
        if (!text.includes('{{')) return text;
        report(
          'error',
          `\`${name}\` is the template ${text}`,
          'Of templates only names of variables and lookups of `env` are read: write the value.',
        );
      }
      return undefined;
    };
    const connection = one('ansible_connection') ?? 'ssh';
    if (!/^(ssh|smart|paramiko|paramiko_ssh|ansible\.builtin\.ssh|libssh)$/.test(connection)) {
      report(
        'warning',
        `is reached by \`${connection}\``,
        'It is left out: Edge reaches hosts over SSH or by a minion.',
      );
      return undefined;
    }
    const isYes = (text: string | undefined): boolean => /^(true|yes|1|on)$/i.test(text ?? '');
    const becomes = isYes(one('ansible_become', 'ansible_sudo'));
    const method = (one('ansible_become_method') ?? 'sudo').replace(/^(ansible\.builtin|community\.general)\./, '');
    const escalateBy = ESCALATIONS.find((program) => program === method) ?? 'sudo';
    if (becomes && escalateBy !== method) {
      report('error', `becomes another user by \`${method}\``, `Write one of ${ESCALATIONS.join(', ')}.`);
    }
    const port = one('ansible_port', 'ansible_ssh_port');
    if (port !== undefined && !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
      report('error', `\`${port}\` is no port`, 'A port is a number up to 65535.');
    }
    const key = one('ansible_ssh_private_key_file', 'ansible_private_key_file');
    const password = one('ansible_password', 'ansible_ssh_pass', 'ansible_ssh_password');
    const passphrase = one('ansible_ssh_private_key_passphrase');
    const sudoPassword = one('ansible_become_password', 'ansible_become_pass', 'ansible_sudo_pass');
    const checking = one('ansible_host_key_checking', 'ansible_ssh_host_key_checking');
    if (checking !== undefined && !isYes(checking)) {
      report(
        'warning',
        'turns host key checking off',
        'It stays on: `host_keys: accept-new` takes keys nobody has seen.',
      );
    }
    const plain = sshTarget({
      id,
      host: one('ansible_host', 'ansible_ssh_host') ?? id,
      user: one('ansible_user', 'ansible_ssh_user') ?? this.#options.user,
      ...(port === undefined ? {} : { port: Number(port) }),
      ...(key === undefined ? {} : { keyFiles: [this.#path(key)] }),
      ...(password === undefined ? {} : { password: new Secret(password) }),
      ...(passphrase === undefined ? {} : { passphrase: new Secret(passphrase) }),
      ...(sudoPassword === undefined ? {} : { sudoPassword: new Secret(sudoPassword) }),
      sudo: becomes,
      escalateBy,
      sudoUser: one('ansible_become_user', 'ansible_sudo_user') ?? 'root',
      grains: { ...facts(vars), groups: groups.filter((name) => name !== 'all' && name !== 'ungrouped') },
      origin: { roster: 'ansible', place: `${source.file}:${source.line}` },
    });
    const words = ['ansible_ssh_args', 'ansible_ssh_common_args', 'ansible_ssh_extra_args'].flatMap(
      (name) => inventoryWords(one(name) ?? '') ?? [],
    );
    const { target, problems } = withArguments(plain, words, this.#options.home);
    for (const { severity, summary, detail } of problems) report(severity, summary, detail);
    return target;
  }

  /** From what holds for all hosts to what is said of this one (Ansible, "Understanding variable precedence"). */
  #variables(id: string, groups: readonly string[]): JsonObject {
    return Object.assign(
      {},
      ...groups.map((name) => this.#inventory.groups.get(name)?.vars ?? {}),
      ...groups.map((name) => this.#fileVariables('group_vars', name)),
      this.#inventory.hosts.get(id)?.vars,
      this.#fileVariables('host_vars', id),
    ) as JsonObject;
  }

  #fileVariables(kind: 'group_vars' | 'host_vars', name: string): JsonObject {
    const base = join(this.#folder, kind, basename(name));
    const known = this.#files.get(base);
    if (known !== undefined) return known;
    const { files } = this.#options;
    const inFolder = (files.list(base) ?? []).filter((entry) => /^[^.].*(\.(ya?ml|json))$|^[^.]+$/.test(entry));
    const paths = [
      ...['', '.yml', '.yaml', '.json'].map((end) => base + end),
      ...inFolder.map((entry) => join(base, entry)),
    ];
    const vars = Object.assign(
      {},
      ...paths.map((path) => {
        const text = files.list(path) === undefined ? files.read(path) : undefined;
        return text === undefined ? {} : readVariables(text, path, this.#diagnostics);
      }),
    ) as JsonObject;
    this.#files.set(base, vars);
    return vars;
  }

  /** `{{ name }}` and lookups of the environment are put in; any other template stays. */
  #resolved(text: string, vars: JsonObject, depth: number): string {
    if (depth > 5 || !text.includes('{{')) return text;
    return text.replace(
      /\{\{\s*(?:(\w+)|lookup\(\s*(['"])env\2\s*,\s*(['"])(\w+)\3\s*\))\s*\}\}/g,
      (all, name: string | undefined, _quote, _other, variable: string | undefined) => {
        if (variable !== undefined) return this.#options.files.variable(variable) ?? all;
        const value = vars[name ?? ''];
        return value === undefined || typeof value === 'object' ? all : this.#resolved(String(value), vars, depth + 1);
      },
    );
  }

  /** Below home, or beside the inventory. */
  #path(file: string): string {
    if (file.startsWith('~/')) return join(this.#options.home, file.slice(2));
    return file.startsWith('/') ? file : join(this.#folder, file);
  }
}

function facts(vars: JsonObject): Record<string, JsonValue> {
  return Object.fromEntries(
    Object.entries(vars).flatMap(([name, value]) =>
      CONNECTION.test(name) || value === undefined ? [] : [[name, value] as const],
    ),
  );
}

/** Arguments of ssh: `-o Name=value`, `-J`, `-i`, `-p`, `-l`. */
function withArguments(target: SshTarget, words: readonly string[], home: string): ReturnType<typeof applySshOptions> {
  const options: string[] = [];
  let jumps: readonly string[] | undefined;
  for (let at = 0; at < words.length; at += 1) {
    const [, letter, attached = ''] = /^-([A-Za-z])(.*)$/s.exec(words[at]!) ?? [];
    const name = letter === undefined ? undefined : VALUED[letter];
    if (name === undefined) continue;
    if (attached === '') at += 1;
    const value = attached === '' ? (words[at] ?? '') : attached;
    if (name === 'o') options.push(value);
    else if (name === 'ProxyJump') jumps = splitJumps(value);
    else options.push(`${name}=${value}`);
  }
  const applied = applySshOptions(target, options, home);
  return jumps === undefined ? applied : { ...applied, target: { ...applied.target, proxyJump: jumps } };
}

const VALUED: Readonly<Record<string, string>> = {
  o: 'o',
  J: 'ProxyJump',
  i: 'IdentityFile',
  p: 'Port',
  l: 'User',
};
