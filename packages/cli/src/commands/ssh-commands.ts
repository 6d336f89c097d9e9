import type { JsonObject, JsonValue } from '@edge-run/shared/kernel';
import type { OperationArgs } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { exitCodeOfJob, type JobView } from '@edge-run/shared/view';
import { isMachineFormat } from '../flags.ts';
import { emitData } from '../output/emit.ts';
import { plainJson } from '../output/values.ts';
import { followJob } from '../progress/follow-job.ts';
import type { Session } from '../session.ts';

const PUBLISH_WITHIN_MS = 60_000;

type Request = Omit<OperationArgs<'jobs.publish'>, 'fun' | 'args' | 'kwargs' | 'typed'>;

/** What one command did on one host. */
interface CommandEnd {
  readonly succeeded: boolean;
  readonly retcode: number | null;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** Why it did not run at all. */
  readonly error?: string;
}

/**
 * Runs commands one after the other on hosts, all hosts at once, and prints what each did on each host. A host that
 * could not be reached is not asked for the next command.
 */
export async function runCommands(session: Session, request: Request, commands: readonly string[]): Promise<ExitCode> {
  const { flags } = session;
  const client = await session.master();
  /** host → command → its end, in order of the commands */
  const results = new Map<string, Map<string, CommandEnd>>();
  let exitCode: ExitCode = EXIT.done;
  let target = request.target;
  for (const command of commands) {
    const published = await client.ask(
      'jobs.publish',
      {
        ...request,
        ...{ target, fun: 'cmd.run_all', args: [command], kwargs: [], typed: { args: [command], kwargs: {} } },
        ...(flags.timeoutMs === undefined ? {} : { timeoutMs: flags.timeoutMs }),
      },
      { timeoutMs: PUBLISH_WITHIN_MS },
    );
    if (!flags.wait) {
      session.note(`watch it: edge-run jobs watch ${published.jid}`);
      continue;
    }
    const { view, end } = await followJob(session, published.jid);
    for (const id of published.targets) {
      const ends = results.get(id) ?? new Map<string, CommandEnd>();
      ends.set(command, endOf(view.hosts[id]));
      results.set(id, ends);
    }
    if (end !== 'ended') return end === 'timed-out' ? EXIT.timedOut : EXIT.interrupted;
    if (exitCode === EXIT.done) exitCode = exitCodeOfJob(view);
    const answering = published.targets.filter((id) => endOf(view.hosts[id]).error === undefined);
    if (answering.length === 0) break;
    target = { expr: answering, type: 'list' };
  }
  if (flags.wait) await printResults(session, results, commands);
  return exitCode;
}

function endOf(host: JobView['hosts'][string] | undefined): CommandEnd {
  const ret = host?.ret === undefined ? undefined : plainJson(host.ret);
  const isRun = typeof ret === 'object' && ret !== null && !Array.isArray(ret) && 'stdout' in ret;
  if (!isRun) {
    const why = host?.evidence ?? (typeof ret === 'string' ? ret : (host?.outcome ?? 'no answer'));
    return { succeeded: false, retcode: null, stdout: [], stderr: [], error: why };
  }
  const { retcode, stdout, stderr } = ret as JsonObject;
  return { succeeded: retcode === 0, retcode: Number(retcode), stdout: linesOf(stdout), stderr: linesOf(stderr) };
}

function linesOf(text: JsonValue | undefined): readonly string[] {
  return typeof text !== 'string' || text === '' ? [] : text.split('\n');
}

async function printResults(
  session: Session,
  results: ReadonlyMap<string, ReadonlyMap<string, CommandEnd>>,
  commands: readonly string[],
): Promise<void> {
  const { flags, io, style } = session;
  if (isMachineFormat(flags.out)) {
    const data = [...results].map(([id, ends]) => [
      id,
      Object.fromEntries([...ends].map(([line, end]) => [line, { ...end }])),
    ]);
    await emitData(session, Object.fromEntries(data) as JsonObject);
    return;
  }
  for (const [id, ends] of results) {
    io.stdout.write(`${style.bold(id)}\n`);
    for (const command of commands) {
      const end = ends.get(command);
      if (end === undefined) continue;
      const failed =
        end.error === undefined && end.succeeded
          ? ''
          : style.red(end.error === undefined ? `   exited ${end.retcode}` : '   not run');
      io.stdout.write(`  $ ${command}${failed}\n`);
      const said = end.error === undefined ? [...end.stdout, ...end.stderr] : [end.error];
      for (const line of said) io.stdout.write(`    ${line}\n`);
    }
  }
}
