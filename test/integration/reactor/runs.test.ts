import { openEvents } from '@edge-run/master/events';
import { openJetStreamJournal } from '@edge-run/master/journal';
import { RunCommands, type RunnerCalls, RunService } from '@edge-run/master/orchestration';
import { startReactor } from '@edge-run/master/reactor';
import { createRunnerCalls, stateRunners } from '@edge-run/master/runners';
import { requireCompiled, silentLogger, systemClock } from '@edge-run/shared/kernel';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { loadSls } from '@edge-run/shared/render';
import { bareHighData, compile } from '@edge-run/shared/state';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startNats, type TestNats } from '../../support/nats.ts';
import { RecordedJobs } from '../../support/reaction-ports.ts';
import { aloneMaster, plainOrchestration } from '../../support/run-service.ts';

const RELEASE = 'release:\n  runner.state.orchestrate:\n    - mods: orch.release\n';
const settled = { timeout: 10_000, interval: 20 };

let nats: TestNats;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

/** A master of one step, whose run service and journal are real. */
async function startMaster(name: string, wrap: (runners: RunnerCalls) => RunnerCalls = (runners) => runners) {
  const bus = await nats.connect(name);
  const { connection } = bus;
  const log = silentLogger;
  const journal = await openJetStreamJournal<RunJournalEvent>({ connection, clock: systemClock });
  const events = await openEvents({ bus, connection, clock: systemClock, log, source: `master:${name}` });
  const compiled: string[] = [];
  const executed: string[] = [];
  const high = bareHighData(
    fromPlain({ step: { test: ['nop', { order: 1 }], __sls__: 'x', __env__: 'base' } }) as PyMap,
  );
  const catalog = {
    hasState: () => true,
    declares: () => false,
    check: () => ({ value: {}, diagnostics: [] }),
  };
  const runs = new RunService({
    ...aloneMaster(name, systemClock),
    ...{ journal, log },
    compile: async (request) => {
      compiled.push(request.id ?? '');
      const plan = requireCompiled(compile(high, catalog));
      return plainOrchestration(request.name, plan);
    },
    executeStep: async (record) => {
      executed.push(record.id);
      return { result: true, changes: new PyMap(), comment: '' };
    },
  });
  const stop = new AbortController();
  const reactor = await startReactor({
    ...{ connection, events, clock: systemClock, log, signal: stop.signal, ackWaitMs: 1_000 },
    config: [{ 'release/*': ['release.sls'] }],
    render: async (sls) => loadSls(RELEASE, { path: sls }),
    wheels: { has: () => false, names: () => [], call: () => Promise.reject(new Error('no wheels here')) },
    jobs: new RecordedJobs(),
    runners: wrap(createRunnerCalls(stateRunners(runs, new RunCommands(runs, systemClock), name))),
  });
  return {
    ...{ events, journal, runs, compiled, executed },
    kill: async () => {
      await connection.close();
      stop.abort();
      await reactor.ended;
    },
    stop: async () => {
      stop.abort();
      await reactor.ended;
      await runs.stop();
    },
  };
}

test('a master that dies after a run was journaled and before the event was done with: the run is started once', async () => {
  // The run is journaled and ends, but the reactor never hears of it.
  const first = await startMaster('first', (runners) => ({
    ...runners,
    has: (name) => runners.has(name),
    names: () => runners.names(),
    call: async (request) => {
      await runners.call({ ...request, report: () => {} });
      return new Promise(() => {});
    },
  }));
  const { id } = await first.events.send({ tag: 'release/requested', data: {} });
  await vi.waitFor(
    async () => expect((await first.journal.latest())[0]?.events.at(-1)?.type).toBe('run-ended'),
    settled,
  );
  await first.kill();
  const second = await startMaster('second');
  const { id: marker } = await second.events.send({ tag: 'release/requested', data: {} });
  // Events of a tag are reacted to in order: the first one has been when the second one's run is there.
  await vi.waitFor(async () => expect(await second.journal.latest()).toHaveLength(2), settled);
  expect(first.executed).toHaveLength(1);
  expect(second.compiled).toEqual([expect.stringContaining(marker)]);
  const planned = (await second.runs.events(first.executed[0]!)).filter(({ type }) => type === 'run-planned');
  expect(planned).toMatchObject([{ causedBy: id, by: 'reactor:release.sls' }]);
  await second.stop();
});
