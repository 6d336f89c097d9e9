import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import type { RuleOptions } from '../providers/iptables/index.ts';

const WORD = /^[^-\s!][^\s]*$/;

/** Table of a firewall. */
export const tableArg = z
  .string()
  .regex(/^[a-z]+$/, 'is not the name of a table')
  .default('filter')
  .describe('Table: `filter`, `nat`, `mangle`, `raw` or `security`.');

/** Chain of a table. */
export const chainArg = z.string().regex(WORD, 'is not the name of a chain').describe('Chain: `INPUT`.');

/** Which of the two firewalls. */
export const familyArg = z.enum(['ipv4', 'ipv6']).default('ipv4').describe('`ipv4` or `ipv6`.');

/** What becomes of packets that no rule decides about. */
export const policyArg = z.enum(['ACCEPT', 'DROP']).describe('`ACCEPT` or `DROP`.');

/** Where a rule stands; the first is 1. */
export const positionArg = z.coerce.number().int().min(1);

/** A rule as people write it. */
export const ruleTextArg = z.string().min(1).describe('The rule: `-p tcp --dport 22 -j ACCEPT`.');

/** Whether, and where, rules are kept for the next start. */
export const saveArg = z
  .union([z.boolean(), z.string().startsWith('/')])
  .default(false)
  .describe('Keep all rules that are in force: True where the system looks for them, or the path of a file.');

/** The options of a rule by their names. */
export const optionsArg = anyValue()
  .optional()
  .describe(
    'The rule: long options of iptables by their names (`source`, `dport`, `jump`), and of Salt `if`, `of`, `proto`, `match`, `connstate`, `dports`, `comment`. `!` before a value negates it.',
  );

/** The mapping of options that a declaration's `keywords` gathers. */
export function ruleOptionsOf(value: Value | undefined): RuleOptions {
  return new Map(value instanceof PyMap ? [...value].map(([key, item]) => [String(key), item] as const) : []);
}
