import { encodeValue, traverse } from '../values/index.ts';
import type { TargetExpression } from './expression.ts';
import { printTarget } from './expression.ts';
import { compileMatcher, expandRange, resolveNodegroup, type TargetContext, type TargetSubject } from './match.ts';

/** Why a host matches or not: a tree as the target is one. */
export interface MatchReason {
  readonly matched: boolean;
  /** The part of the target this is about, as a compound expression. */
  readonly target: string;
  /** One sentence without a full stop: `id web1 matches web*`. */
  readonly because: string;
  readonly parts: readonly MatchReason[];
}

/** Says for every part of a target whether a host matches it, and by what. @throws as `compileMatcher` */
export function explainMatch(
  target: TargetExpression,
  subject: TargetSubject,
  context: TargetContext = {},
): MatchReason {
  return explain(target, subject, context, []);
}

function explain(
  target: TargetExpression,
  subject: TargetSubject,
  context: TargetContext,
  open: readonly string[],
): MatchReason {
  const text = printTarget(target);
  const inner = (part: TargetExpression): MatchReason => explain(part, subject, context, open);
  switch (target.kind) {
    case 'and':
    case 'or': {
      const parts = target.operands.map(inner);
      const matched = target.kind === 'and' ? parts.every((p) => p.matched) : parts.some((p) => p.matched);
      const deciding = parts.find((part) => part.matched === (target.kind === 'or'));
      const all = target.kind === 'and' ? 'every part matches' : 'no part matches';
      return { matched, target: text, because: deciding ? `${deciding.target}: ${deciding.because}` : all, parts };
    }
    case 'not': {
      const part = inner(target.operand);
      return { matched: !part.matched, target: text, because: `not, where ${part.because}`, parts: [part] };
    }
    case 'nodegroup': {
      const group = resolveNodegroup(target.name, context, open);
      const part = explain(group, subject, context, [...open, target.name]);
      return { matched: part.matched, target: text, because: `${target.name} is ${part.target}`, parts: [part] };
    }
    default: {
      const matched = compileMatcher(target, context)(subject);
      return {
        matched,
        target: text,
        because: `${lookedAt(target, subject, context)}, ${matched ? 'matches' : 'does not match'}`,
        parts: [],
      };
    }
  }
}

function lookedAt(
  target: Exclude<TargetExpression, { kind: 'and' | 'or' | 'not' | 'nodegroup' }>,
  subject: TargetSubject,
  context: TargetContext,
): string {
  switch (target.kind) {
    case 'glob':
    case 'pcre':
    case 'list':
      return `id is ${subject.id}`;
    case 'range':
      return `id is ${subject.id}, the range has ${expandRange(target.range, context).size} ids`;
    case 'ipcidr': {
      const family = target.network.includes(':') ? 'ipv6' : 'ipv4';
      return `${family} is ${shown(subject, 'grains', family, ':')}`;
    }
    default: {
      const source = target.kind.startsWith('grain') ? 'grains' : 'pillar';
      const { delimiter, path } = target;
      const parts = path.split(delimiter);
      for (let cut = parts.length - 1; cut > 0; cut -= 1) {
        const key = parts.slice(0, cut).join(delimiter);
        if (traverse(subject[source], key, delimiter) !== undefined) {
          // Pillar may hold what the reader of a target must not see.
          return source === 'pillar' ? `pillar has ${key}` : `${key} is ${shown(subject, source, key, delimiter)}`;
        }
      }
      return `${source} has no ${parts[0]}`;
    }
  }
}

function shown(subject: TargetSubject, source: 'grains' | 'pillar', key: string, delimiter: string): string {
  const value = traverse(subject[source], key, delimiter);
  const text = value === undefined ? 'absent' : JSON.stringify(encodeValue(value));
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
