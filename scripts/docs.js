/** `npm run docs`: builds, then writes docs/reference and docs/errors.md. With `--check` it only says what is out of date. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const build = spawnSync('npx', ['tsc', '-b'], { cwd: root, stdio: ['ignore', 2, 2] });
if (build.status !== 0) process.exit(2);
const program = `${root}.build/test/scripts/docs/main.js`;
const run = spawnSync(process.execPath, [program, root, ...process.argv.slice(2)], { stdio: 'inherit' });
process.exit(run.status ?? 1);
