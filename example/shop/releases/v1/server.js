import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const address = process.env.SHOP_ADDRESS ?? '127.0.0.1';
const port = Number(process.env.SHOP_PORT ?? 8080);
const page = readFileSync('dist/index.html');
const build = JSON.parse(readFileSync('dist/build.json', 'utf8'));

function health() {
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
  } else {
    response.writeHead(404).end('not found\n');
  }
});
server.listen(port, address, () => console.log(`shop ${build.revision} on ${address}:${port}`));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
