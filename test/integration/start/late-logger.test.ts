import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../conformance/runner.ts';

const run = promisify(execFile);
const LOGGING = pathToFileURL(join(repositoryRoot(), 'packages/shared/dist/logging/index.js')).href;

/** What a program logs, line by line, without the time. */
async function logged(program: string): Promise<readonly unknown[]> {
  const script = `import { createLateLogger, createLogger } from '${LOGGING}';\n${program}`;
  const { stderr } = await run(process.execPath, ['--input-type=module', '-e', script]);
  return stderr.split('\n').flatMap((line) => {
    if (line === '') return [];
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
    expect(time).toMatch(/^\d{4}-/);
    return [rest];
  });
}

describe('createLateLogger', () => {
  it('writes what createLogger writes, in order, what was logged while it loads included', async () => {
    const lines = `
      log.debug('too little');
      log.warn('first', { n: 1 });
      const child = log.child({ jid: 'j' });
      child.error('second', { n: 2 });
      await new Promise((resolve) => setImmediate(resolve));
      child.child({ step: 's' }).info('third');
    `;
    const late = await logged(`const log = createLateLogger('info');${lines}`);
    expect(late).toHaveLength(3);
    expect(late).toEqual(await logged(`const log = createLogger('info');${lines}`));
  });

  it('writes nothing below its level', async () => {
    expect(await logged("createLateLogger('error').warn('quiet');")).toEqual([]);
  });
});
