import { parseArgs } from 'node:util';
import { fingerprint } from '@edge-run/shared/bus/identity';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { readMinionConfig } from '../config/index.ts';
import { openIdentity } from '../identity/index.ts';

/**
 * Says who this minion is, for comparing: the fingerprint of its key, which `edge-run keys ls` shows too, whether it was
 * let in, and whose jobs it runs.
 */
export async function printStatus(argv: readonly string[], print: (text: string) => void): Promise<ExitCode> {
  const { values } = parseArgs({
    args: [...argv],
    options: { config: { type: 'string' }, id: { type: 'string' }, 'data-dir': { type: 'string' } },
  });
  const flags = { id: values.id, data_dir: values['data-dir'] };
  const config = await readMinionConfig(values.config, { env: process.env, flags });
  const identity = await openIdentity(config.data_dir);
  const admitted = await identity.readAdmission(config.id);
  const trusted = config.trusted_keys.length > 0 ? config.trusted_keys : ((await identity.pinned()) ?? []);
  const lines: readonly (readonly [string, string])[] = [
    ['id', config.id],
    ['fingerprint', fingerprint(identity.keyPair.publicKey)],
    ['let in', admitted === undefined ? 'no' : 'yes'],
    ['role', admitted?.role ?? config.role ?? '-'],
    ['servers', config.servers.join(', ')],
    ['runs jobs of', trusted.length === 0 ? 'nobody yet' : trusted.map(fingerprint).join(', ')],
    ['data', config.data_dir],
  ];
  print(lines.map(([name, value]) => `${`${name}:`.padEnd(14)}${value}\n`).join(''));
  return EXIT.done;
}
