import { z } from 'zod';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { mustProbe, mustRun } from '../operations/index.ts';
import {
  currentMode,
  listPolicy,
  nextMode,
  parseBooleans,
  parseModules,
  readMode,
  requireSelinux,
  setMode,
} from '../providers/selinux/index.ts';

/** Name of a switch or a module of the policy. */
export const policyNameArg = z.string().regex(/^\w[\w.-]*$/, 'is not a name of the policy');

/** On or off, however Salt trees write it. */
export const switchArg = z
  .union([z.boolean(), z.number(), z.string()])
  .transform((value) => String(value).toLowerCase())
  .refine((value) => ['1', 'on', 'yes', 'true', '0', 'off', 'no', 'false'].includes(value), 'is neither on nor off')
  .transform((value): 'on' | 'off' => (['1', 'on', 'yes', 'true'].includes(value) ? 'on' : 'off'))
  .describe('`on` or `off`.');

/** A mode of SELinux, however Salt trees write it. */
export const modeArg = z
  .string()
  .refine((text) => readMode(text) !== undefined, 'is not an accepted mode')
  .transform((text) => readMode(text)!)
  .describe('`enforcing`, `permissive` or `disabled`.');

/** SELinux. */
export const selinuxFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'selinux.getenforce',
    summary: 'Answer the mode SELinux is in.',
    args: z.object({}),
    returns: '`Enforcing`, `Permissive` or `Disabled`.',
    examples: [],
    run: (_, { host }) => currentMode(host),
  }),
  defineRead({
    name: 'selinux.getconfig',
    summary: 'Answer the mode SELinux is in after the next start.',
    args: z.object({}),
    returns: '`Enforcing`, `Permissive` or `Disabled`; None where nothing says it.',
    examples: [],
    run: async (_, { host }) => (await nextMode(host)) ?? null,
  }),
  defineRead({
    name: 'selinux.getsebool',
    summary: 'Answer what a switch of the policy is now and after the next start.',
    args: z.object({ boolean: policyNameArg.describe('Name: `httpd_can_network_connect`.') }),
    returns: 'A mapping: `State`, `Default`, `Description`; empty where there is no such switch.',
    examples: [],
    run: async ({ boolean }, { host }) => {
      await requireSelinux(host);
      return shown(parseBooleans(await listPolicy(host, 'boolean', '-l')))[boolean] ?? {};
    },
  }),
  defineRead({
    name: 'selinux.list_sebool',
    summary: 'Answer the switches of the policy.',
    args: z.object({}),
    returns: 'name → `State`, `Default`, `Description`.',
    examples: [],
    run: async (_, { host }) => {
      await requireSelinux(host);
      return shown(parseBooleans(await listPolicy(host, 'boolean', '-l')));
    },
  }),
  defineRead({
    name: 'selinux.list_semod',
    summary: 'Answer the modules of the policy.',
    args: z.object({}),
    returns: 'name → `Enabled`, whether it is.',
    examples: [],
    run: async (_, { host }) => {
      await requireSelinux(host);
      const modules = parseModules((await mustProbe(host, ['semodule', '--list=full'])).stdout);
      return Object.fromEntries([...modules].map(([name, isEnabled]) => [name, { Enabled: isEnabled }]));
    },
  }),
  defineWrite({
    name: 'selinux.setenforce',
    summary: 'Set the mode of SELinux, now where the kernel can and for later starts.',
    args: z.object({ mode: modeArg }),
    returns: 'The mode it is in now.',
    examples: [{ title: 'for a while', args: { mode: 'permissive' } }],
    async run({ mode }, { host }) {
      await setMode(host, mode);
      return await currentMode(host);
    },
  }),
  defineWrite({
    name: 'selinux.setsebool',
    summary: 'Set a switch of the policy.',
    args: z.object({
      boolean: policyNameArg.describe('Name: `httpd_can_network_connect`.'),
      value: switchArg,
      persist: z.boolean().default(false).describe('After the next start too.'),
    }),
    returns: 'True.',
    examples: [],
    async run({ boolean, value, persist }, { host }) {
      await requireSelinux(host);
      await mustRun(host, ['setsebool', ...(persist ? ['-P'] : []), boolean, value]);
      return true;
    },
  }),
];

function shown(booleans: ReturnType<typeof parseBooleans>): Record<string, object> {
  return Object.fromEntries(
    [...booleans].map(([name, { state, default: kept, description }]) => [
      name,
      { State: state, Default: kept, Description: description },
    ]),
  );
}
