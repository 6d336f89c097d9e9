import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  type StateModule,
  type Verdict,
} from '../contract/index.ts';
import {
  chainArg,
  familyArg,
  optionsArg,
  positionArg,
  ruleOptionsOf,
  saveArg,
  tableArg,
} from '../execution/iptables-arguments.ts';
import {
  buildRule,
  type ChainPlace,
  changeFirewall,
  deleteRule,
  firewallCommand,
  hasRule,
  type Rule,
} from '../providers/iptables/index.ts';
import { iptablesChainStates, saveChange } from './iptables-chains.ts';

const needs = ['iptables'];
const ruleArgs = {
  name: z.string().describe('Name of the state, and of the rule in what is said of it.'),
  table: tableArg,
  chain: chainArg.optional().describe('Chain; required unless each of `rules` has its own.'),
  family: familyArg,
  save: saveArg,
  rules: z
    .array(anyValue())
    .min(1)
    .optional()
    .describe('Several rules instead: mappings of these arguments; what one lacks it has from the state.'),
  options: optionsArg,
};
const insertArgs = z.object({ ...ruleArgs, position: positionArg.default(1).describe('Where it goes; first is 1.') });
type RuleArgs = z.output<typeof insertArgs>;

/** Rules of the firewall as they should be. */
export const iptablesStates: readonly StateModule[] = [
  defineState({
    name: 'iptables.append',
    summary: 'Ensure a chain has a rule; it is added behind the others.',
    effect: 'repair',
    needs,
    args: z.object(ruleArgs),
    keywords: 'options',
    examples: [
      {
        title: 'let SSH in, and keep it for the next start',
        args: {
          ...{ name: 'ssh', chain: 'INPUT', proto: 'tcp', dport: 22, match: 'state', connstate: 'NEW', jump: 'ACCEPT' },
          save: true,
        } as { name: string },
      },
    ],
    check: (args, ctx) => added('-A', { ...args, position: 1 }, ctx),
  }),
  defineState({
    name: 'iptables.insert',
    summary: 'Ensure a chain has a rule; it is added at a place of the chain.',
    effect: 'repair',
    needs,
    args: insertArgs,
    keywords: 'options',
    examples: [
      {
        title: 'not from there',
        args: { name: 'bad', chain: 'INPUT', source: '192.0.2.0/24', jump: 'DROP' } as { name: string },
      },
    ],
    check: (args, ctx) => added('-I', args, ctx),
  }),
  defineState({
    name: 'iptables.delete',
    summary: 'Ensure a chain does not have a rule, however often it had it.',
    effect: 'repair',
    needs,
    args: z.object({
      ...ruleArgs,
      position: positionArg.optional().describe('Accepted beside a rule for Salt trees; the rule says what goes.'),
    }),
    keywords: 'options',
    examples: [
      {
        title: 'no longer from there',
        args: { name: 'good', chain: 'INPUT', source: '192.0.2.0/24', jump: 'ACCEPT' } as { name: string },
      },
    ],
    async check(args, { host, facts }) {
      const rules = rulesOf({ ...args, position: 1 });
      const present: WantedRule[] = [];
      for (const one of rules) if (await hasRule(host, one.place, one.rule)) present.push(one);
      const names = namesOf(args, present);
      const changes = present.map(
        ({ name, place, rule }): Change => ({
          what: `Deleted iptables rule for ${name}: ${commandText(place, '-D', rule)}`,
          before: rule.text,
          after: null,
          changes: { locale: names },
          async apply(ctx) {
            await deleteRule(ctx.host, place, rule);
            return undefined;
          },
        }),
      );
      return await withSave({ host, facts }, rules, changes, 'absent');
    },
  }),
  ...iptablesChainStates,
];

async function added(verb: '-A' | '-I', args: RuleArgs, { host, facts }: ModuleContext): Promise<Verdict> {
  const rules = rulesOf(args);
  const missing: WantedRule[] = [];
  for (const one of rules) {
    const isTwice = missing.some(({ place, rule }) => samePlace(place, one.place) && rule.text === one.rule.text);
    if (!isTwice && !(await hasRule(host, one.place, one.rule))) missing.push(one);
  }
  const names = namesOf(args, missing);
  const changes = missing.map(({ name, place, rule, position }): Change => {
    const words = verb === '-I' ? [String(position)] : [];
    return {
      what: `Set iptables rule for ${name} to: ${commandText(place, verb, rule, words)} for ${place.family}`,
      before: null,
      after: rule.text,
      changes: { locale: names },
      async apply(ctx) {
        await changeFirewall(ctx.host, place, verb, [...words, ...rule.words]);
        return undefined;
      },
    };
  });
  return await withSave({ host, facts }, rules, changes, 'set');
}

