import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process of this machine. */
export interface FoundProcess {
  readonly pid: number;
  /** Its arguments with spaces between. */
  readonly command: string;
}

/** Processes that name `directory` in their arguments, environment or working directory; this one is never among them. */
export function processesOf(directory: string): readonly FoundProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => mentions(pid, directory))
    .map((pid) => ({ pid: Number(pid), command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() }))
    .filter(({ command }) => command !== '');
}

/** The one process whose command holds all of `words`. @throws Error when there is none, or more than one */
export function processWith(directory: string, ...words: readonly string[]): number {
  const found = processesOf(directory).filter(({ command }) => words.every((word) => command.includes(word)));
  if (found.length !== 1) throw new Error(`${found.length} processes with ${words.join(' and ')} below ${directory}`);
  return found[0]!.pid;
}

/** Sends SIGKILL and waits until the process is gone. */
export async function killHard(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await eventually(() => read(`/proc/${pid}/cmdline`) === '', `process ${pid} is gone`, 5_000);
}

/** Waits until `holds` answers something else than false or undefined, and answers that. @throws Error after `withinMs` */
export async function eventually<T>(
  holds: () => T | Promise<T>,
  what: string,
  withinMs = 30_000,
): Promise<Exclude<T, false | undefined>> {
  const giveUpAt = Date.now() + withinMs;
  for (;;) {
    const answer = await holds();
    if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>;
    if (Date.now() > giveUpAt) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(50);
  }
}

function mentions(pid: string, directory: string): boolean {
  return (
    read(`/proc/${pid}/cmdline`).includes(directory) ||
    read(`/proc/${pid}/environ`).includes(directory) ||
    workingDirectory(pid).startsWith(directory)
  );
}

/** Empty when the process is gone meanwhile, or a zombie. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function workingDirectory(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
