import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The nearest `edge.yaml` from a folder upwards, not beyond the repository the folder is in. */
export function nearestProjectFile(cwd: string): string | undefined {
  for (let dir = cwd; ; dir = dirname(dir)) {
    const file = join(dir, 'edge.yaml');
    if (existsSync(file)) return file;
    if (existsSync(join(dir, '.git')) || dirname(dir) === dir) return undefined;
  }
}
