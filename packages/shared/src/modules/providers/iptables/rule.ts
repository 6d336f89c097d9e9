import { EdgeError } from '../../../kernel/index.ts';
import type { Value } from '../../../values/index.ts';
import { splitWords } from '../../operations/index.ts';

/** Options of targets, which iptables knows only behind the target (iptables-extensions(8)). */
const AFTER_JUMP: ReadonlySet<string> = new Set(
  `jump goto add-set and-mark and-tos checksum-fill clamp-mss-to-pmtu clustermac ctevents del-set dst-pfx ecn-tcp-remove
  exist expevents gateway hash-init hashmode helper hl-dec hl-inc hl-set hmark-dport-mask hmark-dst-prefix hmark-mod
  hmark-offset hmark-proto-mask hmark-rnd hmark-spi-mask hmark-sport-mask hmark-src-prefix hmark-tuple label
  led-always-blink led-delay led-trigger-id local-node log-ip-options log-level log-macdecode log-prefix log-tcp-options
  log-tcp-sequence log-uid map-prio map-set nflog-group nflog-prefix nflog-range nflog-size nflog-threshold notrack on-ip
  on-port or-mark or-tos persistent queue-balance queue-bypass queue-cpu-fanout queue-num random random-fully
  rateest-ewmalog rateest-interval rateest-name reject-with restore restore-mark sack-perm save-mark selctx set-class
  set-dscp set-dscp-class set-mark set-mss set-tos set-xmark src-pfx strip-options timeout timestamps to to-destination
  to-port to-ports to-source total-nodes tproxy-mark ttl-dec ttl-inc ttl-set type ulog-cprange ulog-nlgroup ulog-prefix
  ulog-qthreshold wscale xor-mark xor-tos zone zone-orig zone-reply`.split(/\s+/),
);
/** Matches that have a name of their own beside that of the state. */
const NAMED_MATCHES: ReadonlySet<string> = new Set(['pknock', 'quota2', 'recent']);

/** A rule: the words iptables gets, and how people and Salt write it. */
export interface Rule {
  readonly words: readonly string[];
  readonly text: string;
}

/** Arguments of a rule by their names, in the order of the author: `source`, `dport`, `jump`. */
export type RuleOptions = ReadonlyMap<string, Value>;

/**
 * Turns arguments into a rule as Salt does (Salt 3006 modules/iptables.py, build_rule): long options by their names, `!`
 * or `not` before a value negates it, and what belongs to the target goes behind it.
 *
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for `dports` and `sports` without a protocol, and for values that are no text
 */
export function buildRule(options: RuleOptions): Rule {
  const rest = new Map(options);
  const parts = new Parts();
  const take = (...names: string[]): Value | undefined => {
    const name = names.find((one) => rest.has(one));
    const value = name === undefined ? undefined : rest.get(name);
    for (const one of names) rest.delete(one);
    return value;
  };
  for (const [name, flag] of [
    ['if', '-i'],
    ['of', '-o'],
  ] as const)
    if (rest.has(name)) parts.option(flag, take(name)!);
  const protocol = take('protocol', 'proto');
  if (protocol !== undefined) parts.option('-p', protocol);

  const ownName = take('name_');
  for (const match of listOf(take('match'))) {
    parts.option('-m', match);
    if (ownName !== undefined && NAMED_MATCHES.has(match)) parts.option('--name', ownName);
  }
  const sets = take('match-set');
  if (sets !== undefined) {
    parts.match('set');
    for (const set of Array.isArray(sets) ? sets : [sets]) parts.option('--match-set', set);
  }
  if (rest.has('connstate')) {
    parts.match('state');
    parts.option('--state', take('connstate')!);
  }
  for (const port of ['dport', 'sport']) if (rest.has(port)) parts.option(`--${port}`, take(port)!);
  for (const ports of ['dports', 'sports']) {
    if (!rest.has(ports)) continue;
    if (protocol === undefined)
      throw new EdgeError('EDGE_BAD_ARGUMENT', `${ports} needs a protocol`, {}, { hint: 'Add `protocol: tcp`.' });
    parts.match('multiport');
    parts.option(`--${ports}`, take(ports)!);
  }
  if (rest.has('comment')) {
    parts.match('comment');
    const comment = textOf('comment', take('comment')!);
    parts.push(`--comment "${comment}"`, ['--comment', comment]);
  }
  const set = take('set');
  if (set !== undefined && set !== null && set !== '') parts.option('--match-set', set);

  const target = new Parts();
  const jump = take('jump', 'target', 'j');
  if (jump !== undefined) target.ofTarget('--jump', jump);
  const goto = take('goto', 'g');
  if (goto !== undefined) target.ofTarget('--goto', goto);
  for (const [name, value] of rest) {
    const flag = name.length === 1 ? `-${name}` : `--${name}`;
    if (AFTER_JUMP.has(name)) target.ofTarget(flag, value);
    else parts.option(flag, value);
  }
  return requireHarmless({
    words: [...parts.words, ...target.words],
    text: [...parts.texts, ...target.texts].join(' '),
  });
}

