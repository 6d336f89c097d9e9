import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createSshFleet, type SshFleet, sshTarget } from '@edge-run/master/ssh';
import { errorMessage, silentLogger } from '@edge-run/shared/kernel';
import { OwnFleet } from '../test/support/own-fleet.ts';
import { startSlowLine } from '../test/support/slow-line.ts';
import { noPrivateEtcReason, type RunningSshd, startSshd } from '../test/support/sshd.ts';
import { bounded, compared, type Metric, plain, quantile, report } from './report.ts';
import { type BenchHosts, findPeers, timed, writeSshConfig } from './ssh-peers.ts';

/*
 * `true` on hosts that have only sshd: on one host, warm, against OpenSSH with a ControlMaster; on ten hosts through a
 * running master, warm, against whatever of clush, pdsh, ansible and fabric is installed, over connections they keep; on
 * 200 hosts from nothing. Then a state run of 100 files that are as they should be, the answers it waits for over a line
 * of 50 ms, on a host nobody has connected to and again, and the memory of an idle connection. All against the same sshd on addresses of the loopback, in one run.
 */

const ROUNDS = 40;
const PEER_ROUNDS = 3;
const WARM_UP = 3;
const HOSTS = 10;
const MANY_HOSTS = 200;
/** sshd listens on sixteen at most, and one is the test's own. */
const ADDRESSES_OF_A_SERVER = 15;
const HANDSHAKES_AT_ONCE = 50;
const FILES = 100;
const DELAY_MS = 50;
/** Answers that a state run of so many files may wait for, from the connection on. */
const MAX_TRIPS = FILES + 6;
const MEBIBYTE = 1024 * 1024;

/** A login without start-up files: what they cost is no news. */
const PLAIN_USER = `
mkdir $EDGE_OVERLAY/home; chmod 711 $EDGE_OVERLAY
useradd -M -d $EDGE_OVERLAY/home -s /bin/sh edge-bench; chown edge-bench $EDGE_OVERLAY/home
echo edge-bench:edge-bench | chpasswd`;

async function measure(rounds: number, work: () => Promise<unknown>): Promise<number> {
  const samples: number[] = [];
  for (let round = 0; round < WARM_UP + rounds; round += 1) {
    const from = performance.now();
    await work();
    if (round >= WARM_UP) samples.push(performance.now() - from);
  }
  return quantile(samples, 0.5);
}

/**
 * Servers that stand for many hosts: each listens on addresses of its own, and takes as many handshakes as that many
 * servers would. What other programs are compared on are the addresses of the first.
 */
async function startHosts(directory: string): Promise<Servers> {
  const isPrivate = noPrivateEtcReason() === undefined;
  const started: RunningSshd[] = [];
  const places: { readonly address: string; readonly port: number }[] = [];
  const known: string[] = [];
  for (let first = 0; first < MANY_HOSTS; first += ADDRESSES_OF_A_SERVER) {
    const count = Math.min(ADDRESSES_OF_A_SERVER, MANY_HOSTS - first);
    const addresses = Array.from(
      { length: count },
      (_, index) => `127.1.${first / ADDRESSES_OF_A_SERVER}.${index + 1}`,
    );
    const sshd = await startSshd({
      config: ['MaxStartups 200', ...addresses.map((address) => `ListenAddress ${address}`)],
      ...(isPrivate ? { privateEtc: PLAIN_USER } : {}),
    });
    started.push(sshd);
    const [, type, key] = (await readFile(sshd.knownHostsFile, 'utf8')).trim().split(' ');
    for (const address of addresses) {
      places.push({ address, port: sshd.port });
      known.push(`[${address}]:${sshd.port} ${type} ${key}\n`);
    }
  }
  const knownHostsFile = join(directory, 'known_hosts');
  await writeFile(knownHostsFile, known.join(''));
  const { port, keyFile, user } = started[0]!;
  // One key opens them all.
  for (const { directory: other } of started)
    await writeFile(join(other, 'authorized_keys'), await readFile(`${keyFile}.pub`));
  const addresses = places.slice(0, HOSTS).map(({ address }) => address);
  return {
    places,
    hosts: { directory, addresses, port, user: isPrivate ? 'edge-bench' : user, keyFile, knownHostsFile },
    stop: async () => {
      for (const sshd of started) await sshd.stop();
    },
  };
}

