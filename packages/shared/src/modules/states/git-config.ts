import { z } from 'zod';
import type { ExecOptions, HostReader } from '../../host/index.ts';
import { changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { gitFailure, gitOptions, redactUrl } from '../providers/git.ts';

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);

const args = z.object({
  name: z
    .string()
    .regex(/^[^-].*\..+$/, 'is no dotted name')
    .describe('Dotted name: `remote.origin.url`.'),
  value: text.optional().describe('The value it has alone.'),
  multivar: z.array(text).min(1).optional().describe('The values it has, in this order; instead of `value`.'),
  repo: z.string().startsWith('/').optional().describe('Repository; required unless global.'),
  user: z.string().optional().describe('User to run git as.'),
  global: z.boolean().default(false).describe("In the user's own configuration."),
});
type ConfigArguments = z.output<typeof args>;

/** Settings of git (Salt 3006 states/git.py, config_set). */
export const gitConfigSet: StateModule = defineState({
  name: 'git.config_set',
  summary: 'Ensure that a setting of git has a value, or several.',
  effect: 'repair',
  needs: ['git'],
  args,
  examples: [
    {
      title: 'where a clone fetches from',
      args: { name: 'remote.origin.url', value: 'https://git.example.com/app.git', repo: '/srv/app' },
    },
  ],
  async check(given, { host }) {
    const { name, repo, global } = given;
    if ((given.value === undefined) === (given.multivar === undefined)) return refused('give either value or multivar');
    if (repo === undefined && !global) return refused('a setting that is not global needs `repo`');
    const wanted = given.multivar ?? [given.value!];
    const values = await valuesOf(host, given);
    if (values.length === wanted.length && values.every((value, index) => value === wanted[index]))
      return inSync(`${name} is set to ${shown(wanted)}`);
    return changesOf({
      what: `git ${repo ?? '(global)'}: ${name} is ${shown(wanted)}`,
      before: values.length === 0 ? null : values.map(redactUrl),
      after: wanted.map(redactUrl),
      changes: { ...(values.length === 0 ? {} : { old: values.map(redactUrl) }), new: wanted.map(redactUrl) },
      async apply(ctx) {
        for (const [index, value] of wanted.entries()) {
          const how = index === 0 ? '--replace-all' : '--add';
          const result = await ctx.host.exec(['git', 'config', ...scopeOf(given), how, name, value], optionsOf(given));
          if (result.exitCode !== 0) throw gitFailure(ctx.host.id, `config ${name}`, repo, result);
        }
        return undefined;
      },
    });
  },
});

async function valuesOf(host: HostReader, given: ConfigArguments): Promise<readonly string[]> {
  const { name, repo } = given;
  const result = await host.probe(['git', 'config', ...scopeOf(given), '-z', '--get-all', name], optionsOf(given));
  // 1: nobody has set it.
  if (result.exitCode === 1) return [];
  if (result.exitCode !== 0) throw gitFailure(host.id, `config ${name}`, repo, result);
  return result.stdout.split('\0').slice(0, -1);
}

function scopeOf({ global }: ConfigArguments): readonly string[] {
  return [global ? '--global' : '--local'];
}

function optionsOf({ repo, user, global }: ConfigArguments): ExecOptions {
  return {
    ...gitOptions(undefined),
    ...(repo === undefined || global ? {} : { cwd: repo }),
    ...(user === undefined ? {} : { runAs: user }),
  };
}

function shown(values: readonly string[]): string {
  return values.map(redactUrl).join(', ');
}
