import { runCommandLine } from './compose/index.ts';

process.exitCode = await runCommandLine(process.argv.slice(2), {
  write: (text) => void process.stderr.write(text),
});
