import { runCommandLine } from './compose/command-line.ts';

process.exitCode = await runCommandLine(process.argv.slice(2));
