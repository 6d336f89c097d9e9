import { resolve } from 'node:path';
import { EdgeError } from '@edge-run/shared/kernel';
import type { ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import { collect } from '../flags.ts';
import type { Session } from '../session.ts';
import { addTargetFlags, readTarget } from '../target.ts';
import { encodeWords } from '../words.ts';
import { runJob } from './job.ts';
import { addJobFlags, readJobFlags, withAsync } from './job-flags.ts';
import { type Options, type Register, wordAt, wordsAt } from './registry.ts';
import { importRoster, listRoster, testRoster } from './roster.ts';
import { runCommands } from './ssh-commands.ts';

/** How many hosts are worked at once where nobody says. */
const AT_ONCE = 50;

/** `ssh TARGET …` and `roster ls|test|import`: hosts that have no minion. */
export function addSshCommands(program: Command, register: Register): void {
  register(
    addJobFlags(addTargetFlags(program.command('ssh <target> [function] [args...]')))
      .summary('run functions and commands on hosts of the roster, without a minion')
      .option('-x, --command <line>', 'run this command; several are run one after the other on each host', collect)
      .option('--roster <file>', 'hosts of this roster on the master, of any kind, instead of the configured one')
      .option('--roster-file <file>', 'the same; --roster names its kind then: file, ssh_config, ansible')
      .option('--save <file>', 'with state plan: keep the plan for edge-run apply')
      .option('--detailed-exitcode', 'with state apply and plan: exit 3 when a test run found changes')
      .addHelpText(
        'after',
        `
Up to ${AT_ONCE} hosts are worked at once; --batch says how many.

Examples:
  edge-run ssh 'edge-*' state plan nginx
  edge-run ssh -L 'web1,web2' cmd.run hostname
  edge-run ssh --roster staging.yaml 'web*' test.ping
  edge-run ssh -L 'web1,web2' -x hostname -x 'uptime -p' --batch 10 -o json`,
      ),
    executeSsh,
  );
  const roster = program.command('roster').summary('hosts reached by SSH');
  register(
    addTargetFlags(roster.command('ls [target]'))
      .summary('list them, and where each is written')
      .option('--refresh', 'read the rosters again first: new hosts become targets'),
    listRoster,
  );
  register(
    roster
      .command('test <ids...>')
      .summary('log in and out again, step by step; -v shows the steps that went well')
      .addHelpText('after', "\nExample:  edge-run roster test 'web*' -v"),
    testRoster,
  );
  register(
    roster
      .command('import <path>')
      .summary('make a roster file of an Ansible inventory or an ssh_config')
      .option('--from <kind>', 'ansible or ssh_config; told from the file when absent')
      .option('--write <file>', 'write it there instead of printing it')
      .option('--force', 'overwrite the file')
      .addHelpText('after', '\nExample:  edge-run roster import inventory/hosts.ini --write roster.yaml'),
    importRoster,
  );
}

async function executeSsh(plain: Session, words: Parameters<typeof wordAt>[0], asked: Options): Promise<ExitCode> {
  const roster = readRoster(plain, asked);
  const options: Options = { ...asked, transport: 'ssh', ...(roster === undefined ? {} : { roster }) };
  const session = withAsync(plain, options);
  const target = readTarget(wordAt(words, 0), options);
  const given = [wordAt(words, 1), ...wordsAt(words, 2)].filter((word) => word !== '');
  const { batch } = options;
  const bound = { batchSafe: { limit: AT_ONCE, size: String(AT_ONCE) } };
  const request = {
    ...(batch === undefined ? bound : {}),
    ...(await readJobFlags(options)),
    target,
  };
  if (Array.isArray(options.command)) {
    if (given.length > 0) throw bothGiven(given);
    return runCommands(session, request, options.command as readonly string[]);
  }
  const [first, second, ...rest] = given;
  if (first === undefined) throw nothingToRun(wordAt(words, 0));
  // `ssh TARGET state plan …` is `state plan TARGET …` on hosts of the roster.
  const handler = first === 'state' ? (await import('./state.ts')).stateHandler(second ?? '') : undefined;
  if (handler !== undefined) return handler(session, [wordAt(words, 0), rest], options);
  const [fun = '', ...args] = first.includes('.') || second === undefined ? given : [`${first}.${second}`, ...rest];
  const encoded = await encodeWords(args, Math.min(session.literalWords, args.length));
  return runJob(session, { ...request, fun, ...encoded });
}

/** The roster as the master is asked for it: its whole path, behind its kind where that is told. @throws EdgeError */
function readRoster({ io }: Session, { roster, rosterFile, save }: Options): string | undefined {
  const [kind, file] = typeof rosterFile === 'string' ? [roster, rosterFile] : [undefined, roster];
  if (typeof file !== 'string') return undefined;
  if (typeof save === 'string') {
    throw new EdgeError(
      'EDGE_NOT_SUPPORTED',
      '--save keeps no roster: the plan would be applied to hosts of the configured one',
      { roster: file },
      { hint: 'Apply the states with the same --roster, or write the hosts into the roster of the master.' },
    );
  }
  const [, told, path] = /^(?:(file|flat|ssh_?config|ansible):)?(.*)$/s.exec(file) ?? [];
  const word = typeof kind === 'string' ? kind : told;
  return `${word === undefined ? '' : `${word}:`}${resolve(io.cwd, path ?? file)}`;
}

function bothGiven(given: readonly string[]): EdgeError {
  return new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `--command and \`${given.join(' ')}\` are both to be run`,
    { given: [...given] },
    { hint: "Write each command behind its own --command: -x hostname -x 'uptime -p'" },
  );
}

function nothingToRun(target: string): EdgeError {
  return new EdgeError(
    'EDGE_MISSING_ARGUMENT',
    `what is to be run on ${target}?`,
    {},
    { hint: `Name a function or a command: edge-run ssh '${target}' test.ping, edge-run ssh '${target}' -x hostname` },
  );
}
