#!/usr/bin/env node
// The bin stays in the repository so that npm can link it before the first build.
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (!existsSync(main)) {
  process.stderr.write('edge-run is not built yet. Run: npm run build\n');
  process.exit(2);
}
await import(main.href);
