import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { anyValue } from '../../schema/index.ts';
import { isFloat, isInteger, PyMap, type Value } from '../../values/index.ts';
import { CodedAnswer, defineWrite, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { readEnvironment, stripOutput } from '../operations/index.ts';
import { djangoCommand, djangoExec } from '../providers/django.ts';

const settingsArg = { settings_module: z.string().describe('Settings of the project: `shop.settings.production`.') };
const binArg = {
  bin_env: z.string().optional().describe('Virtual environment, or path of django-admin; that of PATH where absent.'),
};
const databaseArg = { database: z.string().optional().describe('Database, where the project has several.') };
const tail = {
  pythonpath: z.string().optional().describe('Directory of the project, which Python shall find it in.'),
  env: anyValue().optional().describe('Mapping, or list of mappings, added to the environment.'),
};
const runasArg = { runas: z.string().optional().describe('User to run it as.') };
const noInputArg = { noinput: z.boolean().default(true).describe('Ask nothing.') };

interface Common {
  readonly settings_module: string;
  readonly bin_env?: string | undefined;
  readonly pythonpath?: string | undefined;
  readonly env?: Value | undefined;
  readonly runas?: string | undefined;
}

const RETURNS = 'What Django printed; the return code is its own.';

/** Django's own commands (Salt 3006 `djangomod`). */
export const djangoFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'django.command',
    summary: 'Run any command of django-admin.',
    args: z.object({
      ...settingsArg,
      command: z.string().regex(/\S/, 'is empty').describe('The command: `check`.'),
      ...binArg,
      ...tail,
      ...runasArg,
      args: z.array(z.string()).default([]).describe('Options without a value, without their dashes.'),
      kwargs: anyValue().optional().describe('Options with a value.'),
    }),
    rest: 'args',
    keywords: 'kwargs',
    returns: RETURNS,
    examples: [{ title: 'a check', args: { settings_module: 'shop.settings', command: 'check' } }],
    run: ({ command, args, kwargs, ...common }, ctx) => {
      const flags = args.map((name): [string, true] => [name, true]);
      return run(ctx, command.trim().split(/\s+/), [...flags, ...valuesOf(kwargs)], common);
    },
  }),
  defineWrite({
    name: 'django.migrate',
    summary: 'Bring the tables of the database to the state of the code.',
    args: z.object({
      ...settingsArg,
      app_label: z.string().optional().describe('Only this application.'),
      migration_name: z.string().optional().describe('Only up, or back, to this migration.'),
      ...binArg,
      ...databaseArg,
      ...tail,
      ...noInputArg,
      ...runasArg,
    }),
    returns: RETURNS,
    examples: [{ title: 'everything', args: { settings_module: 'shop.settings', bin_env: '/srv/shop/venv' } }],
    run: ({ app_label, migration_name, noinput, database, ...common }, ctx) => {
      const words = [app_label, migration_name].flatMap((word) => (word === undefined ? [] : [word]));
      return run(ctx, ['migrate', ...words], [...when('noinput', noinput), ...named('database', database)], common);
    },
  }),
  defineWrite({
    name: 'django.syncdb',
    summary: 'Make the tables that are missing; for projects that have syncdb still.',
    args: z.object({
      ...settingsArg,
      ...binArg,
      migrate: z.boolean().default(false).describe('Run the migrations of South too.'),
      ...databaseArg,
      ...tail,
      ...noInputArg,
      ...runasArg,
    }),
    returns: RETURNS,
    examples: [],
    run: ({ migrate, noinput, database, ...common }, ctx) =>
      run(
        ctx,
        ['syncdb'],
        [...when('migrate', migrate), ...when('noinput', noinput), ...named('database', database)],
        common,
      ),
  }),
  defineWrite({
    name: 'django.createsuperuser',
    summary: 'Make a user who may do everything; without a password, which is set later.',
    args: z.object({
      ...settingsArg,
      username: z.string().describe('Name.'),
      email: z.string().describe('Address.'),
      ...binArg,
      ...databaseArg,
      ...tail,
      ...runasArg,
    }),
    returns: RETURNS,
    examples: [{ title: 'one', args: { settings_module: 'shop.settings', username: 'ann', email: 'ann@example.com' } }],
    run: ({ username, email, database, ...common }, ctx) =>
      run(
        ctx,
        ['createsuperuser'],
        [['noinput', true], ['email', email], ['username', username], ...named('database', database)],
        common,
      ),
  }),
  defineWrite({
    name: 'django.loaddata',
    summary: 'Load fixtures into the database.',
    args: z.object({
      ...settingsArg,
      fixtures: z.string().describe('Names of the fixtures, commas between.'),
      ...binArg,
      ...databaseArg,
      ...tail,
      ...runasArg,
    }),
    returns: RETURNS,
    examples: [{ title: 'two', args: { settings_module: 'shop.settings', fixtures: 'countries,rates' } }],
    run: ({ fixtures, database, ...common }, ctx) => {
      const names = fixtures.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
      return run(ctx, ['loaddata', ...names], named('database', database), common);
    },
  }),
  defineWrite({
    name: 'django.collectstatic',
    summary: 'Bring the static files of all applications together.',
    args: z.object({
      ...settingsArg,
      ...binArg,
      no_post_process: z.boolean().default(false).describe('Leave them as they are.'),
      ignore: z.string().optional().describe('Glob of files to leave out.'),
      dry_run: z.boolean().default(false).describe('Only tell what would be done.'),
      clear: z.boolean().default(false).describe('Remove what is there before.'),
      link: z.boolean().default(false).describe('Link instead of copying.'),
      no_default_ignore: z.boolean().default(false).describe('Take hidden files too.'),
      ...tail,
      ...runasArg,
    }),
    returns: RETURNS,
    examples: [{ title: 'of a project', args: { settings_module: 'shop.settings', bin_env: '/srv/shop/venv' } }],
    run: ({ no_post_process, ignore, dry_run, clear, link, no_default_ignore, ...common }, ctx) =>
      run(
        ctx,
        ['collectstatic'],
        [
          ['noinput', true],
          ...when('no-post-process', no_post_process),
          ...when('dry-run', dry_run),
          ...when('clear', clear),
          ...when('link', link),
          ...when('no-default-ignore', no_default_ignore),
          ...named('ignore', ignore),
        ],
        common,
      ),
  }),
];

