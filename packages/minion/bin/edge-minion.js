#!/usr/bin/env node
// The bin stays in the repository so that npm can link it before the first build.
import { newestBuild } from '../../shared/bin/newest-build.js';
import { expectShortLife } from '../../shared/bin/short-life.js';
import { expectIdleness } from '../../shared/bin/small-heap.js';

const main = newestBuild(import.meta.url);
if (main === undefined) {
  process.stderr.write('edge-minion is not built yet. Run: npm run build\n');
  process.exit(2);
}
if (process.argv[2] === 'call') expectShortLife();
if (process.argv[2] === 'run') expectIdleness();
await import(main);
