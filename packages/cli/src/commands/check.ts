import { type Diagnostic, EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { Command, Option } from 'commander';
import type { CheckReport } from '../check/index.ts';
import { isMachineFormat } from '../flags.ts';
import { emitData } from '../output/emit.ts';
import { countOf, diagnosticBlocks } from '../output/errors.ts';
import { githubAnnotations } from '../output/github.ts';
import type { Session } from '../session.ts';
import { type Options, type Register, wordAt } from './registry.ts';

/** `check`: everything that is known to be wrong before anything runs. */
export function addCheckCommands(program: Command, register: Register): void {
  register(
    program
      .command('check [path]')
      .alias('lint')
      .summary('find what is wrong with a project, a Salt tree or a file, without a master')
      .description(
        'Renders and compiles states, pillars, orchestrations and reactor files as the hosts of the project would get ' +
          'them, and holds them against the declarations of all modules and against rules. Nothing is run or changed. ' +
          'Ends with 0, or 2 where there is an error.',
      )
      .addOption(
        new Option('--format <format>', 'how findings are printed').choices(['text', 'github']).default('text'),
      )
      .option('--strict', 'warnings are errors to the exit code'),
    check,
  );
}

async function check(session: Session, words: Parameters<typeof wordAt>[0], options: Options): Promise<ExitCode> {
  const { flags, io } = session;
  const { checkPath } = await import('../check/index.ts');
  const startedAt = io.clock.now();
  const controller = new AbortController();
  const release = io.onInterrupt(() => controller.abort());
  try {
    const request = { cwd: io.cwd, path: wordAt(words, 0) || undefined, config: flags.config };
    const report = await checkPath(request, {
      cwd: io.cwd,
      reservedNames: await orchCommands(),
      signal: controller.signal,
    });
    if (controller.signal.aborted) throw new EdgeError('EDGE_CANCELLED', 'the check was interrupted');
    await print(session, report, options.format === 'github', io.clock.now() - startedAt);
    const errors = count(report.diagnostics, 'error');
    const isFailure = errors > 0 || (options.strict === true && report.diagnostics.length > 0);
    return isFailure ? EXIT.notStarted : EXIT.done;
  } finally {
    release();
  }
}

async function print(session: Session, report: CheckReport, forGithub: boolean, durationMs: number): Promise<void> {
  const { flags, io } = session;
  const { diagnostics, files, fixtures } = report;
  const errors = count(diagnostics, 'error');
  const warnings = diagnostics.length - errors;
  if (isMachineFormat(flags.out)) {
    const data = { diagnostics, errors, warnings, files, fixtures, duration_ms: Math.round(durationMs) };
    await emitData(session, data as unknown as JsonValue);
    return;
  }
  if (forGithub) io.stdout.write(githubAnnotations(diagnostics));
  else for (const block of diagnosticBlocks(diagnostics, session.style)) io.stdout.write(`${block}\n`);
  const found = `${countOf(errors, 'error')}, ${countOf(warnings, 'warning')}`;
  const seconds = (durationMs / 1000).toFixed(1);
  const summary = `${found} in ${countOf(files, 'file')}, ${countOf(fixtures, 'fixture')}, ${seconds} s\n`;
  if (!forGithub) io.stdout.write(summary);
  else if (!flags.quiet) io.stderr.write(summary);
}

/** The commands of `edge-run orch`, which no orchestration can be called. */
async function orchCommands(): Promise<ReadonlySet<string>> {
  const { addOrchCommands } = await import('./orch.ts');
  const program = new Command();
  addOrchCommands(program, (command) => command);
  const orch = program.commands.find((command) => command.name() === 'orch');
  return new Set(orch?.commands.flatMap((command) => [command.name(), ...command.aliases()]) ?? []);
}

function count(diagnostics: readonly Diagnostic[], severity: Diagnostic['severity']): number {
  return diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
}