interface Servers {
  /** Every host. */
  readonly places: readonly { readonly address: string; readonly port: number }[];
  /** The first ten. */
  readonly hosts: BenchHosts;
  stop(): Promise<void>;
}

function fleetOf({ hosts, places }: Servers, count: number, onRetry: () => void = () => {}): SshFleet {
  const { user, keyFile, knownHostsFile } = hosts;
  const roster = places
    .slice(0, count)
    .map(({ address, port }, index) =>
      sshTarget({ id: `host${index}`, host: address, port, user, keyFiles: [keyFile] }),
    );
  const log = { ...silentLogger, debug: (text: string) => void (text.includes('handshake dropped') && onRetry()) };
  return createSshFleet({ roster, hostKeys: { files: [knownHostsFile] }, maxHandshakes: HANDSHAKES_AT_ONCE, log });
}

async function oneHost(servers: Servers): Promise<readonly Metric[]> {
  const { hosts } = servers;
  const config = writeSshConfig(hosts);
  const address = hosts.addresses[0]!;
  const ssh = (): Promise<number> => timed('ssh', ['-F', config, address, 'true']);
  const fleet = fleetOf(servers, 1);
  try {
    const host = await fleet.host('host0');
    const eight = (work: () => Promise<unknown>) => () => Promise.all(Array.from({ length: 8 }, work));
    const control = plain('one host, OpenSSH ControlMaster', await measure(ROUNDS, ssh), 'ms');
    const framed = await measure(ROUNDS * 3, () => host.exec(['true']));
    const look = await measure(ROUNDS * 3, () => host.stat('/etc/passwd'));
    const controlled = plain('one host, 8 at once, ControlMaster', (await measure(ROUNDS / 4, eight(ssh))) / 8, 'ms');
    const shared =
      (await measure(
        ROUNDS,
        eight(() => host.exec(['true'])),
      )) / 8;
    return [
      control,
      compared('one host, a command', framed, 'ms', control, 1 / 3),
      compared('one host, a look at a file', look, 'ms', control, null),
      controlled,
      compared('one host, 8 at once, each', shared, 'ms', controlled, 1 / 3),
    ];
  } finally {
    await timed('ssh', ['-F', config, '-O', 'exit', address]).catch(() => undefined);
    await fleet.close();
  }
}

/** What the way through the master is to be to another program: the others are shown beside them. */
const GOALS: Readonly<Record<string, number>> = { clush: 1, 'ansible raw': 1 / 5 };

async function tenHosts(hosts: BenchHosts): Promise<readonly Metric[]> {
  const { peers, missing } = findPeers(hosts);
  for (const name of missing) process.stderr.write(`${name} is not installed: left out\n`);
  const { addresses, port, user, keyFile, knownHostsFile } = hosts;
  const entries = addresses.map((host, index) => [`host${index}`, { host, port, user, priv: keyFile }]);
  const master = await OwnFleet.start({
    config: `roster: roster.yaml\nssh: {known_hosts: ${knownHostsFile}}`,
    files: { 'roster.yaml': JSON.stringify(Object.fromEntries(entries)) },
  });
  try {
    const everywhere = async (): Promise<void> => {
      const answers = Object.values(await master.exec('*', 'cmd.run', ['true']));
      if (answers.length !== HOSTS || answers.some(({ success }) => !success)) throw new Error(JSON.stringify(answers));
    };
    const ours = await measure(ROUNDS, everywhere);
    const metrics: Metric[] = [];
    for (const { name, run } of peers) {
      const samples: number[] = [];
      try {
        await run();
        for (let round = 0; round < PEER_ROUNDS; round += 1) samples.push(await run());
      } catch (error) {
        process.stderr.write(`${name} is left out: ${errorMessage(error)}\n`);
        continue;
      }
      const theirs = plain(`${HOSTS} hosts, warm, ${name}`, quantile(samples, 0.5), 'ms');
      const goal = GOALS[name] ?? null;
      metrics.push(theirs, compared(`${HOSTS} hosts, warm, through the master`, ours, 'ms', theirs, goal));
    }
    return metrics.length > 0 ? metrics : [plain(`${HOSTS} hosts, warm, through the master`, ours, 'ms')];
  } finally {
    await master.stop();
  }
}

