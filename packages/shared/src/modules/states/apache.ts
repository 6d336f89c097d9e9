import { z } from 'zod';
import { changesOf, defineState, inSync, type StateModule } from '../contract/index.ts';
import { apacheNameArg } from '../execution/apache.ts';
import { type ApacheKind, isEnabled, supportsSwitches, switchesOf, switchTo } from '../providers/apache.ts';

const EXAMPLES: Readonly<Record<ApacheKind, string>> = { module: 'rewrite', site: 'shop', conf: 'security' };

/** Modules, sites and snippets of configuration of Debian's Apache as they should be. */
export const apacheStates: readonly StateModule[] = (['module', 'site', 'conf'] as const).flatMap((kind) => [
  switching(kind, true),
  switching(kind, false),
]);

function switching(kind: ApacheKind, isOn: boolean): StateModule {
  const { on, off } = switchesOf(kind);
  const word = isOn ? 'enabled' : 'disabled';
  return defineState({
    name: `apache_${kind}.${word}`,
    summary: `Ensure a ${kind} of Apache is ${word}, on Debian and its kin.`,
    effect: 'repair',
    needs: [isOn ? on : off],
    supports: supportsSwitches,
    args: z.object({ name: apacheNameArg(kind) }),
    examples: [{ title: 'one', args: { name: EXAMPLES[kind] } }],
    async check({ name }, { host }) {
      if ((await isEnabled(host, kind, name)) === isOn) return inSync(`${name} already ${word}.`);
      const [before, after] = isOn ? [null, name] : [name, null];
      return changesOf({
        what: `Apache ${kind} ${name}: ${word}`,
        before,
        after,
        changes: { old: before, new: after },
        async apply(ctx) {
          await switchTo(ctx.host, kind, name, isOn);
          return undefined;
        },
      });
    },
  });
}