type Option = readonly [name: string, value: string | true];

async function run(
  { host, signal }: ModuleContext<Host>,
  words: readonly string[],
  given: readonly Option[],
  { settings_module, bin_env, pythonpath, env, runas }: Common,
): Promise<CodedAnswer> {
  const options = {
    ...{ settings: settings_module, binEnv: bin_env, pythonPath: pythonpath, runAs: runas },
    env: readEnvironment(env),
  };
  const command = await djangoCommand(host, words, new Map(given), options);
  const { stdout, stderr, exitCode } = await host.exec(command, djangoExec(options, signal));
  const said = [stdout, stderr].filter((text) => text !== '').join('\n');
  return new CodedAnswer(stripOutput(said), exitCode);
}

function when(name: string, isOn: boolean): readonly Option[] {
  return isOn ? [[name, true]] : [];
}

function named(name: string, value: string | undefined): readonly Option[] {
  return value === undefined ? [] : [[name, value]];
}

/** `kwargs` of `django.command`; what Salt itself adds to a call is none of them. */
function valuesOf(kwargs: Value | undefined): readonly Option[] {
  if (!(kwargs instanceof PyMap)) return [];
  return [...kwargs].flatMap(([key, value]): Option[] => {
    const name = String(key);
    if (name.startsWith('__')) return [];
    if (value === true) return [[name, true]];
    const isPlain = typeof value === 'string' || isInteger(value) || isFloat(value);
    return isPlain ? [[name, String(value)]] : [];
  });
}
