import { dirname } from 'node:path/posix';
import type { Command, ExecResult, Host, HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import type { Facts } from '../../contract/index.ts';
import { asText, makeDirectories, mustProbe, mustRun, readIfPresent, writeText } from '../../operations/index.ts';
import type { Rule } from './rule.ts';
import { parseSaved, type SavedRules, saveSame } from './saved.ts';

/** Which of the two firewalls. */
export type Family = 'ipv4' | 'ipv6';

/** A chain of a table. */
export interface ChainPlace {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
}

/** A chain that is there. */
export interface Chain {
  /** Of chains of the kernel only. */
  readonly policy?: string;
  readonly ruleCount: number;
}

/** os_family → where rules are kept for the next start (Salt 3006 modules/iptables.py, _conf; Alpine's from its package). */
const SAVED_FILES: ReadonlyMap<string, readonly [ipv4: string, ipv6: string]> = new Map([
  ['Debian', ['/etc/iptables/rules.v4', '/etc/iptables/rules.v6']],
  ['RedHat', ['/etc/sysconfig/iptables', '/etc/sysconfig/ip6tables']],
  ['Arch', ['/etc/iptables/iptables.rules', '/etc/iptables/ip6tables.rules']],
  ['Gentoo', ['/var/lib/iptables/rules-save', '/var/lib/ip6tables/rules-save']],
  ['Alpine', ['/etc/iptables/rules-save', '/etc/iptables/rules6-save']],
]);

/** The program of a firewall. */
export function programOf(family: Family): string {
  return family === 'ipv6' ? 'ip6tables' : 'iptables';
}

/** The command that does something to a chain; it waits while others change the firewall. */
export function firewallCommand(
  { family, table, chain }: ChainPlace,
  verb: string,
  words: readonly string[] = [],
): Command {
  return [programOf(family), '--wait', '-t', table, verb, ...(chain === '' ? [] : [chain]), ...words];
}

/** The chain; undefined: there is none. @throws EdgeError `EDGE_COMMAND_FAILED`, for a table that is none too */
export async function findChain(host: HostReader, place: ChainPlace): Promise<Chain | undefined> {
  const command = firewallCommand(place, '-S');
  const { exitCode, stdout } = await host.probe(command);
  if (exitCode === 1) return undefined;
  if (exitCode !== 0) await mustProbe(host, command);
  const policy = /^-P \S+ (\S+)/m.exec(stdout)?.[1];
  return { ...(policy === undefined ? {} : { policy }), ruleCount: stdout.match(/^-A /gm)?.length ?? 0 };
}

/** Whether a chain has a rule. @throws EdgeError `EDGE_COMMAND_FAILED` for a rule that iptables does not understand */
export async function hasRule(host: HostReader, place: ChainPlace, { words }: Rule): Promise<boolean> {
  const command = firewallCommand(place, '-C', words);
  const result = await host.probe(command);
  if (result.exitCode === 0) return true;
  // A chain that is still to be made, here or as a target, has no rules and is in none.
  if (result.exitCode === 1 || MISSING_CHAIN.test(result.stderr)) return false;
  throw refusedBy(host, command, result);
}

const MISSING_CHAIN = /Chain '[^']*' does not exist|Couldn't load target|No chain\/target\/match by that name/;

/** Changes the firewall. @throws EdgeError `EDGE_COMMAND_FAILED` */
export async function changeFirewall(
  host: Host,
  place: ChainPlace,
  verb: string,
  words: readonly string[] = [],
): Promise<void> {
  await mustRun(host, firewallCommand(place, verb, words));
}

/** Deletes a rule as often as a chain has it. @throws EdgeError `EDGE_COMMAND_FAILED` */
export async function deleteRule(host: Host, place: ChainPlace, rule: Rule): Promise<void> {
  for (let times = 0; times < MAX_COPIES && (await hasRule(host, place, rule)); times += 1)
    await changeFirewall(host, place, '-D', rule.words);
}

/** More copies of one rule than anybody has. */
const MAX_COPIES = 1000;

/** All rules, as `iptables-save` prints them. */
export async function printRules(host: HostReader, family: Family): Promise<string> {
  return (await mustProbe(host, [`${programOf(family)}-save`])).stdout;
}

/** All rules that are in force. */
export async function readRules(host: HostReader, family: Family): Promise<SavedRules> {
  return parseSaved(await printRules(host, family));
}

/** Where rules are kept for the next start. @throws EdgeError `EDGE_NOT_SUPPORTED` where nobody knows */
export function savedFile(facts: Facts, family: Family, save: string | true): string {
  if (save !== true) return save;
  const os = String(facts.get('os_family') ?? '');
  const files = SAVED_FILES.get(os);
  if (files !== undefined) return files[family === 'ipv6' ? 1 : 0];
  throw new EdgeError(
    'EDGE_NOT_SUPPORTED',
    `nothing says where hosts of the family ${os || 'unknown'} keep rules of the firewall`,
    {},
    { hint: 'Say the path of the file: `save: /etc/firewall.rules`.' },
  );
}

/** The text of a file of rules; undefined where it is not there. */
export async function readSaved(host: HostReader, path: string): Promise<string | undefined> {
  const content = await readIfPresent(host, path);
  return content === undefined ? undefined : asText(host, path, content);
}

/** Whether a file has the rules that are in force. */
export async function isSaved(host: HostReader, family: Family, path: string): Promise<boolean> {
  const saved = await readSaved(host, path);
  return saved !== undefined && saveSame(saved, await printRules(host, family));
}

/** Writes the rules that are in force to a file. */
export async function saveRules(host: Host, family: Family, path: string): Promise<void> {
  const text = await printRules(host, family);
  await makeDirectories(host, dirname(path), { mode: 0o755 });
  await writeText(host, path, text);
}

function refusedBy(host: HostReader, command: Command, { exitCode, stderr }: ExecResult): EdgeError {
  const said = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('Try '));
  return new EdgeError(
    'EDGE_COMMAND_FAILED',
    `${command[0]} on ${host.id} does not take the rule: ${said.join(' ').slice(0, 1000)}`,
    { command: command.join(' '), exitCode },
    {
      hint: `Arguments of a rule have the names of long options: see \`${command[0]} --help\` and iptables-extensions(8).`,
    },
  );
}
