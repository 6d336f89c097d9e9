import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { type ApacheKind, isEnabled, supportsSwitches, switchesOf, switchTo } from '../providers/apache.ts';

/** The name of a module, site or snippet. */
export function apacheNameArg(kind: ApacheKind): z.ZodString {
  return z
    .string()
    .regex(/^[\w.][\w.+@-]*$/, 'is a name, without a path')
    .describe(`Name of the ${kind}, with or without .${kind === 'module' ? 'load' : 'conf'}.`);
}

/** What Debian's Apache is told to load. */
export const apacheFunctions: readonly ExecutionModule[] = (['module', 'site', 'conf'] as const).flatMap((kind) => {
  const { on, off, word } = switchesOf(kind);
  return [
    defineRead({
      name: `apache.check_${word}_enabled`,
      summary: `Tell whether a ${kind} is enabled.`,
      args: z.object({ [word]: apacheNameArg(kind) }),
      returns: 'True or false.',
      examples: [],
      run: (args, { host }) => isEnabled(host, kind, args[word]!),
    }),
    switching(kind, on, true),
    switching(kind, off, false),
  ];
});

function switching(kind: ApacheKind, program: string, isOn: boolean): ExecutionModule {
  const { word } = switchesOf(kind);
  const title = `${word[0]!.toUpperCase()}${word.slice(1)}`;
  const verb = isOn ? 'enable' : 'disable';
  return defineWrite({
    name: `apache.${program}`,
    summary: `${isOn ? 'Enable' : 'Disable'} a ${kind}; Apache reads it when it is reloaded.`,
    args: z.object({ [word]: apacheNameArg(kind) }),
    returns: `A mapping {Name, ${title}, Status}.`,
    examples: [],
    async run(args, { host, facts }) {
      const supported = supportsSwitches(facts);
      if (supported !== true)
        throw new EdgeError(
          'EDGE_NOT_SUPPORTED',
          `apache.${program}: ${supported}`,
          {},
          { hint: 'Manage the files of the configuration: file.managed, file.symlink.' },
        );
      const name = args[word]!;
      await switchTo(host, kind, name, isOn);
      return {
        Name: `Apache2 ${isOn ? 'Enable' : 'Disable'} ${title}`,
        [title]: name,
        Status: `${title} ${name} ${verb}d`,
      };
    },
  });
}
