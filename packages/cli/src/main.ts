import { readFileSync } from 'node:fs';
import { processIo } from './io.ts';
import { packageFolder } from './package-folder.ts';
import { runCli } from './run-cli.ts';

/** `edge-run`: runs the line it was called with and ends with its exit code. */
async function main(): Promise<void> {
  const manifest = JSON.parse(readFileSync(new URL('package.json', packageFolder()), 'utf8')) as { version: string };
  // A reader that has seen enough (`| head`) is no fault.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.exitCode = await runCli(process.argv.slice(2), processIo(), manifest.version);
}

// Not awaited, because programs are bundled as scripts; a rejection ends the process either way.
void main();
