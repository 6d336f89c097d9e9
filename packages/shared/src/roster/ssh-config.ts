import { type Compiled, compiled, type Diagnostic, type SourceRange } from '../kernel/index.ts';
import { globMatches } from '../target/index.ts';
import { type RosterFiles, type SshTarget, sshTarget } from './host.ts';
import { problem } from './problems.ts';
import { type ConfigLine, readConfigLines } from './ssh-config-lines.ts';
import { applySshOption, isHarmlessOption } from './ssh-options.ts';

/** Where an ssh_config comes from. */
export interface SshConfigOptions {
  /** The name diagnostics give the file. */
  readonly file: string;
  /** Login user where the file names none. */
  readonly user: string;
  /** What `~` stands for. */
  readonly home: string;
  readonly files: RosterFiles;
}

type Option = Extract<ConfigLine, { kind: 'option' }>;

/** One target for each name in a `Host` line that is no pattern, with what ssh would use for it. */
export function parseSshConfig(text: string, options: SshConfigOptions): Compiled<readonly SshTarget[]> {
  const diagnostics: Diagnostic[] = [];
  const lines = readConfigLines(text, options.file, options, diagnostics);
  const config = new Config(lines, options, diagnostics);
  for (const { words, source } of config.matchLines()) config.checkMatch(words, source);
  const targets = [...config.names()].map(([id, source]) => config.target(id, source));
  return compiled<readonly SshTarget[]>(targets, unique(diagnostics));
}

/** Every option that may be given more than once; of the others the first counts. */
const REPEATED = new Set(['identityfile', 'certificatefile']);
const SUPPORTED_MATCH = new Set(['all', 'host', 'originalhost', 'user', 'localuser']);
/** A jump host that names itself again is refused when it is connected to; here it only must end. */
const MOST_JUMPS = 8;

class Config {
  readonly #lines: readonly ConfigLine[];
  readonly #options: SshConfigOptions;
  readonly #diagnostics: Diagnostic[];

  constructor(lines: readonly ConfigLine[], options: SshConfigOptions, diagnostics: Diagnostic[]) {
    this.#lines = lines;
    this.#options = options;
    this.#diagnostics = diagnostics;
  }

  /** Name → where it is written first. */
  names(): ReadonlyMap<string, SourceRange> {
    const found = new Map<string, SourceRange>();
    for (const { name, words, source } of allOptions(this.#lines)) {
      if (name !== 'host') continue;
      for (const word of words) if (!/[*?!]/.test(word) && !found.has(word)) found.set(word, source);
    }
    return found;
  }

  matchLines(): readonly Option[] {
    return allOptions(this.#lines).filter(({ name }) => name === 'match');
  }

  checkMatch(words: readonly string[], source: SourceRange): void {
    for (const criterion of criteriaOf(words)) {
      if (SUPPORTED_MATCH.has(criterion.name)) {
        if (criterion.name !== 'all' && criterion.value === undefined) {
          this.#report('error', `\`Match ${criterion.name}\` has no value`, 'Write `Match host web*`.', source);
        }
      } else if (criterion.name === 'exec') {
        const detail =
          'Reading a roster runs no commands: choose with `Match host`, or write the hosts into `Host` lines.';
        this.#report('error', '`Match exec` is refused', detail, source);
      } else {
        const detail = 'The block is left out. Understood are all, host, originalhost, user and localuser.';
        this.#report('warning', `\`Match ${criterion.name}\` is not followed`, detail, source);
      }
    }
  }

  /** What ssh would use for a name, with its jump hosts as ssh would reach them. */
  target(id: string, source: SourceRange | undefined, given: Partial<SshTarget> = {}, depth = 0): SshTarget {
    const { user, home } = this.#options;
    const origin = source === undefined ? {} : { origin: { roster: 'ssh_config' as const, place: placeText(source) } };
    let target = sshTarget({ id, user, ...origin });
    const set = new Set<string>(Object.keys(given).map((key) => (key === 'host' ? 'hostname' : key)));
    target = { ...target, ...given };
    for (const option of this.#active(id, () => target, given)) {
      const { name, written, words } = option;
      if (set.has(name) && !REPEATED.has(name)) continue;
      // Of the two ways to go through another host the first that is given counts.
      if (name === 'proxyjump' || name === 'proxycommand') set.add('proxyjump').add('proxycommand');
      set.add(name);
      const joined = REPEATED.has(name) || words.length === 1 ? words[0]! : words.join(' ');
      const applied = applySshOption(written, joined, target, home);
      if (applied === undefined) continue;
      if ('problem' in applied)
        this.#report(applied.problem.severity, applied.problem.summary, applied.problem.detail, option.source);
      else target = name === 'hostname' ? { ...applied, host: tokens(joined, { '%': '%', h: id }) } : applied;
    }
    return this.#withJumps(this.#expanded(id, target), depth);
  }

  /** The options that count for a name, in order. */
  *#active(id: string, target: () => SshTarget, given: Partial<SshTarget>): Generator<Option> {
    yield* walk(this.#lines, true, (option) =>
      option.name === 'host' ? matchesAny(option.words, id) : this.#matches(option.words, id, target(), given),
    );
  }

  #matches(words: readonly string[], id: string, { host, user }: SshTarget, given: Partial<SshTarget>): boolean {
    return criteriaOf(words).every(({ name, value = '', isNegated }) => {
      const patterns = value.split(',');
      const isMatched = (): boolean => {
        switch (name) {
          case 'all':
            return true;
          case 'host':
            return matchesAny(patterns, host);
          case 'originalhost':
            return matchesAny(patterns, id);
          case 'user':
            return matchesAny(patterns, given.user ?? user);
          case 'localuser':
            return matchesAny(patterns, this.#options.user);
          default:
            return false;
        }
      };
      if (!SUPPORTED_MATCH.has(name)) return false;
      return isMatched() !== isNegated;
    });
  }

  #expanded(id: string, target: SshTarget): SshTarget {
    const { home, user, files } = this.#options;
    const values = {
      '%': '%',
      d: home,
      h: target.host,
      n: id,
      p: String(target.port),
      r: target.user,
      u: user,
      k: target.hostKeyAlias ?? id,
      i: String(process.getuid?.() ?? ''),
    };
    const expand = (path: string): string =>
      tokens(path, values).replace(/\$\{(\w+)\}/g, (all, name: string) => files.variable(name) ?? all);
    const { knownHostsFiles, agentSocket } = target;
    const socket = agentSocket === '' ? files.variable('SSH_AUTH_SOCK') : agentSocket;
    const { agentSocket: _, ...rest } = target;
    return {
      ...rest,
      keyFiles: target.keyFiles.filter((file) => file.toLowerCase() !== 'none').map(expand),
      certificateFiles: target.certificateFiles.map(expand),
      proxyJump: target.proxyJump.map((jump) => (typeof jump === 'string' ? tokens(jump, values) : jump)),
      ...(knownHostsFiles === undefined ? {} : { knownHostsFiles: knownHostsFiles.map(expand) }),
      ...(socket === undefined ? {} : { agentSocket: expand(socket) }),
    };
  }

