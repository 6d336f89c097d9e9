import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { mustProbe } from '../operations/index.ts';
import {
  buildRule,
  changeFirewall,
  deleteRule,
  findChain,
  firewallCommand,
  hasRule,
  parseSaved,
  programOf,
  readRule,
  readRules,
  readSaved,
  ruleOptions,
  type SavedRules,
  savedFile,
  saveRules,
} from '../providers/iptables/index.ts';
import {
  chainArg,
  familyArg,
  optionsArg,
  policyArg,
  positionArg,
  ruleOptionsOf,
  ruleTextArg,
  tableArg,
} from './iptables-arguments.ts';

const place = { table: tableArg, chain: chainArg };
const family = familyArg;
const conf = z.string().startsWith('/').optional().describe('The file; where the system keeps them, where absent.');

/** Rules of the firewall, through iptables. */
export const iptablesFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'iptables.version',
    summary: 'Answer the version of iptables.',
    args: z.object({ family }),
    returns: 'A version: `v1.8.9`.',
    examples: [],
    run: async ({ family: which }, { host }) =>
      (await mustProbe(host, [programOf(which), '--version'])).stdout.split(/\s+/)[1] ?? '',
  }),
  defineRead({
    name: 'iptables.build_rule',
    summary: 'Answer the rule that arguments stand for.',
    args: z.object({
      table: tableArg,
      chain: chainArg.optional().describe('With `full`: the chain.'),
      command: z.string().optional().describe('With `full`: what is done, `A`, `I`, `D` or a long option.'),
      position: z.union([z.number(), z.string()]).default('').describe('With `full`: where the rule stands.'),
      full: z.boolean().default(false).describe('Answer the whole command.'),
      family,
      options: optionsArg,
    }),
    keywords: 'options',
    returns: 'A text.',
    examples: [
      { title: 'let answers in', args: { match: 'state', connstate: 'ESTABLISHED', jump: 'ACCEPT' } as object },
    ],
    async run({ table, chain, command, position, full, family: which, options }) {
      const { text } = buildRule(
        new Map([...ruleOptionsOf(options)].filter(([name]) => !['name', 'save'].includes(name))),
      );
      if (!full) return text;
      if (chain === undefined || command === undefined)
        throw new EdgeError(
          'EDGE_BAD_ARGUMENT',
          'the whole command needs a chain and a command',
          {},
          { hint: 'Add `chain: INPUT` and `command: A`.' },
        );
      const verb = `${command.length === 1 ? '-' : '--'}${command}`;
      const words = [...firewallCommand({ family: which, table, chain }, verb), String(position), text];
      return words.filter((word) => word !== '').join(' ');
    },
  }),
  defineRead({
    name: 'iptables.get_rules',
    summary: 'Answer the rules that are in force.',
    args: z.object({ family }),
    returns: 'table → chain → `policy`, `packet count`, `byte count` and `rules`, each a mapping of options to values.',
    examples: [],
    run: async ({ family: which }, { host }) => shown(await readRules(host, which)),
  }),
  defineRead({
    name: 'iptables.get_saved_rules',
    summary: 'Answer the rules that are kept for the next start.',
    args: z.object({ conf_file: conf, family }),
    returns: 'As `iptables.get_rules`; empty where there is no file.',
    examples: [],
    run: async ({ conf_file: file, family: which }, { host, facts }) =>
      shown(parseSaved((await readSaved(host, savedFile(facts, which, file ?? true))) ?? '')),
  }),
  defineRead({
    name: 'iptables.get_policy',
    summary: 'Answer what becomes of packets that no rule of a chain decides about.',
    args: z.object({ ...place, family }),
    returns: '`ACCEPT` or `DROP`; None for chains that somebody made.',
    examples: [],
    run: async ({ family: which, ...at }, { host }) =>
      (await findChain(host, { ...at, family: which }))?.policy ?? null,
  }),
  defineRead({
    name: 'iptables.get_saved_policy',
    summary: 'Answer the policy of a chain that is kept for the next start.',
    args: z.object({ ...place, conf_file: conf, family }),
    returns: '`ACCEPT` or `DROP`; None where there is none.',
    examples: [],
    async run({ table, chain, conf_file: file, family: which }, { host, facts }) {
      const saved = parseSaved((await readSaved(host, savedFile(facts, which, file ?? true))) ?? '');
      return saved.get(table)?.get(chain)?.policy ?? null;
    },
  }),
  defineRead({
    name: 'iptables.check',
    summary: 'Answer whether a chain has a rule.',
    args: z.object({ ...place, rule: ruleTextArg, family }),
    returns: 'True or false.',
    examples: [
      { title: 'is SSH let in?', args: { table: 'filter', chain: 'INPUT', rule: '-p tcp --dport 22 -j ACCEPT' } },
    ],
    run: ({ rule, family: which, ...at }, { host }) => hasRule(host, { ...at, family: which }, readRule(rule)),
  }),
  defineRead({
    name: 'iptables.check_chain',
    summary: 'Answer whether there is a chain.',
    args: z.object({ ...place, family }),
    returns: 'True or false.',
    examples: [],
    run: async ({ family: which, ...at }, { host }) => (await findChain(host, { ...at, family: which })) !== undefined,
  }),
  defineWrite({
    name: 'iptables.set_policy',
    summary: 'Set what becomes of packets that no rule of a chain decides about.',
    args: z.object({ ...place, policy: policyArg, family }),
    returns: 'True.',
    examples: [],
    async run({ policy, family: which, ...at }, { host }) {
      await changeFirewall(host, { ...at, family: which }, '-P', [policy]);
      return true;
    },
  }),
  defineWrite({
    name: 'iptables.append',
    summary: 'Add a rule behind all others of a chain, unless it has it.',
    args: z.object({ ...place, rule: ruleTextArg, family }),
    returns: 'True; false when the chain had it.',
    examples: [],
    async run({ rule, family: which, ...at }, { host }) {
      const read = readRule(rule);
      if (await hasRule(host, { ...at, family: which }, read)) return false;
      await changeFirewall(host, { ...at, family: which }, '-A', read.words);
      return true;
    },
  }),
  defineWrite({
    name: 'iptables.insert',
    summary: 'Add a rule at a place of a chain, unless it has it.',
    args: z.object({
      ...place,
      position: z.coerce
        .number()
        .int()
        .refine((position) => position !== 0, 'there is no rule 0')
        .describe('The first is 1; -1 is before the last.'),
      rule: ruleTextArg,
      family,
    }),
    returns: 'True; false when the chain had it.',
    examples: [],
    async run({ position, rule, family: which, ...at }, { host }) {
      const read = readRule(rule);
      const chain = { ...at, family: which };
      if (await hasRule(host, chain, read)) return false;
      const { ruleCount } = (await findChain(host, chain)) ?? { ruleCount: 0 };
      const index = position > 0 ? position : Math.max(1, ruleCount + position + 1);
      await changeFirewall(host, chain, '-I', [String(index), ...read.words]);
      return true;
    },
  }),
  defineWrite({
    name: 'iptables.delete',
    summary: 'Delete a rule, or the rule at a place of a chain.',
    args: z.object({
      ...place,
      position: positionArg.optional().describe('The first is 1.'),
      rule: ruleTextArg.optional().describe('The rule, instead of a position.'),
      family,
    }),
    returns: 'True.',
    examples: [],
    async run({ position, rule, family: which, ...at }, { host }) {
      const chain = { ...at, family: which };
      if ((position === undefined) === (rule === undefined))
        throw new EdgeError(
          'EDGE_BAD_ARGUMENT',
          'iptables.delete takes either a rule or a position',
          {},
          { hint: 'Give one of them.' },
        );
      if (rule === undefined) await changeFirewall(host, chain, '-D', [String(position)]);
      else await deleteRule(host, chain, readRule(rule));
      return true;
    },
  }),
  defineWrite({
    name: 'iptables.flush',
    summary: 'Delete all rules of a chain, or of all chains of a table.',
    args: z.object({
      table: tableArg,
      chain: chainArg.optional().describe('Chain; all of the table where absent.'),
      family,
    }),
    returns: 'True.',
    examples: [],
    async run({ table, chain = '', family: which }, { host }) {
      await changeFirewall(host, { table, chain, family: which }, '-F');
      return true;
    },
  }),
  defineWrite({
    name: 'iptables.new_chain',
    summary: 'Make a chain.',
    args: z.object({ ...place, family }),
    returns: 'True.',
    examples: [],
    async run({ family: which, ...at }, { host }) {
      await changeFirewall(host, { ...at, family: which }, '-N');
      return true;
    },
  }),
  defineWrite({
    name: 'iptables.delete_chain',
    summary: 'Delete a chain that has no rules.',
    args: z.object({ ...place, family }),
    returns: 'True.',
    examples: [],
    async run({ family: which, ...at }, { host }) {
      await changeFirewall(host, { ...at, family: which }, '-X');
      return true;
    },
  }),
  defineWrite({
    name: 'iptables.save',
    summary: 'Keep the rules that are in force for the next start.',
    args: z.object({ filename: conf, family }),
    returns: 'The path of the file.',
    examples: [],
    async run({ filename, family: which }, { host, facts }) {
      const path = savedFile(facts, which, filename ?? true);
      await saveRules(host, which, path);
      return path;
    },
  }),
];

function shown(saved: SavedRules): object {
  return Object.fromEntries(
    [...saved].map(([table, chains]) => [
      table,
      Object.fromEntries(
        [...chains].map(([chain, { policy, packets, bytes, rules }]) => [
          chain,
          { policy, 'packet count': packets, 'byte count': bytes, rules: rules.map(ruleOptions), rules_comment: {} },
        ]),
      ),
    ]),
  );
}
