import { z } from 'zod';
import { changesOf, defineState, inSync, type StateModule } from '../contract/index.ts';
import { sysctlArgs } from '../execution/sysctl.ts';
import {
  assignSetting,
  findSetting,
  persistSetting,
  readSetting,
  readSettingsFile,
  settingValue,
  writeSetting,
} from '../providers/sysctl/index.ts';
import { unifiedDiff } from '../text/index.ts';

/** Settings of the kernel as they should be. */
export const sysctlStates: readonly StateModule[] = [
  defineState({
    name: 'sysctl.present',
    summary: 'Ensure a setting of the kernel has a value, now and after each start.',
    effect: 'repair',
    needs: ['sysctl'],
    args: z.object(sysctlArgs),
    examples: [{ title: 'forward packets', args: { name: 'net.ipv4.ip_forward', value: '1' } }],
    async check({ name, value, config }, { host }) {
      const text = await readSettingsFile(host, config);
      const kept = findSetting(text, name);
      const now = await readSetting(host, name);
      const isInForce = now === settingValue(value);
      const isKept = kept !== undefined && settingValue(kept) === settingValue(value);
      if (isInForce && isKept) return inSync(`Sysctl value ${name} = ${value} is already set`);
      return changesOf({
        what: `sysctl ${name}: ${isInForce ? `kept in ${config}` : value}`,
        before: isInForce ? (kept ?? null) : (now ?? null),
        after: value,
        changes: { [name]: value },
        ...(isKept ? {} : { diff: unifiedDiff(text, writeSetting(text, name, value)) }),
        async apply({ host: writer }) {
          // First into force: what the kernel refuses is not kept for its next start.
          if (!isInForce) await assignSetting(writer, name, value);
          await persistSetting(writer, config, name, value);
          return { comment: `Updated sysctl value ${name} = ${value}` };
        },
      });
    },
  }),
];
