import { z } from 'zod';
import type { HostReader } from '../../host/index.ts';
import { CodedAnswer, defineRead, defineWrite, type ExecutionModule, type ForeseenChange } from '../contract/index.ts';
import {
  askSupervisor,
  parseSupervisorStatus,
  programs,
  type SupervisorOptions,
  said,
  tellSupervisor,
} from '../providers/supervisor.ts';

const tail = {
  user: z.string().optional().describe('User to run supervisorctl as.'),
  conf_file: z.string().optional().describe('Configuration of supervisord.'),
  bin_env: z.string().optional().describe('Path of supervisorctl, or of the virtual environment that has it.'),
};
const programArg = z.string().default('all').describe('Program, or group:*; all where absent.');

/** Programs kept by supervisord. */
export const supervisordFunctions: readonly ExecutionModule[] = [
  ...(['start', 'stop', 'restart'] as const).map((verb) =>
    defineWrite({
      name: `supervisord.${verb}`,
      summary: `${verb[0]!.toUpperCase()}${verb.slice(1)} a program, or all.`,
      args: z.object({ name: programArg, ...tail }),
      returns: 'What supervisorctl said.',
      examples: [{ title: `${verb} everything`, args: { name: 'all' } }],
      async run({ name, ...options }, { host }) {
        const result = await tellSupervisor(host, [verb, ...(name.endsWith(':') ? [`${name}*`] : [name])], options);
        return new CodedAnswer(said(result), isRefused(said(result)) ? 1 : 0);
      },
      foresee: ({ name, ...options }, { host }, left) => foreseeVerb(verb, name, options, host, left),
    }),
  ),
  ...(['add', 'remove'] as const).map((verb) =>
    defineWrite({
      name: `supervisord.${verb}`,
      summary: verb === 'add' ? 'Begin to keep a program of the configuration.' : 'Stop keeping a program.',
      args: z.object({ name: z.string().describe('Program or group.'), ...tail }),
      returns: 'What supervisorctl said.',
      examples: [],
      async run({ name, ...options }, { host }) {
        const result = await tellSupervisor(host, [verb, name.replace(/:$/, '')], options);
        return new CodedAnswer(said(result), isRefused(said(result)) ? 1 : 0);
      },
    }),
  ),
  defineWrite({
    name: 'supervisord.reread',
    summary: 'Read the configuration anew without changing programs.',
    args: z.object(tail),
    returns: 'What supervisorctl said.',
    examples: [],
    run: async (options, { host }) => said(await tellSupervisor(host, ['reread'], options)),
  }),
  defineWrite({
    name: 'supervisord.update',
    summary: 'Read the configuration anew and restart what changed.',
    args: z.object({ ...tail, name: z.string().optional().describe('Only this group.') }),
    returns: 'What supervisorctl said.',
    examples: [],
    run: async ({ name, ...options }, { host }) =>
      said(await tellSupervisor(host, ['update', ...(name === undefined ? [] : [name])], options)),
  }),
  defineRead({
    name: 'supervisord.status',
    summary: 'Answer how programs stand.',
    args: z.object({ name: z.string().optional().describe('Program; all where absent.'), ...tail }),
    returns: 'A mapping of names to {state, reason}.',
    examples: [],
    run: async ({ name, ...options }, { host }) =>
      parseSupervisorStatus(
        (await askSupervisor(host, ['status', ...(name === undefined ? [] : [name])], options)).stdout,
      ),
  }),
  defineRead({
    name: 'supervisord.status_raw',
    summary: 'Answer how programs stand, as supervisorctl prints it.',
    args: z.object({ name: z.string().optional().describe('Program; all where absent.'), ...tail }),
    returns: 'A text.',
    examples: [],
    run: async ({ name, ...options }, { host }) =>
      said(await askSupervisor(host, ['status', ...(name === undefined ? [] : [name])], options)),
  }),
  defineRead({
    name: 'supervisord.status_bool',
    summary: 'Tell whether a program stands as expected.',
    args: z.object({
      name: z.string().describe('Program.'),
      expected_state: z.string().optional().describe('State it is to have; RUNNING where absent.'),
      ...tail,
    }),
    returns: 'True or false.',
    examples: [],
    run: async ({ name, expected_state = 'RUNNING', ...options }, { host }) =>
      parseSupervisorStatus((await askSupervisor(host, ['status', name], options)).stdout)[name]?.state ===
      expected_state,
  }),
  defineWrite({
    name: 'supervisord.custom',
    summary: 'Give supervisorctl a command as it stands.',
    args: z.object({ command: z.string().describe('Words of the command.'), ...tail }),
    returns: 'What supervisorctl said.',
    examples: [],
    run: async ({ command, ...options }, { host }) => said(await tellSupervisor(host, command.split(/\s+/), options)),
  }),
];

/** What a verb would do to one program; those of groups are not told apart here. */
async function foreseeVerb(
  verb: 'start' | 'stop' | 'restart',
  name: string,
  options: SupervisorOptions,
  host: HostReader,
  left: ReadonlyMap<string, string>,
): Promise<ForeseenChange | undefined> {
  const subject = `program ${name} of ${options.conf_file ?? 'supervisord'}`;
  const known = left.get(subject);
  const state = known ?? (await programs(host, options))[name]?.state;
  if (state === undefined) return undefined;
  const after = verb === 'stop' ? 'STOPPED' : 'RUNNING';
  const isDown = /^(STOPPED|EXITED|FATAL)$/.test(state);
  const isThere = verb === 'stop' ? isDown : verb === 'start' && state === 'RUNNING';
  const becomes = verb === 'restart' && !isDown ? 'RUNNING again' : after;
  const changes = isThere ? {} : { [subject]: { old: state, new: becomes } };
  return { changes, leaves: { [subject]: isThere ? state : after }, isLook: known === undefined };
}

/** supervisorctl ends with 0 for most refusals; being what was wanted already is none. */
function isRefused(text: string): boolean {
  return /ERROR \((?!already started|not running)|^error:/im.test(text);
}
