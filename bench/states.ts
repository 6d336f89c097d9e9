import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../test/conformance/runner.ts';
import { compared, type Metric, plain, report } from './report.ts';

/*
 * How long `edge-minion call state.apply` takes with many ids, process start included, and what one state costs: the
 * time beyond that of `test.ping`. The cost of a state must not grow with their number, nor with a chain of requisites.
 */

const run = promisify(execFile);
const BIN = join(repositoryRoot(), 'packages/minion/bin/edge-minion.js');
const ROUNDS = 3;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

function nops(count: number): string {
  return Array.from({ length: count }, (_, index) => `id${index}:\n  test.nop: []\n`).join('');
}

/** Every id requires the one before; the last stands first, so that the order is not the file's. */
function chain(count: number): string {
  return Array.from({ length: count }, (_, index) => {
    const id = count - 1 - index;
    const requires = id === 0 ? '[]' : `[{require: [{test: id${id - 1}}]}]`;
    return `id${id}:\n  test.nop: ${requires}\n`;
  }).join('');
}

/** Milliseconds of a whole process: the best of a few, because other work on the machine only ever adds. */
async function measure(root: string, words: readonly string[], states?: number): Promise<number> {
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const from = performance.now();
    const { stdout } = await run(process.execPath, [BIN, 'call', '--file-root', root, ...words], {
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    samples.push(performance.now() - from);
    if (states !== undefined && !stdout.includes(`unchanged: ${states}\n`)) throw new Error(stdout.slice(0, 1_000));
  }
  return Math.min(...samples);
}

const root = await mkdtemp(join(tmpdir(), 'edge-bench-states-'));
try {
  const ping = plain('test.ping, process start included', await measure(root, ['test.ping']), 'ms');
  const metrics: Metric[] = [ping];
  const perState = async (name: string, count: number, sls: string): Promise<number> => {
    await writeFile(join(root, `${name}.sls`), sls);
    const total = await measure(root, ['state.apply', name], count);
    metrics.push(plain(`${name}: ${count} ids in all`, total, 'ms'));
    return ((total - ping.value) / count) * 1_000;
  };
  const cost = (count: number): string => `per state of ${count}`;
  const few = plain(cost(100), await perState('few', 100, nops(100)), 'us');
  const some = plain(cost(1_000), await perState('some', 1_000, nops(1_000)), 'us');
  const two = plain(cost(2_000), await perState('two-thousand', 2_000, nops(2_000)), 'us');
  const many = await perState('many', 10_000, nops(10_000));
  const long = plain(cost(5_000), await perState('five-thousand', 5_000, nops(5_000)), 'us');
  const chained = await perState('chain', 5_000, chain(5_000));
  metrics.push(few, some, two, compared(cost(10_000), many, 'us', some, 2), long);
  metrics.push(compared('per state of a chain of 5000', chained, 'us', long, 2));
  report('states', metrics, process.argv.slice(2));
} finally {
  await rm(root, { recursive: true, force: true });
}
