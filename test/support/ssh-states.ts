import { createSshFleet, sshTarget } from '@edge-run/master/ssh';
import { createCatalog } from '@edge-run/shared/execute';
import { toPlain } from '@edge-run/shared/values';
import { moduleContext, runState } from './module-context.ts';

/*
 * States run over SSH, by a process that can be put into the network of test hosts:
 * `node .build/test/test/support/ssh-states.js ADDRESS KEYFILE KNOWNHOSTS '[["cron.present", {"name": …}], …]'`
 * prints how each of them ended, as JSON.
 */

const [address, keyFile, knownHosts, states] = process.argv.slice(2) as [string, string, string, string];
const target = sshTarget({ id: 'ssh', host: address, port: 22, user: 'root', keyFiles: [keyFile] });
const fleet = createSshFleet({ roster: [target], hostKeys: { files: [knownHosts] } });
try {
  const ctx = moduleContext(await fleet.host('ssh'));
  const catalog = createCatalog();
  const ends: object[] = [];
  for (const [name, args] of JSON.parse(states) as [string, object][]) {
    const { result, changes, comment } = await runState(catalog.states.get(name)!, ctx, { ...args });
    ends.push({ result, changes: toPlain(changes), comment });
  }
  process.stdout.write(JSON.stringify(ends));
} finally {
  await fleet.close();
}