/** A rule as people write it: `-p tcp --dport 22 -j ACCEPT`. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function readRule(text: string): Rule {
  return requireHarmless({ words: splitWords(text), text: text.trim() });
}

/** The words of a rule, piece by piece, and how they are written. */
class Parts {
  readonly texts: string[] = [];
  readonly words: string[] = [];

  push(text: string, words: readonly string[]): void {
    this.texts.push(text);
    this.words.push(...words);
  }

  /** A match, unless the rule has it already. */
  match(name: string): void {
    if (!this.texts.includes(`-m ${name}`)) this.push(`-m ${name}`, ['-m', name]);
  }

  /** An option whose value may be negated and may be several words: `--match-set blocked src`. */
  option(flag: string, value: Value): void {
    const items = Array.isArray(value) ? value.map((item) => textOf(flag, item)) : [textOf(flag, value)];
    const isNegated = items.some((item) => NEGATED.test(item));
    const bare = items.map((item) => item.replace(NEGATED, '')).join(',');
    const bang = isNegated ? ['!'] : [];
    this.push([...bang, flag, ...(bare === '' ? [] : [bare])].join(' '), [...bang, flag, ...splitWords(bare)]);
  }

  /** An option of a target, whose value is one word whatever it holds. */
  ofTarget(flag: string, value: Value): void {
    const text = Array.isArray(value) ? value.map((item) => textOf(flag, item)).join(',') : textOf(flag, value);
    if (text === '') this.push(flag, [flag]);
    else this.push(/\s/.test(text) ? `${flag} "${text}"` : `${flag} ${text}`, [flag, text]);
  }
}

const NEGATED = /^(?:!\s*|not\s+)/;

function listOf(value: Value | undefined): string[] {
  if (value === undefined) return [];
  const items = Array.isArray(value) ? value : textOf('match', value).split(',');
  return items.map((item) => textOf('match', item).trim());
}

/** None, an empty text and True stand for an option without a value. */
function textOf(name: string, value: Value): string {
  if (value === null || value === true) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `${name} of a rule is neither a text nor a number`,
    { name },
    { hint: 'Write the value as iptables has it, in quotes.' },
  );
}

/** @throws EdgeError `EDGE_BAD_ARGUMENT` for what is no part of a rule: iptables would run another program for it */
function requireHarmless(rule: Rule): Rule {
  const wrong = rule.words.find((word) => /^(-M|--modp?r?o?b?e?(=|$))/.test(word));
  if (wrong !== undefined)
    throw new EdgeError('EDGE_BAD_ARGUMENT', `${wrong} is no part of a rule`, {}, { hint: 'Leave it out.' });
  return rule;
}
