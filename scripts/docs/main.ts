import { createCatalog } from '@edge-run/shared/execute';
import { collectDeclarations } from './declarations.ts';
import { differences, writePages } from './files.ts';
import { createPages } from './pages.ts';

const [root = '.', ...words] = process.argv.slice(2);
const pages = createPages(await collectDeclarations(createCatalog()));
const stale = differences(root, pages);
if (words.includes('--check')) {
  for (const line of stale) process.stdout.write(`${line}\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  writePages(root, pages);
  process.stdout.write(`${pages.size} pages, ${stale.length} changed\n`);
}
