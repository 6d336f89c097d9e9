/** Brings in what is missing, builds what changed, then runs the conformance cases: `npm run conformance -- GROUP DIR`. */
import { spawnSync } from 'node:child_process';
import { prepareBuild, ROOT } from './setup/prepare.js';

prepareBuild();
const run = spawnSync(process.execPath, [`${ROOT}/.build/test/test/conformance/main.js`, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exit(run.status ?? 1);
