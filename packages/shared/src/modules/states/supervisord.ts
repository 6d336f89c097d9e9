import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
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
import { type ProgramStatus, programs, said, tellSupervisor } from '../providers/supervisor.ts';

const shared = {
  name: z.string().describe('Program, or group:* for a group.'),
  user: z.string().optional().describe('User to run supervisorctl as.'),
  conf_file: z.string().optional().describe('Configuration of supervisord.'),
  bin_env: z.string().optional().describe('Path of supervisorctl, or of the virtual environment that has it.'),
};
const runningArgs = z.object({
  ...shared,
  restart: z.boolean().default(false).describe('Restart it although it runs.'),
  update: z.boolean().default(false).describe('Read the configuration anew first.'),
});
type Running = z.output<typeof runningArgs>;

/** Programs of supervisord as they should be. */
export const supervisordStates: readonly StateModule[] = [
  defineState({
    name: 'supervisord.running',
    summary: 'Ensure a program of supervisord runs.',
    effect: 'repair',
    settleMs: 10_000,
    needs: ['supervisorctl'],
    args: runningArgs,
    examples: [{ title: 'after its configuration was written', args: { name: 'app', update: true } }],
    async check(args, ctx) {
      const now = matching(await programs(ctx.host, args), args.name);
      if (now.length === 0 && !args.update)
        return refused(`No program ${args.name} in the configuration of supervisord`);
      if (now.length > 0 && now.every(([, { state }]) => state === 'RUNNING'))
        return args.restart
          ? changesOf(acting(args, 'restart', 'restarted'))
          : inSync(`Not starting already running process ${args.name}`);
      return changesOf(acting(args, 'start', 'running'));
    },
    async onWatch(args, ctx) {
      const now = matching(await programs(ctx.host, args), args.name);
      return changesOf(
        acting(args, now.some(([, { state }]) => state === 'RUNNING') ? 'restart' : 'start', 'restarted'),
      );
    },
  }),
  defineState({
    name: 'supervisord.dead',
    summary: 'Ensure a program of supervisord does not run.',
    effect: 'repair',
    settleMs: 10_000,
    needs: ['supervisorctl'],
    args: z.object(shared),
    examples: [],
    check: (args, ctx) => deadVerdict({ ...args, restart: false, update: false }, ctx),
    onWatch: (args, ctx) => deadVerdict({ ...args, restart: false, update: false }, ctx),
  }),
];

async function deadVerdict(args: Running, ctx: ModuleContext): Promise<Verdict> {
  const now = matching(await programs(ctx.host, args), args.name);
  if (now.length === 0) return inSync(`Service ${args.name} does not exist`);
  const isAlive = now.some(([, { state }]) => ['RUNNING', 'STARTING', 'BACKOFF', 'STOPPING'].includes(state));
  return isAlive ? changesOf(acting(args, 'stop', 'stopped')) : inSync(`Service ${args.name} is not running`);
}

/** A name without a colon is also the group of that name: `app` stands for `app:app`. */
function matching(all: Record<string, ProgramStatus>, name: string): [string, ProgramStatus][] {
  const group = name.replace(/:\*?$/, '');
  return Object.entries(all).filter(([program]) =>
    name === group ? program === name : program === group || program.startsWith(`${group}:`),
  );
}

function acting(args: Running, verb: 'start' | 'stop' | 'restart', done: string): Change {
  return {
    what: `supervisord ${args.name}: ${done}`,
    before: null,
    after: done,
    verb,
    changes: { [args.name]: done },
    async apply(ctx: ModuleContext<Host>) {
      if (args.update) await tellSupervisor(ctx.host, ['update'], args);
      const target = args.name.endsWith(':') ? `${args.name}*` : args.name;
      const isUp =
        verb === 'start' &&
        matching(await programs(ctx.host, args), args.name).every(([, { state }]) => state === 'RUNNING');
      const text = said(await tellSupervisor(ctx.host, [isUp ? 'status' : verb, target], args));
      if (/ERROR \((?!already started|not running)|^error:/im.test(text))
        throw new EdgeError(
          'EDGE_COMMAND_FAILED',
          `supervisorctl ${verb} ${args.name} on ${ctx.host.id}: ${text}`,
          { name: args.name },
          {
            hint: `Run 'supervisorctl tail ${args.name} stderr' on ${ctx.host.id}.`,
          },
        );
      return undefined;
    },
  };
}
