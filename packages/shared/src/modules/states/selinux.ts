import { z } from 'zod';
import { changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { modeArg, policyNameArg, switchArg } from '../execution/selinux.ts';
import { mustProbe, mustRun } from '../operations/index.ts';
import {
  currentMode,
  listPolicy,
  nextMode,
  parseBooleans,
  parseModules,
  setMode,
  whyNoSelinux,
} from '../providers/selinux/index.ts';
import { selinuxPolicyStates } from './selinux-policy.ts';

const ENABLED = ['enabled', 'on', 'yes', 'true', '1'];
const DISABLED = ['disabled', 'off', 'no', 'false', '0'];

/** SELinux as it should be. */
export const selinuxStates: readonly StateModule[] = [
  defineState({
    name: 'selinux.mode',
    summary: 'Ensure SELinux is in a mode, now and after each start.',
    effect: 'repair',
    args: z.object({ name: modeArg }),
    examples: [{ title: 'enforcing', args: { name: 'enforcing' } }],
    async check({ name: mode }, { host }) {
      const reason = await whyNoSelinux(host);
      const next = await nextMode(host);
      if (reason !== undefined && next === undefined) return refused(reason);
      const now = await currentMode(host);
      // From and to disabled only a start leads: until then, what the file says is as good as it gets.
      const isNow = now === mode || mode === 'Disabled' || now === 'Disabled';
      if (isNow && next === mode)
        return inSync(
          now === mode
            ? `SELinux is already in ${mode} mode`
            : `SELinux is in ${now} mode and will be in ${mode} mode after the next start`,
        );
      return changesOf({
        what: `SELinux: ${mode} mode${isNow ? ' after the next start' : ''}`,
        before: isNow ? (next ?? null) : now,
        after: mode,
        changes: { old: isNow ? (next ?? null) : now, new: mode },
        async apply(ctx) {
          await setMode(ctx.host, mode);
          return { comment: `SELinux has been set to ${mode} mode` };
        },
      });
    },
  }),
  defineState({
    name: 'selinux.boolean',
    summary: 'Ensure a switch of the policy is on or off.',
    effect: 'repair',
    args: z.object({
      name: policyNameArg.describe('Name: `httpd_can_network_connect`.'),
      value: switchArg,
      persist: z.boolean().default(false).describe('After each start too.'),
    }),
    examples: [{ title: 'a web server', args: { name: 'httpd_can_network_connect', value: true, persist: true } }],
    async check({ name, value, persist }, { host }) {
      const reason = await whyNoSelinux(host);
      if (reason !== undefined) return refused(reason);
      const found = parseBooleans(await listPolicy(host, 'boolean', '-l')).get(name);
      if (found === undefined) return refused(`Boolean ${name} is not available`);
      const isKept = !persist || found.default === value;
      if (found.state === value && isKept) return inSync('Boolean is in the correct state');
      return changesOf({
        what: `boolean ${name}: ${value}`,
        before: found.state,
        after: value,
        changes: {
          ...(found.state === value ? {} : { State: { old: found.state, new: value } }),
          ...(isKept ? {} : { Default: { old: found.default, new: value } }),
        },
        async apply(ctx) {
          await mustRun(ctx.host, ['setsebool', ...(persist ? ['-P'] : []), name, value]);
          return { comment: `Boolean ${name} has been set to ${value}` };
        },
      });
    },
  }),
  defineState({
    name: 'selinux.module',
    summary: 'Ensure a module of the policy is installed and enabled, disabled, or gone.',
    effect: 'repair',
    args: z.object({
      name: policyNameArg.describe('Name of the module.'),
      module_state: z
        .union([z.boolean(), z.string()])
        .transform((text) => String(text).toLowerCase())
        .refine((text) => [...ENABLED, ...DISABLED].includes(text), 'is neither enabled nor disabled')
        .prefault('enabled')
        .describe('`enabled` or `disabled`.'),
      version: z.literal('any').default('any').describe('Accepted for Salt trees; modules have no versions any more.'),
      install: z.boolean().default(false).describe('Install it where it is missing.'),
      source: z.string().startsWith('/').optional().describe('File on the host it is installed from.'),
      remove: z.boolean().default(false).describe('Have it gone.'),
    }),
    examples: [{ title: 'off', args: { name: 'zabbix', module_state: 'disabled' } }],
    async check({ name, module_state: state, install, source, remove }, { host }) {
      if (install && remove) return refused('Cannot install and remove at the same time');
      if (install && source === undefined) return refused(`install of the module ${name} needs a source`);
      const reason = await whyNoSelinux(host);
      if (reason !== undefined) return refused(reason);
      const modules = parseModules((await mustProbe(host, ['semodule', '--list=full'])).stdout);
      const isThere = modules.has(name);
      if (remove) {
        if (!isThere) return inSync(`Module ${name} is already removed`);
        return changesOf({
          what: `Module ${name} removed`,
          before: name,
          after: null,
          async apply(ctx) {
            await mustRun(ctx.host, ['semodule', '-r', name]);
            return undefined;
          },
        });
      }
      if (!isThere && !install) return refused(`Module ${name} is not available`);
      const isWanted = ENABLED.includes(state);
      const word = isWanted ? 'enabled' : 'disabled';
      const isSet = (modules.get(name) ?? true) === isWanted;
      const verdict = changesOf(
        isThere || {
          what: `Module ${name} installed from ${source}`,
          before: null,
          after: source,
          async apply(ctx) {
            await mustRun(ctx.host, ['semodule', '-i', source!]);
            return undefined;
          },
        },
        isSet || {
          what: `Module ${name} ${word}`,
          before: isWanted ? 'disabled' : 'enabled',
          after: word,
          async apply(ctx) {
            await mustRun(ctx.host, ['semodule', isWanted ? '-e' : '-d', name]);
            return undefined;
          },
        },
      );
      return verdict.kind === 'in-sync' ? inSync(`Module ${name} is in the desired state`) : verdict;
    },
  }),
  ...selinuxPolicyStates,
];
