import { z } from 'zod';
import type { HostReader } from '../../host/index.ts';
import {
  type Change,
  changesOf,
  defineState,
  type Facts,
  inSync,
  refused,
  type StateModule,
} from '../contract/index.ts';
import { chainArg, familyArg, policyArg, saveArg, tableArg } from '../execution/iptables-arguments.ts';
import {
  changeFirewall,
  type Family,
  findChain,
  isSaved,
  readRules,
  savedFile,
  saveRules,
} from '../providers/iptables/index.ts';

const needs = ['iptables'];

/** Chains of the firewall as they should be. */
export const iptablesChainStates: readonly StateModule[] = [
  defineState({
    name: 'iptables.set_policy',
    summary: 'Ensure what becomes of packets that no rule of a chain decides about.',
    effect: 'repair',
    needs,
    args: z.object({
      name: z.string().describe('Name of the state.'),
      table: tableArg,
      family: familyArg,
      chain: chainArg,
      policy: policyArg,
      save: saveArg,
    }),
    examples: [{ title: 'nothing comes in', args: { name: 'closed', chain: 'INPUT', policy: 'DROP' } }],
    async check({ name, table, family, chain, policy, save }, { host, facts }) {
      const place = { family, table, chain };
      const found = await findChain(host, place);
      if (found?.policy === undefined)
        return refused(`${chain} of the table ${table} on ${host.id} is no chain of the kernel and has no policy`);
      const isSet = found.policy === policy;
      const verdict = changesOf(
        isSet || {
          what: `Set default policy for ${chain} to ${policy} family ${family}`,
          before: found.policy,
          after: policy,
          changes: { locale: name },
          async apply(ctx) {
            await changeFirewall(ctx.host, place, '-P', [policy]);
            return undefined;
          },
        },
        await saveChange({ host, facts, family, save, isTouched: !isSet }),
      );
      if (verdict.kind !== 'in-sync') return verdict;
      return inSync(
        `iptables default policy for chain ${chain} on table ${table} for ${family} already set to ${policy}`,
      );
    },
  }),
  defineState({
    name: 'iptables.flush',
    summary: 'Ensure a chain, or every chain of a table, has no rules.',
    effect: 'repair',
    needs,
    args: z.object({
      name: z.string().describe('Name of the state.'),
      table: tableArg,
      family: familyArg,
      chain: chainArg.optional().describe('Chain; all of the table where absent.'),
      save: saveArg,
    }),
    examples: [{ title: 'start anew', args: { name: 'empty', chain: 'INPUT' } }],
    async check({ name, table, family, chain, save }, { host, facts }) {
      const chains = (await readRules(host, family)).get(table) ?? new Map<string, never>();
      if (chain !== undefined && (await findChain(host, { family, table, chain })) === undefined)
        return refused(`there is no chain ${chain} in the table ${table} on ${host.id}`);
      const count = [...chains]
        .filter(([one]) => chain === undefined || one === chain)
        .reduce((sum, [, { rules }]) => sum + rules.length, 0);
      const where = `${chain === undefined ? '' : `${chain} chain of `}${table} table for ${family}`;
      const verdict = changesOf(
        count === 0 || {
          what: `Flush iptables rules in ${where}`,
          before: `${count} rules`,
          after: null,
          changes: { locale: name },
          async apply(ctx) {
            await changeFirewall(ctx.host, { family, table, chain: chain ?? '' }, '-F');
            return undefined;
          },
        },
        await saveChange({ host, facts, family, save, isTouched: count > 0 }),
      );
      return verdict.kind === 'in-sync' ? inSync(`There are no iptables rules in ${where}`) : verdict;
    },
  }),
  defineState({
    name: 'iptables.chain_present',
    summary: 'Ensure there is a chain.',
    effect: 'repair',
    needs,
    args: z.object({ name: chainArg.describe('Name of the chain.'), table: tableArg, family: familyArg }),
    examples: [{ title: 'a chain for SSH', args: { name: 'ssh' } }],
    async check({ name, table, family }, { host }) {
      const place = { family, table, chain: name };
      if ((await findChain(host, place)) !== undefined)
        return inSync(`iptables ${name} chain is already exist in ${table} table for ${family}`);
      return changesOf({
        what: `iptables ${name} chain in ${table} table create success for ${family}`,
        before: null,
        after: name,
        changes: { locale: name },
        async apply(ctx) {
          await changeFirewall(ctx.host, place, '-N');
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: 'iptables.chain_absent',
    summary: 'Ensure there is no chain of that name; its rules go with it.',
    effect: 'repair',
    needs,
    args: z.object({ name: chainArg.describe('Name of the chain.'), table: tableArg, family: familyArg }),
    examples: [{ title: 'no chain for SSH', args: { name: 'ssh' } }],
    async check({ name, table, family }, { host }) {
      const place = { family, table, chain: name };
      const found = await findChain(host, place);
      if (found === undefined)
        return inSync(`iptables ${name} chain is already absent in ${table} table for ${family}`);
      if (found.policy !== undefined) return refused(`${name} is a chain of the kernel and cannot be deleted`);
      return changesOf({
        what: `iptables ${name} chain in ${table} table delete success for ${family}`,
        before: name,
        after: null,
        changes: { locale: name },
        async apply(ctx) {
          await changeFirewall(ctx.host, place, '-F');
          await changeFirewall(ctx.host, place, '-X');
          return undefined;
        },
      });
    },
  }),
];

/** What has to be done for a file to have the rules that are in force; `isTouched`: they are about to be others. */
export async function saveChange({
  host,
  facts,
  family,
  save,
  isTouched,
}: {
  readonly host: HostReader;
  readonly facts: Facts;
  readonly family: Family;
  readonly save: boolean | string;
  readonly isTouched: boolean;
}): Promise<Change | true> {
  if (save === false) return true;
  const path = savedFile(facts, family, save);
  if (!isTouched && (await isSaved(host, family, path))) return true;
  return {
    what: `Saved iptables rules for ${family} in ${path}`,
    before: 'other rules',
    after: 'the rules in force',
    changes: { saved: path },
    async apply(ctx) {
      await saveRules(ctx.host, family, path);
      return undefined;
    },
  };
}