  /** Each jump host with what the file says about it: its own user, keys and port. */
  #withJumps(target: SshTarget, depth: number): SshTarget {
    if (depth >= MOST_JUMPS) return target;
    const proxyJump = target.proxyJump.map((jump) => {
      const match = typeof jump === 'string' ? /^(?:([^@]+)@)?(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(jump) : null;
      if (match === null) return jump;
      const [, user, v6, name, port] = match;
      const given = { ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port: Number(port) }) };
      return this.target(v6 ?? name ?? '', undefined, given, depth + 1);
    });
    return { ...target, proxyJump };
  }

  #report(severity: Diagnostic['severity'], summary: string, detail: string, source: SourceRange): void {
    this.#diagnostics.push(problem(severity, summary, detail, source));
  }
}

interface Criterion {
  readonly name: string;
  readonly value?: string | undefined;
  readonly isNegated: boolean;
}

/** `host web* !user root` and the forms `host=web*`. */
function criteriaOf(words: readonly string[]): readonly Criterion[] {
  const criteria: Criterion[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const [, negation = '', name = '', attached] = /^(!?)([^=]*)(?:=(.*))?$/s.exec(words[at]!) ?? [];
    const takesValue = !/^(all|canonical|final)$/i.test(name);
    if (takesValue && attached === undefined) at += 1;
    const value = attached ?? (takesValue ? words[at] : undefined);
    criteria.push({ name: name.toLowerCase(), value, isNegated: negation !== '' });
  }
  return criteria;
}

/** True when a pattern matches and no negated one does. */
function matchesAny(patterns: readonly string[], text: string): boolean {
  const matches = (pattern: string): boolean => globMatches(pattern.toLowerCase(), text.toLowerCase());
  if (patterns.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1)))) return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && matches(pattern));
}

/** Options that are in force: a file that is included in a block belongs to it. */
function* walk(lines: readonly ConfigLine[], outer: boolean, isFor: (option: Option) => boolean): Generator<Option> {
  let active = outer;
  for (const line of lines) {
    if (line.kind === 'include') {
      if (active) yield* walk(line.lines, true, isFor);
    } else if (line.name === 'host' || line.name === 'match') active = outer && isFor(line);
    else if (active && !isHarmlessOption(line.name)) yield line;
  }
}

function allOptions(lines: readonly ConfigLine[]): readonly Option[] {
  return lines.flatMap((line) => (line.kind === 'include' ? allOptions(line.lines) : [line]));
}

function tokens(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/%(.)/g, (all, letter: string) => values[letter] ?? all);
}

function placeText({ file, line }: SourceRange): string {
  return `${file}:${line}`;
}

/** A line that counts for many hosts is reported once. */
function unique(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Set<string>();
  return diagnostics.filter(({ summary, source }) => {
    const key = `${source?.file}:${source?.line}:${summary}`;
    return !seen.has(key) && seen.add(key) !== undefined;
  });
}
