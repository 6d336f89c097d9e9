import { EDGE_VERSION, EdgeError, errorMessage } from '@edge-run/shared/kernel';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import type { createHostExecutor } from './host-executor.ts';

const USAGE = `Usage: edge-minion run [--config FILE] [--id ID] [--servers URL,…] [--data-dir DIR] [--log-level LEVEL]
       edge-minion call [--config FILE] [--id ID] [--file-root [ENV=]DIR]… [--pillar-root [ENV=]DIR]…
                        [--pillarenv ENV] [-o text|json] [--log-level LEVEL] FUN [WORD…] [KEY=VALUE…]
       edge-minion status [--config FILE] [--id ID] [--data-dir DIR]

run starts the minion. Every key of the file can be set as EDGE_* in the environment too
(EDGE_MINION_ID, EDGE_SERVERS, EDGE_DATA_DIR, EDGE_KNOCK, EDGE_JOIN_TOKEN, EDGE_TRUSTED_KEYS, …).

call runs one function on this machine without a master: edge-minion call state.apply web test=True.
Files and pillar come from file_roots and pillar_roots of the configuration, or from the flags.

status prints the fingerprint of this minion's key, to be compared with edge-run keys ls, and whose jobs it runs.
`;

/** Runs the command line and answers its exit code. What a command does not need is not loaded. */
export async function runCommandLine(
  argv: readonly string[],
  parts: {
    /** What runs the jobs of the daemon; every module on this machine when absent. */
    readonly createExecutor?: typeof createHostExecutor;
    /** Takes messages for people: standard error. */
    readonly write: (text: string) => void;
    /** Takes answers. Default standard output. */
    readonly print?: (text: string) => void;
  },
): Promise<ExitCode> {
  const [command = 'help', ...rest] = argv;
  const print = parts.print ?? ((text: string) => void process.stdout.write(text));
  try {
    if (command === 'run') return await (await import('./daemon.ts')).runDaemon(rest, parts.createExecutor);
    if (command === 'call') {
      const { machine } = await (await import('./look-ahead.ts')).lookAhead();
      return await (await import('./call.ts')).callFunction(rest, print, machine);
    }
    if (command === 'status') return await (await import('./status.ts')).printStatus(rest, print);
    parts.write(command === '--version' ? `edge-minion ${EDGE_VERSION}\n` : USAGE);
    return command === 'help' || command === '--help' || command === '--version' ? EXIT.done : EXIT.notStarted;
  } catch (error) {
    const hint = error instanceof EdgeError && error.hint !== undefined ? `\n  ${error.hint}` : '';
    parts.write(`edge-minion: ${errorMessage(error)}${hint}\n`);
    return EXIT.notStarted;
  }
}
