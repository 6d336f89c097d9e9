import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  DiagnosticsError,
  EDGE_VERSION,
  EdgeError,
  errorMessage,
  formatDiagnostic,
  systemClock,
  toErrorRecord,
} from '@edge-run/shared/kernel';
import { createLogger } from '@edge-run/shared/logging';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol';
import { Command } from 'commander';
import { loadMasterConfig, withEmbeddedApi } from '../config/index.ts';
import { runEmbedded } from './embedded.ts';
import { startMaster } from './master.ts';
import { stopHosts } from './stop-hosts.ts';

interface RunOptions {
  readonly config?: string;
  readonly data?: string;
  readonly natsUrl?: string;
  readonly embedded?: boolean;
}

/** `edge-master`: runs the words it was called with and answers the exit code. */
export async function runCommandLine(words: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const program = new Command('edge-master')
    .description('the master of Edge: publishes jobs, drives orchestrations, answers edge-run')
    .version(EDGE_VERSION)
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(text) });
  program
    .command('run')
    .summary('start the master and stay')
    .option('--config <file>', 'configuration file')
    .option('--data <dir>', 'data directory; wins over `data_dir` of the file')
    .option('--nats-url <url>', 'NATS server of your own; wins over `nats.url` of the file')
    .option('--embedded', 'as started by `edge-run up`: with a context file for edge-run')
    .action(async (options: RunOptions) => {
      code = await run(options);
    });
  program
    .command('check-config')
    .summary('read the configuration and say what is wrong with it')
    .requiredOption('--config <file>', 'configuration file')
    .option('--data <dir>', 'data directory')
    .action((options: RunOptions) => {
      readConfig(options);
      process.stdout.write(`${options.config} is valid\n`);
    });
  program
    .command('stop-hosts')
    .summary('end the hosts of the local fleet with their services, and a server a killed master left behind')
    .requiredOption('--data <dir>', 'data directory')
    .action(async (options: { data: string }) => {
      for (const line of await stopHosts(resolve(options.data), systemClock)) process.stdout.write(`${line}\n`);
    });
  try {
    await program.parseAsync([...words], { from: 'user' });
    return code;
  } catch (error) {
    return report(error);
  }
}

async function run(options: RunOptions): Promise<ExitCode> {
  const log = createLogger('info');
  let dataDir = '.';
  const start = async (): Promise<Awaited<ReturnType<typeof startMaster>>> => {
    const read = readConfig(options);
    const config = options.embedded === true ? withEmbeddedApi(read) : read;
    dataDir = config.data_dir;
    return startMaster({
      config,
      minionCommand: minionCommand(),
      clock: systemClock,
      log: createLogger(config.log_level),
    });
  };
  if (options.embedded === true)
    return runEmbedded({ dir: resolve(options.data ?? '.'), project: options.config, start, log });
  // From now on: a master that is told to end while it starts ends its server too.
  const told = new Promise<void>((stop) => process.once('SIGTERM', () => stop()).once('SIGINT', () => stop()));
  const master = await start();
  // Whoever may read the data directory may ask this master: EDGE_NATS_URL and EDGE_CREDENTIALS of edge-run.
  if (master.operator !== undefined && 'creds' in master.operator)
    writeFileSync(join(dataDir, 'operator.creds'), master.operator.creds, { mode: 0o600 });
  await told;
  await master.stop();
  return EXIT.done;
}

function readConfig(options: RunOptions): ReturnType<typeof loadMasterConfig> {
  const given = options.config === undefined ? defaultConfig() : resolve(options.config);
  return loadMasterConfig(given, {
    ...(options.data === undefined ? {} : { data_dir: resolve(options.data) }),
    ...(options.natsUrl === undefined ? {} : { nats: { url: options.natsUrl } }),
  });
}

/** Where a system keeps its configuration, when there is one. */
function defaultConfig(): string | undefined {
  const file = '/etc/edge-run/master.yaml';
  return existsSync(file) ? file : undefined;
}

/** The minion that lies beside this package. */
function minionCommand(): readonly [string, ...string[]] {
  return [process.execPath, join(fileURLToPath(new URL('../../..', import.meta.url)), 'minion/bin/edge-minion.js')];
}

function report(error: unknown): ExitCode {
  // Commander has written its own message, or printed help.
  if (error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number')
    return error.exitCode === 0 ? EXIT.done : EXIT.notStarted;
  if (error instanceof DiagnosticsError)
    process.stderr.write(`${error.diagnostics.map(formatDiagnostic).join('\n')}\n`);
  else {
    const { code, message, hint } = toErrorRecord(error);
    process.stderr.write(`error[${code}]: ${message}\n${hint === undefined ? '' : `  = help: ${hint}\n`}`);
    if (!(error instanceof EdgeError))
      process.stderr.write(`${error instanceof Error ? error.stack : errorMessage(error)}\n`);
  }
  return EXIT.notStarted;
}
