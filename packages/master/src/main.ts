import { runCommandLine } from './compose/command-line.ts';

/** What a start that failed has begun may wait for a server that is gone; nobody waits for that. */
const LEAVE_WITHIN_MS = 1_000;

process.exitCode = await runCommandLine(process.argv.slice(2));
setTimeout(() => process.exit(), LEAVE_WITHIN_MS).unref();
