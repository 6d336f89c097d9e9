import type { Command } from 'commander';
import type { Register } from './commands/registry.ts';

/** Commands that are defined in one file, and are loaded together when one of them is asked for. */
export interface CommandGroup {
  /** Name → summary, as `--help` lists them before the file is loaded. */
  readonly commands: Readonly<Record<string, string>>;
  /** Other names and commands that are not listed. */
  readonly unlisted?: readonly string[];
  readonly load: () => Promise<(program: Command, register: Register) => void>;
}

/** Every command, in the order of `--help`. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  {
    commands: {
      up: 'start an embedded master, its NATS server and the local fleet',
      down: 'stop what `up` started',
      status: 'how the master and its fleet are',
    },
    load: async () => (await import('./commands/stack.ts')).addStackCommands,
  },
  {
    commands: {
      exec: 'run a function on targets (short form: edge-run TARGET FUN …)',
    },
    unlisted: ['runner'],
    load: async () => (await import('./commands/exec.ts')).addExecCommands,
  },
  {
    commands: {
      ssh: 'run functions and commands on hosts of the roster, without a minion',
      roster: 'hosts reached by SSH',
    },
    load: async () => (await import('./commands/ssh.ts')).addSshCommands,
  },
  {
    commands: {
      state: 'bring hosts to their states, or see what that would change',
      apply: 'apply a saved plan, or refuse when what it was made from has moved',
    },
    load: async () => (await import('./commands/state.ts')).addStateCommands,
  },
  {
    commands: { orch: 'run orchestrations and look at their runs' },
    load: async () => (await import('./commands/orch.ts')).addOrchCommands,
  },
  {
    commands: { approve: 'agree to a run that waits for approval', reject: 'refuse a run that waits for approval' },
    load: async () => (await import('./commands/orch-control.ts')).addApprovalCommands,
  },
  {
    commands: { report: 'what earlier runs tell' },
    load: async () => (await import('./commands/report.ts')).addReportCommands,
  },
  {
    commands: { jobs: 'look at jobs, stop and repeat them' },
    load: async () => (await import('./commands/jobs.ts')).addJobsCommands,
  },
  {
    commands: { events: 'watch and send events' },
    load: async () => (await import('./commands/events.ts')).addEventsCommands,
  },
  {
    commands: { schedule: 'what starts at its time', reactor: 'what starts at an event' },
    load: async () => (await import('./commands/schedule.ts')).addScheduleCommands,
  },
  {
    commands: {
      nodes: 'minions and SSH targets',
      pillar: 'compiled pillars',
      grains: 'what hosts say about themselves',
    },
    load: async () => (await import('./commands/fleet.ts')).addFleetCommands,
  },
  {
    commands: { match: 'who would this select, and why' },
    load: async () => (await import('./commands/match.ts')).addMatchCommands,
  },
  {
    commands: { keys: 'let minions in and keep them out' },
    load: async () => (await import('./commands/keys.ts')).addKeysCommands,
  },
  {
    commands: {
      render: 'print a local file or SLS after its templates ran; pillar= overrides',
    },
    load: async () => (await import('./commands/author.ts')).addAuthorCommands,
  },
  {
    commands: { check: 'find what is wrong with a project, a Salt tree or a file, without a master' },
    unlisted: ['lint'],
    load: async () => (await import('./commands/check.ts')).addCheckCommands,
  },
  {
    commands: { completion: 'print a completion script for bash, zsh or fish' },
    unlisted: ['__complete'],
    load: async () => (await import('./commands/completion.ts')).addCompletionCommands,
  },
];

/** Lines that need the whole tree. */
const NEEDS_ALL: ReadonlySet<string> = new Set(['help', '__complete']);
/** Lines that end before any command is looked at. */
const NEEDS_NONE: ReadonlySet<string> = new Set(['--help', '-h', '--version']);

/** The groups a line needs, told from its first word alone; a line that begins with a flag may mean any. */
export function groupsFor(argv: readonly string[]): ReadonlySet<CommandGroup> {
  const [first] = argv;
  if (first === undefined || NEEDS_NONE.has(first)) return new Set();
  if (first.startsWith('-') || NEEDS_ALL.has(first)) return new Set(COMMAND_GROUPS);
  const own = groupOf(first);
  return new Set([own ?? groupOf('exec')!]);
}

function groupOf(name: string): CommandGroup | undefined {
  return COMMAND_GROUPS.find((group) => name in group.commands || group.unlisted?.includes(name));
}
