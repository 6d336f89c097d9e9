/** `npm start`: sets everything up, starts the embedded stack, deploys the prod environment and shows it live. */
import { spawnSync } from 'node:child_process';
import { buildRepository } from '../example/shop/build-repository.js';
import { prepare, ROOT } from './setup/prepare.js';

prepare();
buildRepository(`${ROOT}/.build/repositories/shop.git`);
edgeRun('up');
edgeRun('orch', 'deploy-environment', 'pillarenv=prod');

function edgeRun(...words) {
  process.stderr.write(`\n$ npx edge-run ${words.join(' ')}\n`);
  const { status } = spawnSync(process.execPath, [`${ROOT}/packages/cli/bin/edge-run.js`, ...words], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
}
