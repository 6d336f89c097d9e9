import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalRootsByEnv } from '@edge-run/shared/files';

/** The author's files as text, and where on this machine they are. */
export class Sources {
  readonly #lines = new Map<string, readonly string[]>();
  readonly #found = new Map<string, string | undefined>();
  readonly #states: LocalRootsByEnv;

  constructor(states: LocalRootsByEnv) {
    this.#states = states;
  }

  /** Lines of a file of this machine; none where it cannot be read. */
  lines(file: string): readonly string[] {
    const known = this.#lines.get(file);
    if (known !== undefined) return known;
    const lines = readLines(file);
    this.#lines.set(file, lines);
    return lines;
  }

  /** Lines of a file among the states, as diagnostics name it. */
  stateLines(path: string): readonly string[] {
    const key = `states\0${path}`;
    if (!this.#found.has(key)) this.#found.set(key, locate(path, this.#states));
    const file = this.#found.get(key);
    return file === undefined ? [] : this.lines(file);
  }
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    // What cannot be read is reported by whoever renders it.
    return [];
  }
}

/** Where a path below the roots is on this machine; undefined when no root has it. */
export function locate(path: string, roots: LocalRootsByEnv): string | undefined {
  for (const { directory, mount } of Object.values(roots).flat()) {
    const below = mount === undefined ? path : path.startsWith(`${mount}/`) ? path.slice(mount.length + 1) : undefined;
    if (below === undefined) continue;
    const file = join(directory, below);
    if (existsSync(file)) return file;
  }
  return undefined;
}
