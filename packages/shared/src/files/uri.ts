import { EdgeError } from '../kernel/index.ts';

/** A file's place: path below the roots and environment. */
export interface FilePlace {
  readonly path: string;
  readonly env: string;
}

/**
 * Reads `salt://path`, `edge://path` or a bare path; `?saltenv=x` wins over `env`. `.` and `..` are worked out.
 *
 * @throws EdgeError `EDGE_FILES_OUTSIDE_ROOT` when `..` leads above the root
 */
export function parseFileUri(uri: string, env: string): FilePlace {
  const bare = uri.replace(/^(?:salt|edge):\/\//, '');
  const query = /^(.*?)\?saltenv=([^&]+)$/s.exec(bare);
  const path = normalizePath(query?.[1] ?? bare);
  if (path === undefined) {
    throw new EdgeError('EDGE_FILES_OUTSIDE_ROOT', `${uri} leads out of its file root`, { uri, env });
  }
  return { path, env: query?.[2] ?? env };
}

/** The path without `.`, `..`, empty parts and leading slashes; undefined where `..` leads above the start. */
export function normalizePath(path: string): string | undefined {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join('/');
}

/** Orders paths by UTF-16 units, the same everywhere. */
export function comparePaths(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The path below a mount point, or undefined when it is elsewhere. An empty mount holds everything. */
export function belowMount(path: string, mount: string): string | undefined {
  if (mount === '') return path;
  return path.startsWith(`${mount}/`) ? path.slice(mount.length + 1) : undefined;
}
