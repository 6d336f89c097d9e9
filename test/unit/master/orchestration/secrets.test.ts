import { createMemoryJournal, type Journal, sealedJournal } from '@edge-run/master/journal';
import { RunService, type RunServiceOptions } from '@edge-run/master/orchestration';
import { sealedPaths, secretsDigest } from '@edge-run/master/orchestration/internal';
import { Secret, silentLogger, systemClock } from '@edge-run/shared/kernel';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { fromPlain, PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../../support/nop-runs.ts';
import { aloneMaster } from '../../../support/run-service.ts';

type RunDone = RunServiceOptions['executeStep'];

const FOREVER = new AbortController().signal;
const KEY = Buffer.alloc(32, 1);

const mapOf = (...entries: readonly [string, Value][]): PyMap => new PyMap(entries);
const pillarOf = (password: string, port = 5432): PyMap =>
  mapOf(['db', mapOf(['password', new Secret(password)], ['port', port])], ['keys', [new Secret('first')]]);

describe('the digest of the secrets of a pillar', () => {
  it('is another when a secret is, under another name too, and under another key', () => {
    const digest = secretsDigest(pillarOf('a'), KEY);
    expect(digest).toMatch(/^hmac-sha256:[0-9a-f]{64}$/);
    expect(secretsDigest(pillarOf('b'), KEY)).not.toBe(digest);
    expect(secretsDigest(pillarOf('a'), Buffer.alloc(32, 2))).not.toBe(digest);
    expect(
      secretsDigest(mapOf(['db', mapOf(['passwd', new Secret('a')])], ['keys', [new Secret('first')]]), KEY),
    ).not.toBe(digest);
  });

  it('is the same whatever else the pillar says, in whatever order', () => {
    const other = mapOf(['keys', [new Secret('first')]], ['db', mapOf(['port', 1], ['password', new Secret('a')])]);
    expect(secretsDigest(other, KEY)).toBe(secretsDigest(pillarOf('a'), KEY));
    expect(secretsDigest(fromPlain({ db: { port: 1 } }) as PyMap, KEY)).toBeUndefined();
  });
});

describe('an override that lies over a secret', () => {
  const override = fromPlain({ db: { password: 'hunter2', host: 'db1' }, version: 'v2' }) as PyMap;

  /** A run that was started with the override, and what its master was asked to compile. */
  async function ended() {
    const journal = createMemoryJournal<RunJournalEvent>();
    const asked: unknown[] = [];
    const plan = planOf([{ needs: [], parallel: false }]);
    const runs = new RunService({
      ...{ journal: sealedJournal(journal, KEY), ...aloneMaster('m', systemClock), log: silentLogger },
      compile: async ({ pillar }) => {
        asked.push(pillar === undefined ? undefined : toPlain(pillar));
        return { ...plan, stored: { ...plan.stored, pillar: pillarOf('hunter2') } };
      },
      executeStep: async () => ({ result: true, changes: new PyMap(), comment: '' }),
    });
    const run = await runs.start({ name: 'x', by: 'ana', pillar: override });
    await runs.wait(run, FOREVER);
    return { runs, run, asked, journal };
  }

  it('is not journaled, and named when the plan is to be made anew', async () => {
    const { runs, run, journal } = await ended();
    const events = (await journal.read(run)).flatMap((entry) => entry.events);
    expect(JSON.stringify(events)).not.toContain('hunter2');
    expect(JSON.stringify(events[0])).toContain('"version":"v2"');
    await expect(runs.retry(run, 'ana', { current: true })).rejects.toMatchObject({
      ...{ code: 'EDGE_MISSING_ARGUMENT', details: { missing: ['db:password'] } },
      hint: expect.stringContaining(`edge-run orch retry ${run} --with-current pillar=`),
    });
    await runs.wait(await runs.retry(run, 'ana', {}), FOREVER);
  });

  it('is what is given again, over the rest of what was given then', async () => {
    const { runs, run, asked, journal } = await ended();
    const pillar = fromPlain({ db: { password: 'hunter3' } }) as PyMap;
    await expect(runs.retry(run, 'ana', { pillar })).rejects.toMatchObject({ code: 'EDGE_BAD_ARGUMENT' });
    const again = await runs.retry(run, 'ana', { current: true, pillar });
    await runs.wait(again, FOREVER);
    expect(asked.at(-1)).toEqual({ db: { password: 'hunter3', host: 'db1' }, version: 'v2' });
    expect(JSON.stringify(await journal.read(again))).not.toContain('hunter3');
  });

  it('is found wherever it lies', () => {
    expect(sealedPaths(fromPlain({ a: [1, { b: '[secret]' }], c: 'x' }))).toEqual(['a:1:b']);
  });
});

describe('a run whose secrets do not open', () => {
  const serviceOf = (journal: Journal<RunJournalEvent>, name: string, key: Uint8Array, steps: RunDone) => {
    const said: string[] = [];
    const runs = new RunService({
      ...{ journal: sealedJournal(journal, key), ...aloneMaster(name, systemClock) },
      log: { ...silentLogger, error: (message, fields) => void said.push(`${message} ${String(fields?.run)}`) },
      compile: async ({ name: orchestration }) => {
        const plan = planOf([{ needs: [], parallel: false }]);
        return orchestration === 'open' ? plan : { ...plan, stored: { ...plan.stored, pillar: pillarOf('hunter2') } };
      },
      executeStep: steps,
    });
    return { runs, said };
  };

  it('is left alone, and said once; the others go on', async () => {
    const journal = createMemoryJournal<RunJournalEvent>();
    const stopped: RunDone = (_, __, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const first = serviceOf(journal, 'm1', KEY, stopped);
    const [closed, open] = [
      await first.runs.start({ name: 'closed', by: 'ana' }),
      await first.runs.start({ name: 'open', by: 'ana' }),
    ];
    await first.runs.stop();
    const text = JSON.stringify(await journal.read(closed));
    expect(text).toContain('"plan":{"sealed":"');
    const done: RunDone = async () => ({ result: true, changes: new PyMap(), comment: '' });
    const other = serviceOf(journal, 'm2', Buffer.alloc(32, 7), done);
    expect(await other.runs.takeUp()).toEqual([open]);
    expect(await other.runs.takeUp()).toEqual([]);
    expect(other.said).toEqual([`a run cannot be taken up: its journal is damaged ${closed}`]);
    await expect(other.runs.find(closed)).rejects.toMatchObject({
      code: 'EDGE_JOURNAL_DAMAGED',
      hint: expect.stringContaining('EDGE_SECRETS'),
    });
    await other.runs.wait(open, FOREVER);
    const same = serviceOf(journal, 'm3', KEY, done);
    expect(await same.runs.takeUp()).toEqual([closed]);
    expect((await same.runs.wait(closed, FOREVER)).end?.outcome).toBe('succeeded');
  });
});
