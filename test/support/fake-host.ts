import type {
  Command,
  DirectoryEntry,
  ExecOptions,
  ExecResult,
  FileStat,
  Host,
  WriteFileOptions,
} from '@edge-run/shared/host';
import { EdgeError } from '@edge-run/shared/kernel';

/** What a scripted command answers; the rest is as for a quiet success. */
export interface ScriptedAnswer {
  readonly exitCode?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** A rule of the script: commands whose words joined by spaces equal the text, match the expression, or satisfy it. */
export type CommandRule = readonly [
  match: string | RegExp | ((command: Command, options: ExecOptions) => boolean),
  answer: ScriptedAnswer | ((command: Command, options: ExecOptions) => ScriptedAnswer),
];

interface FakeNode {
  readonly stat: FileStat;
  readonly content?: Uint8Array;
}

/** A host that lives in memory: commands answer from a script, files are a map. Records what was run and written. */
export class FakeHost implements Host {
  readonly id: string;
  /** Every command with how it was run, in order. */
  readonly commands: { readonly command: Command; readonly options: ExecOptions; readonly wrote: boolean }[] = [];
  readonly #rules: CommandRule[] = [];
  readonly #nodes = new Map<string, FakeNode>();

  constructor(id = 'fake', rules: readonly CommandRule[] = []) {
    this.id = id;
    this.#rules.push(...rules);
    this.#nodes.set('/', { stat: statOf('directory', 0o755, 0) });
  }

  /** Adds rules; later ones win. */
  on(...rules: readonly CommandRule[]): this {
    this.#rules.unshift(...rules);
    return this;
  }

  /** Puts a file there with its directories. */
  file(path: string, content: string | Uint8Array, stat: Partial<FileStat> = {}): this {
    const bytes = typeof content === 'string' ? new Uint8Array(Buffer.from(content)) : content;
    this.directory(parentOf(path));
    this.#nodes.set(path, { stat: { ...statOf('file', 0o644, bytes.length), ...stat }, content: bytes });
    return this;
  }

  /** Puts a directory there with those above it. */
  directory(path: string, stat: Partial<FileStat> = {}): this {
    if (path !== '/') this.directory(parentOf(path));
    if (!this.#nodes.has(path)) this.#nodes.set(path, { stat: { ...statOf('directory', 0o755, 0), ...stat } });
    return this;
  }

  /** Puts a symlink there. */
  link(path: string, linkTarget: string): this {
    this.directory(parentOf(path));
    this.#nodes.set(path, { stat: { ...statOf('symlink', 0o777, 0), linkTarget } });
    return this;
  }

  /** Text of a file; undefined when there is none. */
  text(path: string): string | undefined {
    const content = this.#nodes.get(path)?.content;
    return content === undefined ? undefined : Buffer.from(content).toString('utf8');
  }

  /** The commands that could change something, each as one text. */
  get changes(): readonly string[] {
    return this.commands.filter(({ wrote }) => wrote).map(({ command }) => command.join(' '));
  }

  probe(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    return Promise.resolve().then(() => this.#answer(command, options, false));
  }

  exec(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    return Promise.resolve().then(() => this.#answer(command, options, true));
  }

  readFile(path: string): Promise<Uint8Array> {
    const node = this.#nodes.get(path);
    return node?.content === undefined ? Promise.reject(notFound(path)) : Promise.resolve(node.content);
  }

  stat(path: string): Promise<FileStat | undefined> {
    return Promise.resolve(this.#nodes.get(path)?.stat);
  }

  list(path: string): Promise<readonly DirectoryEntry[]> {
    if (this.#nodes.get(path)?.stat.kind !== 'directory') return Promise.reject(notFound(path));
    const prefix = path === '/' ? '/' : `${path}/`;
    const entries = [...this.#nodes]
      .filter(([at]) => at !== '/' && at.startsWith(prefix) && !at.slice(prefix.length).includes('/'))
      .map(([at, { stat }]) => ({ name: at.slice(prefix.length), kind: stat.kind }));
    return Promise.resolve(entries.sort((a, b) => (a.name < b.name ? -1 : 1)));
  }

  writeFile(path: string, content: Uint8Array, { mode, owner, group }: WriteFileOptions): Promise<void> {
    if (this.#nodes.get(parentOf(path))?.stat.kind !== 'directory') return Promise.reject(notFound(path));
    const stat = { mode, ...(owner === undefined ? {} : { user: owner }), ...(group === undefined ? {} : { group }) };
    this.file(path, content, stat);
    return Promise.resolve();
  }

  remove(path: string): Promise<void> {
    for (const at of [...this.#nodes.keys()]) if (at === path || at.startsWith(`${path}/`)) this.#nodes.delete(at);
    return Promise.resolve();
  }

  #answer(command: Command, options: ExecOptions, wrote: boolean): ExecResult {
    this.commands.push({ command, options, wrote });
    const line = command.join(' ');
    for (const [match, answer] of this.#rules) {
      const hit =
        typeof match === 'string'
          ? match === line
          : match instanceof RegExp
            ? match.test(line)
            : match(command, options);
      if (hit) return result(typeof answer === 'function' ? answer(command, options) : answer);
    }
    throw new EdgeError('EDGE_COMMAND_NOT_FOUND', `the script has no answer for: ${line}`, { command: line });
  }
}

function result({ exitCode = 0, stdout = '', stderr = '' }: ScriptedAnswer): ExecResult {
  return { exitCode, stdout, stderr, stdoutBytes: new Uint8Array(Buffer.from(stdout)), truncated: false };
}

function statOf(kind: FileStat['kind'], mode: number, sizeBytes: number): FileStat {
  return { kind, mode, user: 'root', group: 'root', uid: 0, gid: 0, sizeBytes, modifiedAt: 0 };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function notFound(path: string): EdgeError {
  return new EdgeError('EDGE_FILE_NOT_FOUND', `${path} does not exist`, { path });
}
