#!/usr/bin/env node
// The bin stays in the repository so that npm can link it before the first build.
import { newestBuild } from '../../shared/bin/newest-build.js';

const main = newestBuild(import.meta.url);
if (main === undefined) {
  process.stderr.write('edge-minion is not built yet. Run: npm run build\n');
  process.exit(2);
}
await import(main);
