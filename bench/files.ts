import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MinionPorts } from '@edge-run/minion/agent';
import { type FileEntry, LocalRoots, readFiles, rootsOf } from '@edge-run/shared/files';
import { testExecutor } from '../test/support/executor.ts';
import { startFleet, type TestFleet } from '../test/support/fleet.ts';
import { type Metric, plain, report } from './report.ts';

/*
 * How fast a file of 50 MB comes to one minion (real agent, real gateway, digests checked, kept on disk), beside bare
 * NATS request-reply in chunks of the same size, as many in flight, in the same run. And what a job costs whose files are
 * there already, and a tree of a thousand small files.
 */

const SIZE_BYTES = 50 * 1024 * 1024;
const CHUNK_BYTES = 512 * 1024;
const IN_FLIGHT = 4;
const ROUNDS = 5;
const SMALL_FILES = 1_000;

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function middle(samples: readonly number[]): number {
  return [...samples].sort((a, b) => a - b)[Math.floor(samples.length / 2)]!;
}

const megabytesPerSecond = (ms: number): number => SIZE_BYTES / 1e6 / (ms / 1000);

/** Chunks over two bare connections, nothing parsed, checked or kept. */
async function bare(fleet: TestFleet): Promise<number> {
  const [server, asker] = [await fleet.connectMaster('bare-server'), await fleet.connectMaster('bare-asker')];
  const piece = randomBytes(CHUNK_BYTES);
  server.connection.subscribe('bare.chunk', { callback: (_, message) => void message.respond(piece) });
  await server.flush();
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    let left = SIZE_BYTES / CHUNK_BYTES;
    const worker = async (): Promise<void> => {
      for (; left > 0; ) {
        left -= 1;
        await asker.connection.request('bare.chunk', 'x', { timeout: 10_000 });
      }
    };
    samples.push(
      await timed(async () => {
        await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
      }),
    );
  }
  await Promise.all([server.close(), asker.close()]);
  return middle(samples);
}

const root = await mkdtemp(join(tmpdir(), 'edge-bench-files-'));
const fleet = await startFleet({ files: new LocalRoots(rootsOf({ base: [root] })) });
try {
  await fleet.startMaster();
  let files: MinionPorts['files'] | undefined;
  await fleet.startMinion('web1', {
    executor: (ports) => {
      files = ports.files;
      return testExecutor();
    },
  });
  const fetchLarge = async (): Promise<void> => {
    const content = await (await files!.open('salt://large', 'base'))!.read();
    if (content.length !== SIZE_BYTES) throw new Error(`${content.length} bytes came`);
  };
  const fetchSmall = async (): Promise<void> => {
    const entries: FileEntry[] = [];
    for await (const entry of files!.list('small-', 'base')) entries.push(entry);
    let count = 0;
    for await (const { content } of readFiles(files!, entries, 'base')) count += content.length > 0 ? 1 : 0;
    if (count !== SMALL_FILES) throw new Error(`${count} files came`);
  };
  const cold: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await writeFile(join(root, 'large'), randomBytes(SIZE_BYTES));
    cold.push(await timed(fetchLarge));
  }
  const warm = await timed(fetchLarge);
  for (let n = 0; n < SMALL_FILES; n += 1) await writeFile(join(root, `small-${n}`), randomBytes(400));
  const bundle = await timed(fetchSmall);
  const again = await timed(fetchSmall);
  const raw = plain('bare chunked request-reply', megabytesPerSecond(await bare(fleet)), 'MB/s');
  const rate = megabytesPerSecond(middle(cold));
  const metrics: readonly Metric[] = [
    raw,
    { ...plain('50 MB file to one minion', rate, 'MB/s'), against: raw.name, ratio: rate / raw.value },
    { ...plain('50 MB file, whole', middle(cold), 'ms'), goal: 3_000, met: middle(cold) <= 3_000 },
    plain('50 MB file that is there', warm, 'ms'),
    plain('1,000 files of 400 bytes', bundle, 'ms'),
    plain('1,000 files that are there', again, 'ms'),
  ];
  report('files', metrics, process.argv.slice(2));
} finally {
  await fleet.stop();
  await rm(root, { recursive: true, force: true });
}
