import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const oneOrMore = z.union([z.string().transform((value) => [value]), z.array(z.string()).min(1)]);
const keys = z.record(z.string(), z.unknown());

const ec2 = z
  .strictObject({
    region: z.string().optional().describe('Region; that of the environment or profile when absent.'),
    profile: z.string().optional().describe('Profile of the credentials files.'),
    endpoint: z.string().optional().describe('Address of the API, where it is not the one of AWS.'),
    filters: z
      .record(z.string(), oneOrMore)
      .default({})
      .describe('Filters of DescribeInstances: `tag:role: web`. Only running instances are asked for.'),
    id_tag: z.string().default('Name').describe('Tag that is the id; the id of the instance where it has none.'),
    address: z
      .enum(['private', 'public', 'private_dns', 'public_dns'])
      .default('private')
      .describe('Which address a host is reached at.'),
    refresh: z.number().positive().max(1_440).default(10).describe('Minutes until the instances are asked for again.'),
    defaults: keys.default({}).describe('Keys of a roster for these hosts: `user`, `priv`, `sudo`, …'),
  })
  .describe('Instances of AWS EC2.');

const source = z.union([
  z.string().transform((file) => ({ kind: 'file' as const, path: file })),
  z
    .strictObject({ file: z.string().describe('A roster file.') })
    .transform(({ file }) => ({ kind: 'file' as const, path: file })),
  z
    .strictObject({ ssh_config: z.string().describe('An ssh_config; its `Host` names are hosts.') })
    .transform(({ ssh_config }) => ({ kind: 'ssh_config' as const, path: ssh_config })),
  z
    .strictObject({ ansible: z.string().describe('An Ansible inventory: a file or folder, ini or YAML.') })
    .transform(({ ansible }) => ({ kind: 'ansible' as const, path: ansible })),
  z.strictObject({ ec2 }).transform((given) => ({ kind: 'cloud' as const, ...given.ec2 })),
  z
    .strictObject({ cache: z.literal(true).describe('Hosts that were connected to before.') })
    .transform(() => ({ kind: 'cache' as const })),
]);

/** Where hosts that are reached over SSH come from. */
export type RosterSource = z.output<typeof source>;

/** The settings about rosters. */
export const rosterSettings = {
  roster: z
    .union([source.transform((one): RosterSource[] => [one]), z.array(source)])
    .default([])
    .describe(
      'Hosts reached over SSH: a roster file, or several sources, of which the first that names a host counts. A ' +
        'source is a file, or one of `ssh_config`, `ansible`, `ec2` and `cache`.',
    ),
  roster_defaults: keys.default({}).describe('Keys for hosts of roster files that do not say otherwise.'),
};

/** A source with its path absolute. */
export function absoluteSource(given: RosterSource, absolute: (path: string) => string): RosterSource {
  if (!('path' in given)) return given;
  const { path } = given;
  return { ...given, path: path.startsWith('~/') ? join(homedir(), path.slice(2)) : absolute(path) };
}
