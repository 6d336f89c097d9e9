import { z } from 'zod';
import { changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { mustProbe, mustRun } from '../operations/index.ts';
import {
  changePolicy,
  FILE_TYPES,
  type FileContext,
  listPolicy,
  parseFileContexts,
  parsePorts,
  parseRelabels,
  whyNoSelinux,
} from '../providers/selinux/index.ts';

const typeArg = z.string().regex(/^\w+$/, 'is not the name of a type');
const specArg = z
  .string()
  .startsWith('/', 'is not an absolute path')
  .describe('Expression for paths: `/srv/www(/.*)?`.');
const filetypeArg = z
  .string()
  .refine((letter) => FILE_TYPES.has(letter), `is none of ${[...FILE_TYPES.keys()].join(' ')}`)
  .default('a')
  .describe('Kind of file by its letter: `a` all, `f` files, `d` directories, `c` `b` devices, `s` `l` `p`.');
const userArg = z.string().regex(/^\w+$/).optional().describe('User of SELinux.');
const levelArg = z
  .string()
  .regex(/^[\w:.,-]+$/)
  .optional()
  .describe('Range of levels.');
const portName = /^(tcp|udp|dccp|sctp)\/(\d+(?:-\d+)?)$/;

/** The policy on files and ports as it should be. */
export const selinuxPolicyStates: readonly StateModule[] = [
  defineState({
    name: 'selinux.fcontext_policy_present',
    summary: 'Ensure the policy has a context for files; fcontext_policy_applied gives it to those there are.',
    effect: 'repair',
    args: z.object({
      name: specArg,
      sel_type: typeArg.describe('Type: `httpd_sys_content_t`.'),
      filetype: filetypeArg,
      sel_user: userArg,
      sel_level: levelArg,
    }),
    examples: [{ title: 'a web site', args: { name: '/srv/www(/.*)?', sel_type: 'httpd_sys_content_t' } }],
    async check({ name, sel_type: type, filetype, sel_user: user, sel_level: level }, { host }) {
      const reason = await whyNoSelinux(host);
      if (reason !== undefined) return refused(reason);
      const kind = FILE_TYPES.get(filetype)!;
      const now = findContext(await listPolicy(host, 'fcontext', '-l'), name, kind);
      const isSame =
        now?.type === type && (user === undefined || now.user === user) && (level === undefined || now.level === level);
      if (isSame)
        return inSync(
          `SELinux policy for "${name}" already present with specified filetype "${kind}" and sel_type "${type}".`,
        );
      const more = [...(user === undefined ? [] : ['-s', user]), ...(level === undefined ? [] : ['-r', level])];
      return changesOf({
        what: `SELinux policy for ${name} (${kind}): ${type}`,
        before: now?.type ?? null,
        after: type,
        changes: {
          old: now === undefined ? {} : { [name]: { sel_type: now.type } },
          new: { [name]: now === undefined ? { filetype: kind, sel_type: type } : { sel_type: type } },
        },
        async apply(ctx) {
          const verb = now === undefined ? '-a' : '-m';
          await changePolicy(ctx.host, 'fcontext', verb, '-f', filetype, '-t', type, ...more, name);
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: 'selinux.fcontext_policy_absent',
    summary: 'Ensure nobody has added a context for files to the policy.',
    effect: 'repair',
    args: z.object({
      name: specArg,
      filetype: filetypeArg,
      sel_type: typeArg.optional().describe('Only where it is of this type.'),
      sel_user: userArg,
      sel_level: levelArg,
    }),
    examples: [{ title: 'no web site any more', args: { name: '/srv/www(/.*)?' } }],
    async check({ name, filetype, sel_type: type, sel_user: user, sel_level: level }, { host }) {
      const reason = await whyNoSelinux(host);
      if (reason !== undefined) return refused(reason);
      const kind = FILE_TYPES.get(filetype)!;
      // What the policy has by itself stays: semanage deletes only what was added.
      const now = findContext(await listPolicy(host, 'fcontext', '-l', '-C'), name, kind);
      const isMeant =
        now !== undefined && [type ?? now.type, user ?? now.user, level ?? now.level].join() === contextOf(now);
      if (!isMeant) return inSync(`SELinux policy for "${name}" already absent with specified filetype "${kind}".`);
      return changesOf({
        what: `SELinux policy for ${name} (${kind}): removed`,
        before: now.type,
        after: null,
        changes: { old: { [name]: { filetype: kind, sel_type: now.type } }, new: {} },
        async apply(ctx) {
          await changePolicy(ctx.host, 'fcontext', '-d', '-f', filetype, name);
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: 'selinux.fcontext_policy_applied',
    summary: 'Ensure a path has the context that the policy says.',
    effect: 'repair',
    needs: ['restorecon'],
    args: z.object({
      name: z.string().startsWith('/', 'is not an absolute path').describe('Path, no expression.'),
      recursive: z.boolean().default(false).describe('And everything below it.'),
    }),
    examples: [{ title: 'a web site', args: { name: '/srv/www', recursive: true } }],
    async check({ name, recursive }, { host }) {
      const reason = await whyNoSelinux(host);
      if (reason !== undefined) return refused(reason);
      const words = [...(recursive ? ['-R'] : []), '--', name];
      const wrong = parseRelabels((await mustProbe(host, ['restorecon', '-n', '-v', ...words])).stdout);
      if (wrong.length === 0) return inSync(`SELinux policies are already applied for filespec "${name}"`);
      return changesOf({
        what: `contexts of ${wrong.length} paths below ${name} restored`,
        before: wrong.map(({ from }) => from),
        after: wrong.map(({ to }) => to),
        changes: Object.fromEntries(wrong.map(({ path, from, to }) => [path, { old: from, new: to }])),
        async apply(ctx) {
          await mustRun(ctx.host, ['restorecon', ...words]);
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: 'selinux.port_policy_present',
    summary: 'Ensure the policy has a type for a port.',
    effect: 'repair',
    args: z.object({
      name: z.string().describe('`tcp/8080` or `tcp/8000-8010`; of the state, with `protocol` and `port`.'),
      sel_type: typeArg.describe('Type: `http_port_t`.'),
      protocol: z.enum(['tcp', 'udp', 'dccp', 'sctp']).optional().describe('Protocol.'),
      port: z
        .union([z.number(), z.string()])
        .transform(String)
        .pipe(z.string().regex(/^\d+(-\d+)?$/, 'is neither a port nor a range'))
        .optional()
        .describe('Port, or a range.'),
      sel_range: levelArg,
    }),
    examples: [{ title: 'a web server', args: { name: 'tcp/8080', sel_type: 'http_port_t' } }],
    async check({ name, sel_type: type, sel_range: range, ...given }, { host }) {
      const parts = portName.exec(name);
      const [protocol, port] = [given.protocol ?? parts?.[1], given.port ?? parts?.[2]];
      if (protocol === undefined || port === undefined) return refused(`${name} is no port such as tcp/8080`);
      const reason = await whyNoSelinux(host);
      if (reason !== undefined) return refused(reason);
      const isIt = (one: { protocol: string; ports: readonly string[] }): boolean =>
        one.protocol === protocol && one.ports.includes(port);
      // What was added goes before what the policy has by itself.
      const added = parsePorts(await listPolicy(host, 'port', '-l', '-C')).find(isIt);
      const now = added ?? parsePorts(await listPolicy(host, 'port', '-l')).find(isIt);
      if (now?.type === type)
        return inSync(`SELinux policy for "${name}" already present with specified sel_type "${type}".`);
      return changesOf({
        what: `SELinux policy for ${protocol}/${port}: ${type}`,
        before: now?.type ?? null,
        after: type,
        changes: { old: now === undefined ? null : { sel_type: now.type }, new: { sel_type: type, protocol, port } },
        async apply(ctx) {
          const level = range === undefined ? [] : ['-r', range];
          await changePolicy(
            ctx.host,
            'port',
            now === undefined ? '-a' : '-m',
            '-t',
            type,
            '-p',
            protocol,
            ...level,
            port,
          );
          return undefined;
        },
      });
    },
  }),
];

function findContext(listed: string, spec: string, filetype: string): FileContext | undefined {
  return parseFileContexts(listed).findLast((one) => one.spec === spec && one.filetype === filetype);
}

function contextOf({ type, user, level }: FileContext): string {
  return [type, user, level].join();
}
