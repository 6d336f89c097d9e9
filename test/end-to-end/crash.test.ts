import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { constantLoad, revisionsNow } from '../support/constant-load.ts';
import { eventually, killHard, processWith } from '../support/processes.ts';
import { seededRandom } from '../support/seeded-random.ts';
import {
  deployWords,
  type Ended,
  type JournalEvent,
  describe as said,
  startStack,
  type TestStack,
} from '../support/stack.ts';

const SERVERS = ['app1', 'app2', 'app3', 'app4'] as const;
/** A release takes about nine seconds. */
const KILL_WITHIN_MS = 7_000;
const seed = Number(process.env.EDGE_TEST_SEED ?? 20261121);
const random = seededRandom(seed);

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack();
  await stack.mustRun('orch', 'deploy-environment', 'pillarenv=prod');
});
afterAll(() => stack?.stop());

describe.sequential('a deployment under load', () => {
  test.for(['v2', 'v3', 'v2'].map((revision) => ({ revision, afterMs: Math.round(300 + random() * KILL_WITHIN_MS) })))(
    `survives kill -9 of the master: $revision, $afterMs ms after its start (seed ${seed})`,
    async (round) => {
      const { journal } = await deployThrough(round.revision, round.afterMs, async () => {
        await killHard(await stack.masterPid());
        const up = await stack.run('up');
        expect(up.exitCode, said(up)).toBe(0);
      });
      expect(journal.filter(({ type }) => type === 'run-adopted')).toHaveLength(2);
    },
  );

  test('survives kill -9 of nats-server', async () => {
    await deployThrough('v3', 2_500, () => killHard(processWith(stack.home, 'nats-server.conf')));
  });
});

/** Rolls a revision out, does `harm` meanwhile, and expects what a deployment without harm would have led to. */
async function deployThrough(
  revision: string,
  afterMs: number,
  harm: () => Promise<void>,
): Promise<{ watcher: Ended; journal: readonly JournalEvent[] }> {
  const starts = await countStarts(revision);
  const load = constantLoad(stack.front);
  const watching = stack.start(deployWords(revision));
  const run = await eventually(() => /run (\w{26})/.exec(watching.output.stderr)?.[1], 'the run has an id');
  await sleep(afterMs);
  expect(watching.child.exitCode, watching.output.stderr).toBeNull();
  await harm();
  const watcher = await watching.ended;
  const { failures, answers } = await load.stop();

  // Whoever watched was shown the run to its end.
  expect(watcher.exitCode, said(watcher)).toBe(0);
  expect(watcher.stderr).toContain(`run ${run} succeeded`);
  expect(failures).toEqual([]);
  expect(answers.length).toBeGreaterThan(500);
  expect(Object.values(await revisionsNow(stack.servers))).toEqual([revision, revision, revision, revision]);

  const journal = await stack.journal(run);
  expect(journal.at(-1)).toMatchObject({ type: 'run-ended', outcome: 'succeeded' });
  const planned = (journal[0] as unknown as { steps: { key: string }[] }).steps.map(({ key }) => key);
  const ended = journal.filter(({ type }) => type === 'step-ended').map(({ step }) => step!);
  expect(ended.toSorted()).toEqual(planned.toSorted());
  expect(startedAgain(journal)).toEqual([]);
  // What the hosts themselves say: each job of the run once, each shop started once.
  for (const server of SERVERS) expect(await jobsOf(run, server)).toEqual(EVERY_STEP);
  expect(await countStarts(revision)).toEqual(starts.map((count) => count + 1));
  return { watcher, journal };
}

/** Steps that began although they had ended before. */
function startedAgain(journal: readonly JournalEvent[]): readonly string[] {
  const ended = new Set<string>();
  const again: string[] = [];
  for (const { type, step } of journal) {
    if (step === undefined) continue;
    if (type === 'step-ended') ended.add(step);
    else if (type === 'step-started' && ended.has(step)) again.push(step);
  }
  return again;
}

/** Functions that a release runs on each application server. */
const EVERY_STEP = [
  'cmd.run',
  'git.checkout',
  'git.fetch',
  'npm.install',
  'state.highstate',
  'supervisord.start',
  'supervisord.stop',
];

/** A line of a minion's job store. */
interface JobLine {
  readonly kind: 'run' | 'ret' | 'done' | 'gone';
  readonly job?: { readonly jid: string };
  readonly return?: { readonly jid: string; readonly fun: string; readonly outcome: string };
}

/** The functions that a server's minion keeps as done for the steps of a run. */
async function jobsOf(run: string, server: string): Promise<readonly string[]> {
  const log = await readFile(join(stack.dir, 'fleet/prod', server, 'minion/jobs/jobs.log'), 'utf8');
  const lines = log.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as JobLine]));
  const ended = lines.flatMap(({ kind, return: answer }) => (kind === 'ret' && answer !== undefined ? [answer] : []));
  const begun = lines.flatMap(({ kind, job }) => (kind === 'run' && job?.jid.startsWith(run) ? [job.jid] : []));
  const notDone = begun.filter((jid) => !ended.some((answer) => answer.jid === jid)).map((jid) => `${jid}: not done`);
  const done = ended
    .filter(({ jid }) => jid.startsWith(run))
    .map(({ jid, fun, outcome }) => (outcome === 'succeeded' ? fun : `${jid}: ${outcome}`));
  return [...done, ...notDone].toSorted();
}

/** How often the shop of each server said that it started with this revision. */
function countStarts(revision: string): Promise<readonly number[]> {
  const counted = SERVERS.map(async (server) => {
    const log = await readFile(join(stack.dir, 'fleet/prod', server, 'supervisor/shop.log'), 'utf8');
    return log.split(`shop ${revision} on `).length - 1;
  });
  return Promise.all(counted);
}
