import { EdgeError } from '../kernel/index.ts';
import { globMatches } from '../target/index.ts';
import { BUILT_IN_RULES } from './built-in.ts';
import {
  type EffectiveCommand,
  type EffectiveScript,
  effectiveCommands,
  effectiveProgram,
  type ScriptPlace,
} from './effective-commands.ts';
import { pathMatches, resolvePath } from './paths.ts';
import type { CommandPolicySettings, CommandRule } from './settings.ts';
import { knownWord, type ShellConstruct, ShellSyntaxError, type Word } from './shell-script.ts';
import { baseName, programName, SHELLS } from './wrappers.ts';

/** A command as the `cmd` functions and states take it. */
export interface CommandRequest {
  /** A line for the shell, or a program and its arguments. */
  readonly cmd: string | readonly string[];
  /** The shell that reads a line. Default `/bin/sh`. */
  readonly shell?: string | undefined;
  readonly cwd?: string | undefined;
  readonly stdin?: string | undefined;
  /** Names of variables that are set for it. */
  readonly variables?: readonly string[];
  /** A shell script the command is, or is given: what must not be run must not be in it. */
  readonly script?: string;
}

/** The host a command is for. */
export interface PolicyHost {
  readonly id: string;
  /** Its pillar environment. */
  readonly environment: string;
  readonly space?: string | undefined;
}

/** What becomes of a command, and which rule said so. */
export type CommandDecision =
  | { readonly kind: 'allowed'; readonly rules: readonly string[] }
  | {
      readonly kind: 'refused';
      readonly rule: string;
      readonly isBuiltIn: boolean;
      /** The part of the line that is refused. */
      readonly command: string;
      readonly why: string;
    };

/** Names of the decisions that no rule made. */
const UNREADABLE = 'unreadable';
const OTHERWISE = 'otherwise: deny';
/** Variables that change which program a name means, or what it does before it begins. */
const STEERING = /^(PATH|IFS|ENV|BASH_ENV|SHELLOPTS|BASHOPTS|CDPATH|LD_.*|PYTHON.*|PERL5?.*|RUBY.*|NODE_.*|GIT_.*)$/;

/** Judges one command for one host: what no rule can allow, then rules that deny, then rules that allow. */
export function judgeCommand(
  settings: Exclude<CommandPolicySettings, 'off'>,
  request: CommandRequest,
  host: PolicyHost,
): CommandDecision {
  let script: EffectiveScript;
  let inner: EffectiveScript | undefined;
  try {
    script = readRequest(request);
    inner = request.script === undefined ? undefined : effectiveCommands(request.script, { folder: request.cwd });
  } catch (error) {
    if (!(error instanceof ShellSyntaxError)) throw error;
    // A shell runs what stands before the line it cannot read.
    const why = `it cannot be read: ${error.message}`;
    return { kind: 'refused', rule: UNREADABLE, isBuiltIn: true, command: textOf(request), why };
  }
  const rules = settings.rules.filter((rule) => isFor(rule, host));
  const commands = [...script.commands, ...(inner?.commands ?? [])];
  return (
    refusedByBuiltIn(commands) ??
    refusedByDenial(commands, rules) ??
    (settings.otherwise === 'allow' ? { kind: 'allowed', rules: [] } : judgeAllowed(script, rules, host))
  );
}

/** @throws EdgeError `EDGE_COMMAND_REFUSED`, naming the rule */
export function requireAllowed(settings: CommandPolicySettings, request: CommandRequest, host: PolicyHost): void {
  if (settings === 'off') return;
  const decision = judgeCommand(settings, request, host);
  if (decision.kind === 'allowed') return;
  const { rule, isBuiltIn, command, why } = decision;
  const line = textOf(request);
  const part = command === line ? `\`${line}\`` : `\`${command}\` in \`${line}\``;
  throw new EdgeError(
    'EDGE_COMMAND_REFUSED',
    `${part} is refused on ${host.id} by the ${isBuiltIn ? 'built-in rule' : 'rule'} \`${rule}\`: ${why}`,
    { host: host.id, environment: host.environment, rule, command, line },
    {
      hint: isBuiltIn
        ? 'No rule of `command_policy` can allow it; nothing was sent.'
        : 'Nothing was sent. Rules are in `command_policy` of the configuration of the master.',
    },
  );
}

function readRequest({ cmd, shell = '/bin/sh', cwd, stdin, variables = [] }: CommandRequest): EffectiveScript {
  const place: ScriptPlace = { folder: cwd, ...(stdin === undefined ? {} : { input: knownWord(stdin) }) };
  const isShellLine = typeof cmd === 'string' && SHELLS.has(baseName(shell));
  const script = isShellLine
    ? effectiveCommands(cmd, place)
    : effectiveProgram(typeof cmd === 'string' ? [shell, '-c', cmd] : cmd, place);
  if (!variables.some((name) => STEERING.test(name))) return script;
  return { ...script, constructs: new Set([...script.constructs, 'NAME=' as const]) };
}

function isFor({ environments, spaces, hosts }: CommandRule, { id, environment, space }: PolicyHost): boolean {
  const matches = (globs: readonly string[] | undefined, text: string): boolean =>
    globs === undefined || globs.some((glob) => globMatches(glob, text));
  return matches(environments, environment) && matches(spaces, space ?? '') && matches(hosts, id);
}