async function manyHosts(servers: Servers): Promise<readonly Metric[]> {
  const collect = garbageCollector();
  let retries = 0;
  const cold = async (count: number): Promise<{ ms: number; bytes: number }> => {
    const fleet = fleetOf(servers, count, () => {
      retries += 1;
    });
    collect();
    const before = process.memoryUsage.rss();
    const from = performance.now();
    await Promise.all(fleet.ids().map(async (id) => (await fleet.host(id)).exec(['true'])));
    const ms = performance.now() - from;
    collect();
    const bytes = process.memoryUsage.rss() - before;
    await fleet.close();
    return { ms, bytes };
  };
  await cold(HOSTS);
  const some = await cold(MANY_HOSTS / 4);
  const many = await cold(MANY_HOSTS);
  const each = plain(`${MANY_HOSTS / 4} hosts from nothing, each`, some.ms / (MANY_HOSTS / 4), 'ms');
  return [
    each,
    compared(`${MANY_HOSTS} hosts from nothing, each`, many.ms / MANY_HOSTS, 'ms', each, 1.3),
    plain(`${MANY_HOSTS} hosts from nothing`, many.ms, 'ms'),
    bounded(`handshakes that failed`, retries, '', 0),
    bounded('memory of an idle connection', many.bytes / MANY_HOSTS / MEBIBYTE, 'MiB', 1),
  ];
}

async function states(hosts: BenchHosts): Promise<readonly Metric[]> {
  const line = await startSlowLine(hosts.port);
  const dir = join(hosts.directory, 'files');
  await mkdir(dir);
  await chmod(dir, 0o777);
  const file = (index: number): string =>
    `${dir}/${index}:\n  file.managed:\n    - contents: content of file ${index}\n    - mode: '0644'\n`;
  const { port, user, keyFile, addresses } = hosts;
  const direct = { host: addresses[0], port, user, priv: keyFile, grains: { home: dir } };
  const master = await OwnFleet.start({
    config: `roster: roster.yaml\nssh: {host_keys: accept-new, known_hosts: ${hosts.directory}/known_states}`,
    files: {
      'roster.yaml': JSON.stringify({ near: direct, far: { ...direct, host: line.host, port: line.port } }),
      'states/files.sls': Array.from({ length: FILES }, (_, index) => file(index)).join(''),
    },
  });
  try {
    const apply = (id: string) => async (): Promise<void> => {
      const states = Object.values(
        (await master.run(id, 'state.apply', ['files'])) as Record<string, { result: unknown }>,
      );
      if (states.length !== FILES || states.some(({ result }) => result !== true))
        throw new Error(JSON.stringify(states));
    };
    await apply('near')();
    const near = await measure(5, apply('near'));
    line.setDelayMs(DELAY_MS);
    const overLine = async (): Promise<{ readonly trips: number; readonly ms: number }> => {
      const before = line.roundTrips();
      const from = performance.now();
      await apply('far')();
      return { trips: line.roundTrips() - before, ms: performance.now() - from };
    };
    // Nobody has been there before: the line's end is another host to the master, with the same files.
    const unknown = await overLine();
    const warm = await overLine();
    return [
      bounded(`${FILES} unchanged files`, near, 'ms', 2_000),
      bounded(`${FILES} unchanged files, new host, round trips`, unknown.trips, '', MAX_TRIPS),
      plain(`${FILES} unchanged files, new host, ${DELAY_MS} ms away`, unknown.ms, 'ms'),
      bounded(`${FILES} unchanged files, warm, round trips`, warm.trips, '', MAX_TRIPS),
      plain(`${FILES} unchanged files, warm, ${DELAY_MS} ms away`, warm.ms, 'ms'),
    ];
  } finally {
    await master.stop();
    await line.close();
  }
}

/** `npm run bench -- ssh one ten` measures only these. */
const PARTS: Readonly<Record<string, (servers: Servers) => Promise<readonly Metric[]>>> = {
  one: oneHost,
  ten: ({ hosts }) => tenHosts(hosts),
  many: manyHosts,
  states: ({ hosts }) => states(hosts),
};

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

const directory = await mkdtemp(join(tmpdir(), 'edge-bench-'));
// The files of the state run are made there by the login user.
await chmod(directory, 0o711);
const servers = await startHosts(directory);
try {
  const argv = process.argv.slice(2);
  const parts = Object.keys(PARTS).filter((part) => argv.includes(part));
  const metrics: Metric[] = [];
  for (const part of parts.length > 0 ? parts : Object.keys(PARTS)) metrics.push(...(await PARTS[part]!(servers)));
  report('ssh', metrics, argv);
} finally {
  await servers.stop();
  await rm(directory, { recursive: true, force: true });
}
