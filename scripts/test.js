/** `npm test`: sets everything up, runs the tests and ends with `N passed, M failed`. `--soak` runs the slow ones too. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare, ROOT } from './setup/prepare.js';

const words = process.argv.slice(2);
const soak = words.includes('--soak');
prepare({ forTests: true });

const folder = mkdtempSync(join(tmpdir(), 'edge-test-'));
const report = join(folder, 'report.json');
const projects = ['unit', 'conformance', 'architecture', 'integration', 'end-to-end', ...(soak ? ['soak'] : [])];
const run = spawnSync(
  'npx',
  [
    'vitest',
    'run',
    ...projects.map((project) => `--project=${project}`),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...words.filter((word) => word !== '--soak'),
  ],
  { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, EDGE_SOAK: soak ? '1' : '' } },
);
process.exitCode = summarise();
rmSync(folder, { recursive: true, force: true });

/** Prints the closing line and answers the exit code: a run without a report or without a test has failed. */
function summarise() {
  let counts;
  try {
    counts = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    process.stdout.write('0 passed, 1 failed\n');
    return 1;
  }
  const passed = counts.numPassedTests;
  // A file that could not be loaded fails without a failed test in it.
  const failed = Math.max(counts.numFailedTests, run.status === 0 ? 0 : 1);
  const skipped = counts.numPendingTests + counts.numTodoTests;
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}