function refusedByBuiltIn(commands: readonly EffectiveCommand[]): CommandDecision | undefined {
  for (const command of commands) {
    const rule = BUILT_IN_RULES.find((candidate) => candidate.refuses(command));
    if (rule === undefined) continue;
    return { kind: 'refused', rule: rule.name, isBuiltIn: true, command: command.source, why: rule.why };
  }
  return undefined;
}

function refusedByDenial(
  commands: readonly EffectiveCommand[],
  rules: readonly CommandRule[],
): CommandDecision | undefined {
  for (const command of commands) {
    for (const { name, deny = [] } of rules) {
      const pattern = deny.find((candidate) => begins(command.words, candidate, baseName));
      if (pattern === undefined) continue;
      const why = `it denies \`${pattern}\``;
      return { kind: 'refused', rule: name, isBuiltIn: false, command: command.source, why };
    }
  }
  return undefined;
}

/** Every command must be allowed by a rule that also allows what the line is made of. */
function judgeAllowed(
  { commands, constructs }: EffectiveScript,
  rules: readonly CommandRule[],
  { environment }: PolicyHost,
): CommandDecision {
  const used = new Set<string>();
  for (const command of commands) {
    if (command.isWrapper && command.redirections.length === 0) continue;
    const objections: { rule: string; why: string }[] = [];
    const rule = rules.find((candidate) => {
      const why = objection(candidate, command, constructs);
      if (typeof why === 'string') objections.push({ rule: candidate.name, why });
      return why === true;
    });
    if (rule === undefined) {
      const [first] = objections;
      const why = first?.why ?? `no rule for ${environment} allows it`;
      const refused = { rule: first?.rule ?? OTHERWISE, isBuiltIn: false, command: command.source, why };
      return { kind: 'refused', ...refused };
    }
    used.add(rule.name);
  }
  return { kind: 'allowed', rules: [...used] };
}

/** True: the rule allows the command. A text: it would, but for that. False: it does not speak of it. */
function objection(
  { allow = [], paths, without = [], shell }: CommandRule,
  { words, redirections, folders, isWrapper }: EffectiveCommand,
  constructs: ReadonlySet<ShellConstruct>,
): true | string | false {
  const pattern = words.length === 0 || isWrapper ? '' : allow.find((text) => begins(words, text, programName));
  if (pattern === undefined) return false;
  const missing = [...constructs].find((construct) => !shell.includes(construct));
  if (missing !== undefined) return `it does not allow ${CONSTRUCT_NAMES[missing] ?? `\`${missing}\``} in a line`;
  const rest = pattern === '' ? [] : words.slice(wordsOf(pattern).length);
  const barred = rest.find(({ text }) => without.some((glob) => globMatches(glob, text)));
  if (barred !== undefined) return `it does not allow the argument \`${barred.text}\``;
  const hidden = rest.find(({ isKnown }) => !isKnown);
  if (hidden !== undefined && (paths !== undefined || without.length > 0)) {
    return `what \`${hidden.text}\` is shows only when it runs`;
  }
  const files = redirections
    .filter(({ operator }) => !/^(<<|<<-|<<<|>&|<&)$/.test(operator))
    .map(({ target }) => target);
  const astray = [...rest.flatMap(pathOf), ...files].find(
    (word) => word.text !== '/dev/null' && paths !== undefined && !leadsInto(word, folders, paths),
  );
  return astray === undefined ? true : `\`${astray.text}\` leads out of ${paths!.join(', ')}`;
}

const CONSTRUCT_NAMES: { readonly [name in ShellConstruct]?: string } = {
  newline: 'several lines',
  $name: 'variables',
  '`': 'back quotes',
  'NAME=': 'settings of variables',
};

/** The path in an argument: all of it, or what stands behind an option. */
function pathOf(word: Word): readonly Word[] {
  if (!word.isKnown || !word.text.startsWith('-')) return [word];
  const slash = /[/=]/.exec(word.text);
  if (slash === null) return word.text.includes('..') ? [word] : [];
  return [{ ...word, text: word.text.slice(slash[0] === '=' ? slash.index + 1 : slash.index) }];
}

function leadsInto(word: Word, folders: readonly (string | undefined)[], paths: readonly string[]): boolean {
  return folders.every((folder) => {
    const path = resolvePath(word, folder);
    return path !== undefined && paths.some((pattern) => pathMatches(pattern, path));
  });
}

/** True when the words of a command begin with those of a pattern. */
function begins(words: readonly Word[], pattern: string, nameOf: (program: string) => string): boolean {
  const globs = wordsOf(pattern);
  return (
    globs.length <= words.length &&
    globs.every((glob, at) => {
      const word = words[at]!;
      if (glob.startsWith('/')) return pathMatches(glob, resolvePath(word, undefined) ?? '');
      return word.isKnown && globMatches(glob, at === 0 ? nameOf(word.text) : word.text);
    })
  );
}

function wordsOf(pattern: string): readonly string[] {
  return pattern.split(/\s+/).filter((word) => word !== '');
}

function textOf({ cmd }: CommandRequest): string {
  return typeof cmd === 'string' ? cmd : cmd.join(' ');
}
