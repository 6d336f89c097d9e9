import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { defineRead, defineWrite, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import {
  pidFileProvider,
  type ServiceAction,
  type ServiceLook,
  serviceProvider,
  serviceProviders,
} from '../providers/service/index.ts';

const nameArg = z.string().describe('Name of the service.');
const one = z.object({ name: nameArg });

/** Services, whatever keeps them: systemd, OpenRC, System V scripts, or a definition of Edge's own. */
export const serviceFunctions: readonly ExecutionModule[] = [
  action('start', 'Start a service and wait until it runs.'),
  action('stop', 'Stop a service and wait until it is gone.'),
  action('restart', 'Stop and start a service.'),
  action('reload', 'Make a service read its configuration anew.'),
  question('status', 'Tell whether a service runs.', ({ running }) => running),
  question('available', 'Tell whether the host knows a service.', ({ known }) => known),
  question('missing', 'Tell whether the host does not know a service.', ({ known }) => !known),
  question('enabled', 'Tell whether a service is started at boot.', ({ enabled }) => enabled),
  question('disabled', 'Tell whether a service is not started at boot.', ({ enabled }) => !enabled),
  ...([true, false] as const).map((enabled) =>
    defineWrite({
      name: enabled ? 'service.enable' : 'service.disable',
      summary: enabled ? 'Have a service started at boot.' : 'Have a service not started at boot.',
      args: one,
      returns: 'True.',
      examples: [],
      async run({ name }, ctx) {
        await requireKnown(ctx, name);
        await (await serviceProvider(ctx, name)).setEnabled(ctx, name, enabled);
        return true;
      },
    }),
  ),
  defineRead({
    name: 'service.get_all',
    summary: 'Answer the names of all services.',
    args: z.object({}),
    returns: 'A sorted list.',
    examples: [],
    run: async (_, ctx) => await allNames(ctx),
  }),
  defineRead({
    name: 'service.get_enabled',
    summary: 'Answer the names of the services started at boot.',
    args: z.object({}),
    returns: 'A sorted list.',
    examples: [],
    async run(_, ctx) {
      const enabled: string[] = [];
      for (const name of await allNames(ctx)) if ((await look(ctx, name)).enabled) enabled.push(name);
      return enabled;
    },
  }),
  defineWrite({
    name: 'service.start_enabled',
    summary: 'Start every enabled service of a host without an init system; for its boot, from a schedule or cron.',
    args: z.object({}),
    returns: 'The names of those that were started.',
    examples: [],
    async run(_, ctx) {
      const started: string[] = [];
      for (const name of await pidFileProvider.list(ctx)) {
        const { enabled, running } = await pidFileProvider.look(ctx, name);
        if (!enabled || running) continue;
        await pidFileProvider.act(ctx, name, 'start');
        started.push(name);
      }
      return started;
    },
  }),
];

function action(verb: ServiceAction, summary: string): ExecutionModule {
  return defineWrite({
    name: `service.${verb}`,
    summary,
    args: one,
    returns: 'True.',
    examples: [{ title: `${verb} the web server`, args: { name: 'nginx' } }],
    async run({ name }, ctx) {
      await requireKnown(ctx, name);
      await (await serviceProvider(ctx, name)).act(ctx, name, verb);
      return true;
    },
  });
}

function question(verb: string, summary: string, read: (look: ServiceLook) => boolean): ExecutionModule {
  return defineRead({
    name: `service.${verb}`,
    summary,
    args: one,
    returns: 'True or false.',
    examples: [],
    run: async ({ name }, ctx) => read(await look(ctx, name)),
  });
}

async function look(ctx: ModuleContext, name: string): Promise<ServiceLook> {
  return await (await serviceProvider(ctx, name)).look(ctx, name);
}

async function requireKnown(ctx: ModuleContext, name: string): Promise<void> {
  if ((await look(ctx, name)).known) return;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `no service ${name} on ${ctx.host.id}`,
    { name },
    {
      hint: 'service.get_all lists those there are.',
    },
  );
}

async function allNames(ctx: ModuleContext): Promise<readonly string[]> {
  const lists = await Promise.all((await serviceProviders(ctx)).map((provider) => provider.list(ctx)));
  return [...new Set(lists.flat())].sort();
}
