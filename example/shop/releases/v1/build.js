// Turns the price list into the page the server sends, and records what was built.
import { mkdirSync, writeFileSync } from 'node:fs';
import { formatPrice, prices } from '@shop/prices';

const revision = process.argv.find((word) => word.startsWith('--revision='))?.slice('--revision='.length);
if (!revision) {
  console.error('usage: npm run build -- --revision=REVISION');
  process.exit(2);
}
const rows = Object.entries(prices).map(([article, cents]) => `<li>${article}: ${formatPrice(cents)}</li>`);
mkdirSync('dist', { recursive: true });
writeFileSync('dist/index.html', `<!doctype html>\n<title>Shop ${revision}</title>\n<ul>\n${rows.join('\n')}\n</ul>\n`);
writeFileSync('dist/build.json', `${JSON.stringify({ revision, articles: rows.length })}\n`);
console.log(`built ${revision}: ${rows.length} articles`);
