import { z } from 'zod';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { mustProbe } from '../operations/index.ts';
import { assignSetting, persistSetting, readSetting, SETTINGS_FILE, settingValue } from '../providers/sysctl/index.ts';

/** Name, value and file of a setting of the kernel; most values are numbers. */
export const sysctlArgs = {
  name: z
    .string()
    .regex(/^[^-\s=][^\s=]*$/, 'a setting is a word such as net.ipv4.ip_forward')
    .describe('Setting: net.ipv4.ip_forward.'),
  value: z
    .union([z.string(), z.number()])
    .transform(String)
    .refine((value) => value.trim() !== '' && !/[\r\n]/.test(value), 'a value is one line')
    .describe('Its value; words with spaces between.'),
  config: z.string().startsWith('/').default(SETTINGS_FILE).describe('File it is kept in.'),
};

/** Settings of the kernel. */
export const sysctlFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'sysctl.get',
    summary: 'Answer the value of a setting of the kernel.',
    args: z.object({ name: sysctlArgs.name }),
    returns: 'The value; empty when the kernel has no such setting.',
    examples: [{ title: 'are packets forwarded?', args: { name: 'net.ipv4.ip_forward' } }],
    run: async ({ name }, { host }) => (await readSetting(host, name)) ?? '',
  }),
  defineRead({
    name: 'sysctl.show',
    summary: 'Answer all settings of the kernel.',
    args: z.object({}),
    returns: 'A mapping of names to values.',
    examples: [],
    async run(_, { host }) {
      // Some settings may be written only; it ends with 255 then.
      const { stdout } = await host.probe(['sysctl', '-a']);
      const lines = [...stdout.matchAll(/^(\S+) =(.*)$/gm)];
      if (lines.length === 0) await mustProbe(host, ['sysctl', '-a']);
      return Object.fromEntries(lines.map(([, name, value]) => [name, settingValue(value!)]));
    },
  }),
  defineWrite({
    name: 'sysctl.assign',
    summary: 'Put a value into force until the host starts anew.',
    args: z.object({ name: sysctlArgs.name, value: sysctlArgs.value }),
    returns: 'A mapping of the name to the value.',
    examples: [],
    async run({ name, value }, { host }) {
      await assignSetting(host, name, value);
      return { [name]: value };
    },
  }),
  defineWrite({
    name: 'sysctl.persist',
    summary: 'Put a value into force, and keep it for later starts.',
    args: z.object(sysctlArgs),
    returns: '`Updated`, or `Already set`.',
    examples: [],
    async run({ name, value, config }, { host }) {
      const isChanged = await persistSetting(host, config, name, value);
      const isInForce = (await readSetting(host, name)) === settingValue(value);
      if (!isInForce) await assignSetting(host, name, value);
      return isChanged || !isInForce ? 'Updated' : 'Already set';
    },
  }),
];
