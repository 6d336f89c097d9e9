import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from '@edge-run/master/orchestration';
import { afterEach, describe, expect, it } from 'vitest';
import { KillableMasters } from '../../support/killable-masters.ts';
import { LocalOrchestra } from '../../support/local-orchestra.ts';
import { eventually } from '../../support/processes.ts';

const FOREVER = new AbortController().signal;

/** A state that appends a word to the log. */
const says = (word: string): string => `
say:
  cmd.run:
    - name: echo ${word} >> @TMP@/log
`;

/** A host writes another word into that state. */
const REWRITTEN = `
rewritten:
  salt.function:
    - name: cmd.run
    - tgt: web1
    - arg:
      - sed -i s/before/after/ @TMP@/salt/word.sls
`;

const APPLIED = `
applied:
  salt.state:
    - tgt: web1
    - sls: word
`;

describe('the files of a run', () => {
  let orchestra: LocalOrchestra;

  afterEach(() => orchestra.dispose());

  async function start(files: Readonly<Record<string, string>>): Promise<void> {
    orchestra = await LocalOrchestra.start({
      files: { 'salt/word.sls': says('before'), ...files },
      master: 'master1',
      grains: {},
      minions: { web1: {} },
    });
  }
  const run = async (name = 'o'): Promise<RunRecord> =>
    orchestra.runs.wait(await orchestra.runs.start({ name, by: 'ann' }), FOREVER);
  const log = (): Promise<string> => readFile(join(orchestra.dir, 'log'), 'utf8').then((text) => text.trim());

  it('are those of when it was planned, whatever others do to them meanwhile', async () => {
    await start({ 'salt/orch/o.sls': REWRITTEN + APPLIED });
    expect((await run()).end?.outcome).toBe('succeeded');
    expect(await log()).toBe('before');
    // The next run sees what was written.
    expect((await run()).end?.outcome).toBe('succeeded');
    expect(await log()).toBe('before\nafter');
  });

  it('are those of each step where the orchestration wants so', async () => {
    await start({ 'salt/orch/o.sls': `__run__:\n  files: live\n${REWRITTEN}${APPLIED}` });
    expect((await run()).end?.outcome).toBe('succeeded');
    expect(await log()).toBe('after');
  });

  it('move on with what the run itself changes on the master', async () => {
    const changed = `
changed:
  file.managed:
    - name: @TMP@/salt/word.sls
    - contents: |
        say:
          cmd.run:
            - name: echo own >> @TMP@/log
`;
    await start({ 'salt/orch/o.sls': changed + APPLIED });
    expect((await run()).end?.outcome).toBe('succeeded');
    expect(await log()).toBe('own');
  });

  it('are those of the run that started it, in a nested one', async () => {
    const nested = `
nested:
  salt.runner:
    - name: state.orchestrate
    - mods: orch.inner
`;
    await start({ 'salt/orch/o.sls': REWRITTEN + nested, 'salt/orch/inner.sls': APPLIED });
    expect((await run()).end?.outcome).toBe('succeeded');
    expect(await log()).toBe('before');
  });

  it('are the same in a retry, and those of today with --with-current', async () => {
    const once = `
once:
  salt.function:
    - name: cmd.run
    - tgt: web1
    - arg:
      - test -e @TMP@/fixed
`;
    const guarded = `${APPLIED}    - require:\n      - salt: once\n`;
    await start({ 'salt/orch/o.sls': REWRITTEN + once + guarded });
    const failed = await run();
    expect(failed.end?.outcome).toBe('failed');
    await writeFile(join(orchestra.dir, 'fixed'), '');
    const again = async (current: boolean): Promise<RunRecord> =>
      orchestra.runs.wait(await orchestra.runs.retry(failed.id, 'ann', { current }), FOREVER);
    expect((await again(false)).end?.outcome).toBe('succeeded');
    expect(await log()).toBe('before');
    expect((await again(true)).end?.outcome).toBe('succeeded');
    expect(await log()).toBe('before\nafter');
  });
});

it('a run goes on with its files when its master was killed and they are others by then', async () => {
  const fleet = await KillableMasters.start({
    masters: ['m1'],
    hosts: ['web1'],
    isDirect: true,
    files: {
      'word.sls': 'say:\n  cmd.run:\n    - name: echo before >> @DIR@/log\n',
      'data.txt': 'before\n',
      'orch/o.sls': `
held:
  salt.function:
    - name: cmd.run
    - tgt: web1
    - arg:
      - touch @DIR@/begun; until test -e @DIR@/go; do sleep 0.1; done
applied:
  salt.state:
    - tgt: web1
    - sls: word
copied:
  salt.function:
    - name: cp.get_file
    - tgt: web1
    - arg:
      - salt://data.txt
      - @DIR@/copied.txt
`,
    },
  });
  try {
    const { run } = (await fleet.ask('orch.run', { name: 'o' })) as { run: string };
    const begun = (): Promise<string | undefined> =>
      readFile(join(fleet.directory, 'begun'), 'utf8').catch(() => undefined);
    await eventually(begun, 'the first step has begun');
    await fleet.killMaster('m1');
    const states = join(fleet.directory, 'states');
    await writeFile(join(states, 'word.sls'), 'say:\n  cmd.run:\n    - name: echo after >> /nowhere/log\n');
    await writeFile(join(states, 'data.txt'), 'after\n');
    await fleet.startMaster('m1');
    await writeFile(join(fleet.directory, 'go'), '');
    const events = await eventually(async () => {
      const journal = await fleet.journal(run);
      return journal.at(-1)?.type === 'run-ended' ? journal : undefined;
    }, 'the run has ended');
    expect(events.at(-1)).toMatchObject({ type: 'run-ended', outcome: 'succeeded' });
    expect(events.find(({ type }) => type === 'run-moved')).toMatchObject({ moved: [{ what: 'states' }] });
    expect(await readFile(join(fleet.directory, 'log'), 'utf8')).toBe('before\n');
    expect(await readFile(join(fleet.directory, 'copied.txt'), 'utf8')).toBe('before\n');
  } finally {
    await fleet.stop();
  }
});
