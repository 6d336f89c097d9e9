import { runCommandLine } from './compose/run.ts';

/** `edge-minion`: runs the line it was called with and ends with its exit code. */
async function main(): Promise<void> {
  process.exitCode = await runCommandLine(process.argv.slice(2), {
    write: (text) => void process.stderr.write(text),
  });
}

// Not awaited, because programs are bundled as scripts; a rejection ends the process either way.
void main();
