import { z } from 'zod';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
  type Verdict,
} from '../contract/index.ts';
import { type ServiceAction, type ServiceMask, serviceProvider } from '../providers/service/index.ts';

const nameArg = z.string().describe('Name of the service.');
const enableArg = z.boolean().optional().describe('Start it at boot, or not; left alone when absent.');

/** How long a service may take to be seen as it was asked to be. */
const SETTLE_MS = 10_000;

/** Services as they should be. */
export const serviceStates: readonly StateModule[] = [
  defineState({
    name: 'service.running',
    summary: 'Ensure a service runs and, where asked, is started at boot.',
    effect: 'repair',
    settleMs: SETTLE_MS,
    args: z.object({
      name: nameArg,
      enable: enableArg,
      reload: z.boolean().default(false).describe('A watched change reloads instead of restarting.'),
      full_restart: z.boolean().default(false).describe('Accepted for Salt trees; a restart always stops and starts.'),
      init_delay: z.coerce
        .number()
        .min(0)
        .optional()
        .describe('Accepted for Salt trees; a start waits until the service is ready.'),
      sig: z.string().optional().describe('Accepted for Salt trees; the provider knows the process.'),
      unmask: z.boolean().default(false).describe('Take a mask away that keeps it from being started.'),
      unmask_runtime: z
        .boolean()
        .default(false)
        .describe('Take a mask away that holds until the host is started again.'),
      no_block: z
        .boolean()
        .default(false)
        .describe('Accepted for Salt trees; a start waits until the service is ready.'),
    }),
    examples: [{ title: 'now and at boot', args: { name: 'nginx', enable: true } }],
    async check({ name, enable, unmask, unmask_runtime }, ctx) {
      const provider = await serviceProvider(ctx, name);
      const now = await provider.look(ctx, name);
      if (now.masked === true) {
        if (!unmask && !unmask_runtime)
          return refused(`The service ${name} is masked; unmask: True takes the mask away`);
        return changesOf(
          masking(name, { masked: false, untilReboot: unmask_runtime }),
          acting(provider.kind, name, 'start', 'running', { [name]: true }),
          enabling(name, false, enable),
        );
      }
      if (!now.known) return refused(`The named service ${name} is not available on ${ctx.host.id}`);
      return changesOf(
        now.running || acting(provider.kind, name, 'start', 'running', { [name]: true }),
        enabling(name, now.enabled, enable),
      );
    },
    async onWatch({ name, reload }, ctx) {
      const provider = await serviceProvider(ctx, name);
      const now = await provider.look(ctx, name);
      if (!now.known) return refused(`The named service ${name} is not available on ${ctx.host.id}`);
      const verb: ServiceAction = !now.running ? 'start' : reload ? 'reload' : 'restart';
      const done = { start: 'started', reload: 'reloaded', restart: 'restarted', stop: 'stopped' }[verb];
      return changesOf(acting(provider.kind, name, verb, done, { [name]: true }));
    },
  }),
  defineState({
    name: 'service.dead',
    summary: 'Ensure a service does not run and, where asked, is not started at boot.',
    effect: 'repair',
    settleMs: SETTLE_MS,
    args: z.object({
      name: nameArg,
      enable: enableArg,
      sig: z.string().optional().describe('Accepted for Salt trees; the provider knows the process.'),
      init_delay: z.coerce
        .number()
        .min(0)
        .optional()
        .describe('Accepted for Salt trees; a stop waits until the service is gone.'),
    }),
    examples: [{ title: 'before an update', args: { name: 'app' } }],
    check: (args, ctx) => deadVerdict(args, ctx),
    onWatch: (args, ctx) => deadVerdict(args, ctx),
  }),
  ...([true, false] as const).map((wanted) =>
    defineState({
      name: wanted ? 'service.enabled' : 'service.disabled',
      summary: wanted ? 'Ensure a service is started at boot.' : 'Ensure a service is not started at boot.',
      effect: 'repair',
      args: z.object({ name: nameArg }),
      examples: [],
      async check({ name }, ctx) {
        const now = await (await serviceProvider(ctx, name)).look(ctx, name);
        if (!now.known && wanted) return refused(`The named service ${name} is not available on ${ctx.host.id}`);
        return changesOf(enabling(name, now.enabled, wanted));
      },
    }),
  ),
  ...([true, false] as const).map((wanted) =>
    defineState({
      name: wanted ? 'service.masked' : 'service.unmasked',
      summary: wanted ? 'Ensure a service cannot be started by anybody.' : 'Ensure a service can be started.',
      effect: 'repair',
      args: z.object({
        name: nameArg,
        runtime: z.boolean().default(false).describe('Only until the host is started again.'),
      }),
      examples: [],
      async check({ name, runtime }, ctx) {
        const { masked } = await (await serviceProvider(ctx, name)).look(ctx, name);
        if (masked === undefined) return refused(`Services of ${ctx.host.id} have no masks`);
        if (masked === wanted) return inSync(`Service ${name} is ${wanted ? 'masked' : 'not masked'}`);
        return changesOf(masking(name, { masked: wanted, untilReboot: runtime }));
      },
    }),
  ),
];

async function deadVerdict(
  { name, enable }: { name: string; enable?: boolean | undefined },
  ctx: ModuleContext,
): Promise<Verdict> {
  const provider = await serviceProvider(ctx, name);
  const now = await provider.look(ctx, name);
  if (!now.known) return inSync(`The named service ${name} is not available`);
  return changesOf(
    !now.running || acting(provider.kind, name, 'stop', 'stopped', { [name]: true }),
    enabling(name, now.enabled, enable),
  );
}

function acting(kind: string, name: string, action: ServiceAction, done: string, changes: object): Change {
  return {
    what: `service ${name} (${kind}): ${done}`,
    before: null,
    after: done,
    verb: action,
    changes,
    async apply(ctx) {
      await (await serviceProvider(ctx, name)).act(ctx, name, action);
      return undefined;
    },
  };
}

function masking(name: string, mask: ServiceMask): Change {
  return {
    what: `service ${name}: ${mask.masked ? 'masked' : 'unmasked'}`,
    before: !mask.masked,
    after: mask.masked,
    changes: { [name]: { masked: mask.masked } },
    async apply(ctx) {
      await (await serviceProvider(ctx, name)).setMasked?.(ctx, name, mask);
      return undefined;
    },
  };
}

function enabling(name: string, now: boolean, wanted: boolean | undefined): Change | true {
  if (wanted === undefined || wanted === now) return true;
  return {
    what: `service ${name}: ${wanted ? 'enabled' : 'disabled'} at boot`,
    before: now,
    after: wanted,
    changes: { [name]: true },
    async apply(ctx) {
      await (await serviceProvider(ctx, name)).setEnabled(ctx, name, wanted);
      return undefined;
    },
  };
}
