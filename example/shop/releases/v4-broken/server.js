import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const address = process.env.SHOP_ADDRESS ?? '127.0.0.1';
const port = Number(process.env.SHOP_PORT ?? 8080);
const page = readFileSync('dist/index.html');
const build = JSON.parse(readFileSync('dist/build.json', 'utf8'));

// The currency was to come from the environment; no environment sets it.
function health() {
  if (!process.env.SHOP_CURRENCY) return { status: 'failing', reason: 'SHOP_CURRENCY is not set', ...build };
  return { status: 'ok', server: process.env.SHOP_SERVER, ...build };
}

const server = createServer((request, response) => {
  if (request.url === '/health') {
    const body = health();
    response.writeHead(body.status === 'ok' ? 200 : 503, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(body)}\n`);
  } else if (request.url === '/') {
    response.writeHead(200, { 'content-type': 'text/html', 'x-revision': build.revision });
    response.end(page);
  } else if (request.url === '/revision') {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.end(`${build.revision}\n`);
  } else {
    response.writeHead(404).end('not found\n');
  }
});
server.listen(port, address, () => console.log(`shop ${build.revision} on ${address}:${port}`));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
