import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSshFleet, sshTarget } from '@edge-run/master/ssh';
import { type RunningSshd, startSshd } from '../test/support/sshd.ts';
import { compared, type Metric, plain, quantile, report } from './report.ts';

/*
 * How long `true` takes on a host that is connected: in a long-lived shell, on a channel of its own, and with OpenSSH
 * over a ControlMaster, all against the same sshd in the same run; then on ten hosts at once, cold and warm.
 */

const ROUNDS = 100;
const WARM_UP = 5;
const HOSTS = 10;

async function measure(rounds: number, work: () => Promise<unknown>): Promise<number> {
  const samples: number[] = [];
  for (let round = 0; round < WARM_UP + rounds; round += 1) {
    const from = performance.now();
    await work();
    if (round >= WARM_UP) samples.push(performance.now() - from);
  }
  return quantile(samples, 0.5);
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
}

function sshArguments(sshd: RunningSshd, socket: string): readonly string[] {
  const options = [
    'BatchMode=yes',
    `UserKnownHostsFile=${sshd.knownHostsFile}`,
    `ControlPath=${socket}`,
    'ControlMaster=auto',
    'ControlPersist=60',
  ];
  const flags = options.flatMap((option) => ['-o', option]);
  return ['-F', 'none', '-i', sshd.keyFile, '-p', String(sshd.port), ...flags, `${sshd.user}@${sshd.host}`];
}

async function compareWays(sshd: RunningSshd, directory: string): Promise<readonly Metric[]> {
  const { host, port, user, keyFile, knownHostsFile } = sshd;
  const roster = Array.from({ length: HOSTS }, (_, index) =>
    sshTarget({ id: `host${index}`, host, port, user, keyFiles: [keyFile] }),
  );
  const fleet = createSshFleet({ roster, hostKeys: { files: [knownHostsFile] } });
  const ssh = sshArguments(sshd, join(directory, 'control'));
  try {
    const one = await fleet.host('host0');
    const control = plain(
      'true, OpenSSH ControlMaster',
      await measure(ROUNDS / 2, () => run('ssh', [...ssh, 'true'])),
      'ms',
    );
    const session = await measure(ROUNDS, () => one.probe(['true']));
    const channel = await measure(ROUNDS / 2, () => one.exec(['true']));
    await fleet.close();
    const everywhere = (): Promise<unknown> =>
      Promise.all(fleet.ids().map(async (id) => (await fleet.host(id)).probe(['true'])));
    const from = performance.now();
    await everywhere();
    const cold = performance.now() - from;
    const warm = await measure(ROUNDS, everywhere);
    return [
      control,
      compared('true, long-lived shell', session, 'ms', control, 0.5),
      compared('true, channel of its own', channel, 'ms', control, null),
      plain(`true, ${HOSTS} hosts, cold`, cold, 'ms'),
      compared(`true, ${HOSTS} hosts, warm`, warm, 'ms', control, null),
    ];
  } finally {
    await run('ssh', ['-O', 'exit', ...ssh]).catch(() => undefined);
    await fleet.close();
  }
}

const directory = await mkdtemp(join(tmpdir(), 'edge-bench-'));
const sshd = await startSshd();
try {
  report('ssh', await compareWays(sshd, directory), process.argv.slice(2));
} finally {
  await sshd.stop();
  await rm(directory, { recursive: true, force: true });
}
