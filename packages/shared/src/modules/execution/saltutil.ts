import { z } from 'zod';
import { EdgeError, errorMessage } from '../../kernel/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';

const SYNCED = ['modules', 'states', 'pillar', 'renderers', 'returners', 'runners', 'utils', 'beacons'] as const;

/** Work on other hosts, and what Salt's agents do to themselves. */
export const saltutilFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'saltutil.cmd',
    summary: 'Run a function on other hosts and wait for their returns; on the master only.',
    args: z.object({
      tgt: z.union([z.string(), z.array(z.string())]).describe('Target expression.'),
      fun: z.string().describe('Function to run there.'),
      arg: anyValue().optional().describe('Positional arguments.'),
      timeout: z.coerce.number().positive().optional().describe('Seconds to wait.'),
      tgt_type: z.string().default('glob').describe('Kind of the target expression.'),
      ret: z.string().optional().describe('Accepted for Salt trees; returns are always kept.'),
      kwarg: anyValue().optional().describe('Keyword arguments.'),
      ssh: z
        .boolean()
        .default(false)
        .describe('Accepted for Salt trees; how a host is reached is not the caller’s business.'),
      kwargs: anyValue().optional().describe('Further keyword arguments of the call.'),
    }),
    keywords: 'kwargs',
    returns: 'A mapping of ids to {ret, retcode, jid, success}.',
    examples: [{ title: 'ping the web servers', args: { tgt: 'web*', fun: 'test.ping' } }],
    async run({ tgt, fun, arg, timeout, tgt_type, kwarg }, { jobs, signal, host }) {
      if (jobs === undefined)
        throw new EdgeError(
          'EDGE_NOT_SUPPORTED',
          `saltutil.cmd cannot be called on ${host.id}: only the master sends jobs`,
          { fun },
          {
            hint: 'Call it in an orchestration.',
          },
        );
      const answer = await jobs.run(
        {
          target: Array.isArray(tgt) ? tgt.join(',') : tgt,
          targetType: Array.isArray(tgt) ? 'list' : tgt_type,
          fun,
          args: arg === undefined || arg === null ? [] : Array.isArray(arg) ? arg : [arg],
          kwargs:
            kwarg instanceof PyMap ? new Map([...kwarg].map(([name, value]) => [String(name), value])) : new Map(),
          ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
        },
        signal,
      );
      const returned = [...answer.targets].filter(([, { ret }]) => ret !== undefined);
      return new PyMap(
        returned.map(([id, { ret, retcode, outcome }]): [Value, Value] => [
          id,
          new PyMap([
            ['ret', ret!],
            ['retcode', retcode],
            ['jid', answer.jid],
            ['success', outcome === 'succeeded'],
            ['outcome', outcome],
          ] as [Value, Value][]),
        ]),
      );
    },
  }),
  ...(['runner', 'wheel'] as const).map((kind) =>
    defineWrite({
      name: `saltutil.${kind}`,
      summary:
        kind === 'runner'
          ? 'Call a runner, a function of the master; on the master only.'
          : 'Call a function of the master about keys; on the master only.',
      args: z.object({
        name: z.string().describe(kind === 'runner' ? 'The runner: `manage.up`.' : 'The function: `key.list_all`.'),
        arg: anyValue().optional().describe('Positional arguments.'),
        kwarg: anyValue().optional().describe('Keyword arguments.'),
        full_return: z.boolean().default(false).describe('Accepted for Salt trees; the answer alone is given.'),
        kwargs: anyValue().optional().describe('Further keyword arguments.'),
      }),
      keywords: 'kwargs',
      returns: 'What it answers.',
      examples: [],
      async run({ name, arg, kwarg, kwargs }, { runners, signal, host }) {
        if (runners === undefined)
          throw new EdgeError(
            'EDGE_NOT_SUPPORTED',
            `saltutil.${kind} cannot be called on ${host.id}: ${kind}s are the master's`,
            { name },
            { hint: 'Call it in an orchestration or a reactor.' },
          );
        const args = arg === undefined || arg === null ? [] : Array.isArray(arg) ? arg : [arg];
        const named = [kwarg, kwargs].flatMap((map) => (map instanceof PyMap ? [...map] : []));
        return await runners.call(
          { kind, name, args, kwargs: new Map(named.map(([key, value]) => [String(key), value])) },
          signal,
        );
      },
    }),
  ),
  defineWrite({
    name: 'saltutil.regen_keys',
    summary: 'Give this minion a new key; jobs go on while both are good, then the old one is void.',
    args: z.object({}),
    returns: 'The public key that is in use now.',
    examples: [],
    async run(_, { keys, host }) {
      if (keys === undefined)
        throw new EdgeError(
          'EDGE_NOT_SUPPORTED',
          `${host.id} has no key of its own`,
          {},
          { hint: 'Only minions have one.' },
        );
      return (await keys.rotate()).publicKey;
    },
  }),
  ...SYNCED.map((what) =>
    defineRead({
      name: `saltutil.sync_${what}`,
      summary: 'Do nothing: agents carry all their modules and fetch files when they are used.',
      args: z.object({
        saltenv: z.string().optional().describe('Accepted for Salt trees.'),
        refresh: z.boolean().default(true).describe('Accepted for Salt trees.'),
      }),
      returns: 'An empty list: nothing was synchronised.',
      examples: [],
      run: (_, { log }) => {
        log.info(`saltutil.sync_${what}: nothing to synchronise`);
        return Promise.resolve([]);
      },
    }),
  ),
  defineRead({
    name: 'saltutil.refresh_pillar',
    summary: 'Compile the pillar of this host anew: jobs see it until it is compiled again.',
    args: z.object({
      wait: z.boolean().default(false).describe('Accepted for Salt trees; it is always waited for.'),
      timeout: z.coerce.number().positive().default(30).describe('Accepted for Salt trees.'),
      clean_cache: z.boolean().default(true).describe('Accepted for Salt trees.'),
    }),
    returns: 'True. A pillar that does not compile fails the job with what is wrong in it.',
    examples: [],
    async run(_, { refreshPillar }) {
      await refreshPillar?.();
      return true;
    },
  }),
  defineRead({
    name: 'saltutil.refresh_modules',
    summary: 'Do nothing: agents carry all their modules.',
    args: z.object({ async: z.boolean().default(true).describe('Accepted for Salt trees.') }),
    returns: 'True.',
    examples: [],
    run: (_, { log }) => {
      log.info('saltutil.refresh_modules: there is nothing to load');
      return Promise.resolve(true);
    },
  }),
  defineRead({
    name: 'saltutil.refresh_grains',
    summary: 'Gather the grains anew and tell the master.',
    args: z.object({
      clean_cache: z.boolean().default(true).describe('Accepted for Salt trees.'),
      refresh_pillar: z.boolean().default(true).describe('Compile the pillar anew too.'),
      wait: z.boolean().default(false).describe('Accepted for Salt trees; it is always waited for.'),
    }),
    returns: 'True.',
    examples: [],
    async run({ refresh_pillar }, { refreshFacts, refreshPillar, log }) {
      await refreshFacts?.();
      if (refresh_pillar)
        await refreshPillar?.().catch((error: unknown) => {
          log.warn(`saltutil.refresh_grains: the pillar does not compile: ${errorMessage(error)}`);
        });
      return true;
    },
  }),
  ...(['sync_grains', 'sync_all'] as const).map((name) =>
    defineRead({
      name: `saltutil.${name}`,
      summary: 'Gather the grains anew and tell the master; there are no modules to synchronise.',
      args: z.object({
        saltenv: z.string().optional().describe('Accepted for Salt trees.'),
        refresh: z.boolean().default(true).describe('False leaves the grains as they are.'),
      }),
      returns: 'An empty list: nothing was synchronised.',
      examples: [],
      async run({ refresh }, { refreshFacts }) {
        if (refresh) await refreshFacts?.();
        return name === 'sync_all' ? {} : [];
      },
    }),
  ),
];