/** One rule of a state, with everything it says itself or has from the state. */
interface WantedRule {
  readonly name: string;
  readonly place: ChainPlace;
  readonly rule: Rule;
  readonly position: number;
  readonly save: boolean | string;
}

async function withSave(
  { host, facts }: Pick<ModuleContext, 'host' | 'facts'>,
  rules: readonly WantedRule[],
  changes: readonly Change[],
  state: 'set' | 'absent',
): Promise<Verdict> {
  const saves: (Change | true)[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const save = rules.find((one) => one.place.family === family && one.save !== false)?.save ?? false;
    if (save === false) continue;
    const isTouched = rules.some((one) => one.place.family === family) && changes.length > 0;
    saves.push(await saveChange({ host, facts, family, save, isTouched }));
  }
  const verdict = changesOf(...changes, ...saves);
  if (verdict.kind !== 'in-sync') return verdict;
  const verb = state === 'set' ? '-A' : '-D';
  const said = rules.map(
    ({ name, place, rule }) =>
      `iptables rule for ${name} already ${state} (${commandText(place, verb, rule)}) for ${place.family}`,
  );
  return inSync(said.join('\n'));
}

function rulesOf(args: RuleArgs): readonly WantedRule[] {
  const { rules } = args;
  if (rules === undefined) return [wantedRule(args, args.options)];
  return rules.map((entry) => {
    const given = new PyMap(pairsOf(entry, args.name));
    const own = <T>(name: string, schema: z.ZodType<T>, fallback: T): T => {
      const value = given.get(name);
      given.delete(name);
      if (value === undefined) return fallback;
      const read = schema.safeParse(value);
      if (read.success) return read.data;
      throw new EdgeError(
        'EDGE_BAD_ARGUMENT',
        `${name} of a rule of ${args.name}: ${read.error.issues[0]?.message}`,
        { name },
        { hint: 'Each of `rules` takes the arguments of the state.' },
      );
    };
    const mine = {
      name: own('name', z.string(), args.name),
      table: own('table', tableArg, args.table),
      chain: own('chain', chainArg.optional(), args.chain),
      family: own('family', familyArg, args.family),
      save: own('save', saveArg, args.save),
      position: own('position', positionArg, args.position),
    };
    return wantedRule(mine, given);
  });
}

function wantedRule(
  { name, table, chain, family, save, position }: Omit<RuleArgs, 'rules' | 'options'>,
  options: Value | undefined,
): WantedRule {
  if (chain === undefined)
    throw new EdgeError('EDGE_BAD_ARGUMENT', `rule ${name} has no chain`, { name }, { hint: 'Add `chain: INPUT`.' });
  const rule = buildRule(ruleOptionsOf(options));
  if (rule.words.length === 0)
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `rule ${name} says nothing about packets`,
      { name },
      { hint: 'Name options of iptables: `source`, `dport`, `jump`.' },
    );
  return { name, place: { family, table, chain }, rule, position, save };
}

/** A rule of a list: a mapping, or a list of mappings of one argument each, as states are written. */
function pairsOf(entry: Value, name: string): [Value, Value][] {
  if (entry instanceof PyMap) return [...entry];
  if (Array.isArray(entry)) return entry.flatMap((item) => pairsOf(item, name));
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `one of the rules of ${name} is no mapping`,
    { name },
    { hint: 'Write each as `- {chain: INPUT, jump: ACCEPT}`.' },
  );
}

/** What `changes` shows: the name of the rule, or the names of those of a list (Salt 3006 states/iptables.py). */
function namesOf({ rules, name }: { rules?: unknown; name: string }, of: readonly WantedRule[]): string | string[] {
  return rules === undefined ? name : of.map((one) => one.name);
}

function commandText(place: ChainPlace, verb: string, { text }: Rule, words: readonly string[] = []): string {
  return [...firewallCommand(place, verb, words), text].join(' ');
}

function samePlace(one: ChainPlace, other: ChainPlace): boolean {
  return one.family === other.family && one.table === other.table && one.chain === other.chain;
}
