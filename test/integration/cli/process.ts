import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../conformance/runner.ts';

/** A command line that runs in a process of its own. */
export interface RunningCli {
  readonly child: ChildProcessWithoutNullStreams;
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<number | null>;
  /** Resolves once stdout or stderr holds `text`; rejects when the process ends before. */
  saw(text: string): Promise<void>;
}

/** Starts the built `edge-run`. @throws when it is not built */
export function startCli(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  nodeArguments: readonly string[] = [],
): RunningCli {
  const bin = join(repositoryRoot(), 'packages/cli/bin/edge-run.js');
  if (!existsSync(join(repositoryRoot(), 'packages/cli/dist/main.js'))) throw new Error('build first: npm run build');
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [...nodeArguments, bin, ...argv], {
    env: { PATH, HOME: '/nonexistent', NO_COLOR: '1', ...env },
    cwd: '/',
  });
  child.stdin.end();
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const saw = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (output.stdout.includes(text) || output.stderr.includes(text)) resolve();
      };
      listeners.add(look);
      look();
      void ended.then((code) => reject(new Error(`ended with ${code} before "${text}": ${JSON.stringify(output)}`)));
    });
  return { child, output, ended, saw };
}

/** Runs it to its end. */
export async function runCliProcess(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  nodeArguments: readonly string[] = [],
): Promise<{ readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }> {
  const running = startCli(argv, env, nodeArguments);
  const exitCode = await running.ended;
  return { exitCode, ...running.output };
}
