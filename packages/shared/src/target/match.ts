import { EdgeError } from '../kernel/index.ts';
import { didYouMean } from '../schema/index.ts';
import type { PyMap } from '../values/index.ts';
import type { DataTarget, TargetExpression } from './expression.ts';
import { compileGlob } from './glob.ts';
import { compileIpTarget, parseIpTarget } from './network.ts';
import { parseTarget } from './parse.ts';
import { compilePythonPattern } from './python-pattern.ts';
import { sequenceOf, subdictMatches, type TestFactory } from './subdict.ts';

const OPERATORS: ReadonlySet<string> = new Set(['and', 'or', 'not', '(', ')']);

/** A host as targets see it. */
export interface TargetSubject {
  readonly id: string;
  readonly grains: PyMap;
  readonly pillar: PyMap;
}

/** What a target may refer to besides the host itself. */
export interface TargetContext {
  /** Name → compound expression, or its words as a list. */
  readonly nodegroups?: Readonly<Record<string, string | readonly string[]>>;
  /** Expands a range expression to ids. Absent: range targets are an error. */
  readonly range?: (expression: string) => ReadonlySet<string>;
}

/** Decides about one host after another; made once per target. */
export type TargetMatcher = (subject: TargetSubject) => boolean;

/**
 * Compiles a target for many hosts: nodegroups are resolved and patterns compiled once.
 *
 * @throws EdgeError `EDGE_TARGET_NODEGROUP` for an unknown, circular or unreadable nodegroup, `EDGE_TARGET_RANGE` where
 * ranges cannot be expanded. The matcher itself may throw `EDGE_PATTERN_TOO_SLOW`.
 */
export function compileMatcher(target: TargetExpression, context: TargetContext = {}): TargetMatcher {
  return build(target, context, []);
}

/** Whether one host matches; `compileMatcher` where there are several. @throws as `compileMatcher` */
export function matchTarget(target: TargetExpression, subject: TargetSubject, context: TargetContext = {}): boolean {
  return compileMatcher(target, context)(subject);
}

/** The expression a nodegroup stands for. `open` holds the nodegroups being resolved, outermost first. */
export function resolveNodegroup(name: string, context: TargetContext, open: readonly string[]): TargetExpression {
  const groups = context.nodegroups ?? {};
  const words = Object.hasOwn(groups, name) ? groups[name] : undefined;
  if (words === undefined) {
    const hint =
      didYouMean(name, Object.keys(groups)) || 'Nodegroups are defined under `nodegroups` in the configuration.';
    throw new EdgeError('EDGE_TARGET_NODEGROUP', `no nodegroup is named \`${name}\``, { nodegroup: name }, { hint });
  }
  if (open.includes(name)) {
    const cycle = [...open.slice(open.indexOf(name)), name].join(' → ');
    throw new EdgeError('EDGE_TARGET_NODEGROUP', `nodegroup \`${name}\` contains itself: ${cycle}`, {
      nodegroup: name,
    });
  }
  const { value, diagnostics } = parseTarget(words, isListOfIds(words) ? 'list' : 'compound');
  if (value !== undefined) return value;
  const [problem] = diagnostics;
  const column = problem?.source?.column ?? 1;
  throw new EdgeError(
    'EDGE_TARGET_NODEGROUP',
    `nodegroup \`${name}\`, column ${column}: ${problem?.summary ?? 'not readable'}`,
    { nodegroup: name, column },
    problem?.detail ? { hint: problem.detail } : {},
  );
}

/** A list without operators, engines and wildcards names hosts (Salt 3006, utils/minions.py `nodegroup_comp`). */
function isListOfIds(words: string | readonly string[]): words is readonly string[] {
  return (
    typeof words !== 'string' &&
    words.length > 0 &&
    words.every((word) => !OPERATORS.has(word) && !/^[A-Z]\W?@/.test(word) && !/[*?[\]]/.test(word))
  );
}

/** The ids of a range. @throws EdgeError `EDGE_TARGET_RANGE` without a way to expand it. */
export function expandRange(range: string, context: TargetContext): ReadonlySet<string> {
  if (context.range) return context.range(range);
  throw new EdgeError(
    'EDGE_TARGET_RANGE',
    `range target \`${range}\`: no range source is configured`,
    { range },
    { hint: 'Use a list (L@a,b) or a nodegroup (N@name) instead.' },
  );
}

function build(target: TargetExpression, context: TargetContext, open: readonly string[]): TargetMatcher {
  switch (target.kind) {
    case 'glob': {
      const matches = compileGlob(target.pattern);
      return ({ id }) => matches(id);
    }
    case 'pcre': {
      const pattern = compilePythonPattern(target.pattern);
      return ({ id }) => pattern.matchesStart(id);
    }
    case 'list': {
      const ids = new Set(target.ids);
      return ({ id }) => ids.has(id);
    }
    case 'ipcidr':
      return buildIp(target.network);
    case 'range': {
      const ids = expandRange(target.range, context);
      return ({ id }) => ids.has(id);
    }
    case 'nodegroup': {
      const { name } = target;
      return build(resolveNodegroup(name, context, open), context, [...open, name]);
    }
    case 'and': {
      const operands = target.operands.map((operand) => build(operand, context, open));
      return (subject) => operands.every((matches) => matches(subject));
    }
    case 'or': {
      const operands = target.operands.map((operand) => build(operand, context, open));
      return (subject) => operands.some((matches) => matches(subject));
    }
    case 'not': {
      const operand = build(target.operand, context, open);
      return (subject) => !operand(subject);
    }
    default:
      return buildData(target);
  }
}

function buildData({ kind, path, delimiter }: DataTarget): TargetMatcher {
  const source = kind === 'grain' || kind === 'grain_pcre' ? 'grains' : 'pillar';
  const testFor = testFactory(kind);
  return (subject) => subdictMatches(subject[source], path, delimiter, testFor);
}

/** Values are compared in lower case, so patterns are too: by a flag where lowering would turn `\D` into `\d`. */
function testFactory(kind: DataTarget['kind']): TestFactory {
  const made = new Map<string, (text: string) => boolean>();
  const make = (pattern: string): ((text: string) => boolean) => {
    if (kind === 'pillar_exact') return (text) => text === pattern.toLowerCase();
    return kind.endsWith('_pcre') ? patternTest(pattern) : compileGlob(pattern.toLowerCase());
  };
  return (pattern) => {
    const known = made.get(pattern) ?? make(pattern);
    made.set(pattern, known);
    return known;
  };
}

/** The parser has seen to it that one split of key and value is a pattern; the other splits may not be. */
function patternTest(pattern: string): (text: string) => boolean {
  try {
    const compiledPattern = compilePythonPattern(pattern, { ignoreCase: true });
    return (text) => compiledPattern.matchesStart(text);
  } catch (error) {
    if (error instanceof EdgeError && error.code === 'EDGE_PATTERN_INVALID') return () => false;
    throw error;
  }
}

function buildIp(text: string): TargetMatcher {
  const network = parseIpTarget(text);
  if (typeof network === 'string') throw new EdgeError('EDGE_TARGET_SYNTAX', network, { target: text });
  const contains = compileIpTarget(network);
  return ({ grains }) => contains(addresses(grains, network.family));
}

function addresses(grains: PyMap, family: 'ipv4' | 'ipv6'): readonly string[] {
  const value = grains.get(family) ?? null;
  return (sequenceOf(value) ?? [value]).filter((item) => typeof item === 'string');
}
