import { readFile, rm, writeFile } from 'node:fs/promises';
import { isProcessAlive } from '@edge-run/shared/host';
import type { Clock } from '@edge-run/shared/kernel';

/** A process as its file remembers it: the start time tells it from a later one with the same number. */
interface ProcessRecord {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat, or null where there is no /proc. */
  readonly startedAt: string | null;
}

const TERM_PATIENCE_MS = 10_000;
const POLL_MS = 50;

/** Remembers a running process in a file. */
export async function writeProcess(file: string, pid: number): Promise<void> {
  const record: ProcessRecord = { pid, startedAt: await startTime(pid) };
  await writeFile(file, JSON.stringify(record), { mode: 0o600 });
}

/** True while the very process that the file remembers runs. */
export async function isAlive(file: string): Promise<boolean> {
  return (await readProcess(file)) !== undefined;
}

/** The number of the process, while it runs. */
export async function readProcess(file: string): Promise<number | undefined> {
  let record: ProcessRecord;
  try {
    record = JSON.parse(await readFile(file, 'utf8')) as ProcessRecord;
    if (!isProcessAlive(record.pid)) return undefined;
  } catch {
    return undefined;
  }
  return record.startedAt === (await startTime(record.pid)) ? record.pid : undefined;
}

/** Asks the process to end, then makes it; true when it ran. */
export async function endProcess(file: string, clock: Clock): Promise<boolean> {
  const pid = await readProcess(file);
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    for (const giveUpAt = clock.now() + TERM_PATIENCE_MS; (await isAlive(file)) && clock.now() < giveUpAt; )
      await clock.sleep(POLL_MS);
    if (await isAlive(file)) process.kill(pid, 'SIGKILL');
  }
  await rm(file, { force: true });
  return pid !== undefined;
}

async function startTime(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command's name stands in brackets and may hold anything; fields are counted from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[19] ?? null;
  } catch {
    return null;
  }
}
