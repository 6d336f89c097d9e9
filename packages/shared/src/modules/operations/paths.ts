import { dirname } from 'node:path/posix';
import { type FileStat, type FoundPath, type Host, type HostReader, LINK_END } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { formatMode } from '../text/index.ts';
import { mustRun } from './run.ts';

/** Owner and permissions a path is to have; undefined leaves them alone. */
export interface Ownership {
  readonly mode?: number | undefined;
  readonly user?: string | undefined;
  readonly group?: string | undefined;
}

/** What of `wanted` differs from what is there, in Salt's words for the `changes` return. */
export function ownershipDrift(found: FileStat, wanted: Ownership): { mode?: string; user?: string; group?: string } {
  const drift: { mode?: string; user?: string; group?: string } = {};
  // The kernel gives links no permissions of their own.
  if (wanted.mode !== undefined && found.kind !== 'symlink' && found.mode !== wanted.mode)
    drift.mode = formatMode(wanted.mode);
  if (wanted.user !== undefined && wanted.user !== found.user && wanted.user !== String(found.uid))
    drift.user = wanted.user;
  if (wanted.group !== undefined && wanted.group !== found.group && wanted.group !== String(found.gid))
    drift.group = wanted.group;
  return drift;
}

/** Gives a path its owner and permissions. Symlinks are changed themselves, never what they point to. */
export async function applyOwnership(host: Host, path: string, { mode, user, group }: Ownership): Promise<void> {
  const isLink = (await host.stat(path))?.kind === 'symlink';
  // The owner first: changing it clears the set-user-id bits.
  if (user !== undefined || group !== undefined)
    await mustRun(host, ['chown', '-h', `${user ?? ''}${group === undefined ? '' : `:${group}`}`, '--', path]);
  if (mode !== undefined && !isLink) await mustRun(host, ['chmod', formatMode(mode), '--', path]);
}

/** Makes a directory with the parents it lacks; those that are made get `ownership`. */
export async function makeDirectories(host: Host, path: string, ownership: Ownership = {}): Promise<void> {
  const missing: string[] = [];
  for (let at = path; (await host.stat(at)) === undefined && at !== dirname(at); at = dirname(at)) missing.unshift(at);
  if (missing.length === 0) return;
  await mustRun(host, ['mkdir', '-p', '--', path]);
  for (const made of missing) await applyOwnership(host, made, ownership);
}

/** The path with its symlinks followed as far as they lead; the path itself when it is none or leads nowhere. */
export async function followLinks(host: HostReader, path: string): Promise<string> {
  return (await host.stat(path))?.kind === 'symlink' ? await realPath(host, path) : path;
}

/** The path without symlinks, those of its parents too; the path itself where it leads nowhere. */
export async function realPath(host: HostReader, path: string): Promise<string> {
  const { exitCode, stdout } = await host.probe(['sh', '-c', `${LINK_END}\nedge_link_end "$1"`, 'sh', path]);
  return exitCode === 0 && stdout !== '' ? stdout.replace(/\n$/, '') : path;
}

/** What is at a path, or at the end of its symlinks; `readFound` has its content. One round trip where the host can. */
export async function lookAt(
  host: HostReader,
  path: string,
  { followLinks: follow }: { readonly followLinks: boolean },
): Promise<FoundPath> {
  if (host.look !== undefined) return await host.look(path, { followLinks: follow });
  const own = await host.stat(path);
  if (!follow || own?.kind !== 'symlink') return { path, stat: own };
  const end = await followLinks(host, path);
  return { path: end, stat: end === path ? own : await host.stat(end) };
}

/** The content of what `lookAt` found. @throws EdgeError when it is no file, or may not be read */
export async function readFound(host: HostReader, { path, content }: FoundPath): Promise<Uint8Array> {
  return content ?? (await host.readFile(path));
}

/** True when the path leads to a directory, through symlinks too. */
export async function isDirectory(host: HostReader, path: string): Promise<boolean> {
  return (await host.probe(['test', '-d', path])).exitCode === 0;
}

/** Content of a file; undefined when it does not exist. */
export async function readIfPresent(host: HostReader, path: string): Promise<Uint8Array | undefined> {
  try {
    return await host.readFile(path);
  } catch (error) {
    if (error instanceof EdgeError && error.code === 'EDGE_FILE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Text of a file. @throws EdgeError `EDGE_FILE_NOT_FOUND`, `EDGE_BAD_ARGUMENT` when it is not UTF-8. */
export async function readText(host: HostReader, path: string): Promise<string> {
  return asText(host, path, await host.readFile(path));
}

/** The content of a file as text. @throws EdgeError `EDGE_BAD_ARGUMENT` when it is not UTF-8. */
export function asText(host: HostReader, path: string, content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (cause) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${path} on ${host.id} is not UTF-8 text`,
      { path },
      {
        hint: 'Only text files can be edited by line.',
        cause,
      },
    );
  }
}

/** Replaces a file's text and keeps its owner and permissions; a new file gets 0644. Follows symlinks. */
export async function writeText(host: Host, path: string, text: string): Promise<void> {
  await writeBytes(host, path, new Uint8Array(Buffer.from(text)));
}

/** Replaces a file's content, as `writeText` does. */
export async function writeBytes(host: Host, path: string, content: Uint8Array): Promise<void> {
  const target = await followLinks(host, path);
  const found = await host.stat(target);
  await host.writeFile(target, content, {
    mode: found?.mode ?? 0o644,
    ...(found === undefined ? {} : { owner: String(found.uid), group: String(found.gid) }),
  });
}

/** Every path below a directory with what it is, parents before children, symlinks not followed. */
export async function* walk(host: HostReader, dir: string): AsyncIterable<{ path: string; found: FileStat }> {
  for (const entry of await host.list(dir)) {
    const path = `${dir.replace(/\/$/, '')}/${entry.name}`;
    const found = await host.stat(path);
    if (found === undefined) continue;
    yield { path, found };
    if (found.kind === 'directory') yield* walk(host, path);
  }
}

/** @throws EdgeError `EDGE_BAD_ARGUMENT` for a path that depends on where the agent happens to stand. */
export function requireAbsolute(path: string): void {
  if (!path.startsWith('/'))
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${path} is not an absolute path`,
      { path },
      {
        hint: 'Write the path from / on.',
      },
    );
}
