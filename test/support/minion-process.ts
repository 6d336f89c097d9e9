import { runCommandLine } from '@edge-run/minion/compose';
import { testExecutor } from './executor.ts';

/* A minion in a process of its own, to be killed: `node .build/test/test/support/minion-process.js run …`. */

process.exitCode = await runCommandLine(process.argv.slice(2), {
  createExecutor: () => testExecutor(),
  write: (text) => void process.stderr.write(text),
});
