/** Builds what changed, then runs the conformance cases: `npm run conformance -- GROUP DIR`. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const build = spawnSync('npx', ['tsc', '-b'], { cwd: root, stdio: ['ignore', 2, 2] });
if (build.status !== 0) process.exit(2);
const run = spawnSync(
  process.execPath,
  [fileURLToPath(new URL('../.build/test/test/conformance/main.js', import.meta.url)), ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
process.exit(run.status ?? 1);
