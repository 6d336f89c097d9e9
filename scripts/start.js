/** `npm start`: sets everything up, starts the embedded stack, deploys the prod environment and shows it live. */
import { spawnSync } from 'node:child_process';
import { buildRepository } from '../example/shop/build-repository.js';
import { prepare, ROOT } from './setup/prepare.js';

prepare();
buildRepository(`${ROOT}/.build/repositories/shop.git`);
edgeRun('up');
edgeRun('orch', 'deploy-environment', 'pillarenv=prod');
process.stderr.write(`
The shop is served at http://127.0.10.10:8000/ by four servers behind HAProxy. Go on with:
  npx edge-run orch deploy-environment pillarenv=prod pillar='{"shop": {"revision": "v3"}}'   a new release, nobody cut off
  npx edge-run '*' test.ping                                                                  ask every host
  npx edge-run orch ls                                                                        what has run
  npx edge-run down                                                                           end it all
`);

function edgeRun(...words) {
  process.stderr.write(`\n$ npx edge-run ${words.join(' ')}\n`);
  const command = [`${ROOT}/packages/cli/bin/edge-run.js`, ...words];
  const { status } = spawnSync(process.execPath, command, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
}
