import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OPERATIONS, SUBJECTS } from '@edge-run/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFleet, type TestFleet } from '../../support/fleet.ts';
import { runCliProcess } from './process.ts';

let fleet: TestFleet;
const stop = new AbortController();
/** Subjects the operation was asked on: they carry who asked. */
const asked: string[] = [];

beforeAll(async () => {
  fleet = await startFleet();
  const master = await fleet.connectMaster('gateway');
  const requests = master.subscribe(SUBJECTS.operations, { signal: stop.signal });
  void (async () => {
    for await (const { subject, respond } of requests) {
      asked.push(subject);
      respond?.({ ok: true, answer: OPERATIONS['reactor.ls'].answer.parse({ reactors: [{ tag: 'a/*', files: [] }] }) });
    }
  })();
  await master.flush();
});
afterAll(async () => {
  stop.abort();
  await fleet.stop();
});

describe('edge-run on a server that asks who is there', () => {
  it.each(['deploy', 'me@laptop.example'])('asks in the name its credentials carry: %s', async (name) => {
    const credentials = join(fleet.directory, 'operator.creds');
    await writeFile(credentials, fleet.keyring.operatorCreds(name), { mode: 0o600 });
    const env = { EDGE_NATS_URL: fleet.nats.url, EDGE_CREDENTIALS: credentials };
    const { exitCode, stdout, stderr } = await runCliProcess(['reactor', 'ls', '-o', 'name'], env);
    expect([exitCode, stdout, stderr]).toEqual([0, 'a/*\n', '']);
    expect(asked.at(-1)).toBe(SUBJECTS.operation('reactor.ls', name));
  });

  it('exits 4 without credentials and says where they come from', async () => {
    const { exitCode, stderr } = await runCliProcess(['reactor', 'ls'], { EDGE_NATS_URL: fleet.nats.url });
    expect(exitCode).toBe(4);
    expect(stderr).toContain('error[EDGE_NOT_ALLOWED]');
  });
});
