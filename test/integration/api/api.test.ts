import { readFile, stat } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import type { RunJournalEvent, RunSummary } from '@edge-run/shared/protocol';
import { foldRun, runEventOf, unknownRun } from '@edge-run/shared/view';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiWatcher } from '../../support/api-client.ts';
import { OwnFleet } from '../../support/own-fleet.ts';
import { eventually } from '../../support/processes.ts';

let fleet: OwnFleet;
let token: string;
let url: string;

const send = (tag: string, data: unknown = null): Promise<unknown> => fleet.ask('events.send', { tag, data });
const watch = (query = '', more: object = {}): Promise<ApiWatcher> => ApiWatcher.open(url, { token, query, ...more });
const read = (path: string, given = token): Promise<Response> =>
  fetch(url + path, { headers: { authorization: `Bearer ${given}` } });

beforeAll(async () => {
  fleet = await OwnFleet.start({
    config: 'api:\n  max_clients: 4\nfile_roots: {base: [states]}\norchestration_roots: [orch]',
    files: {
      'orch/greet.sls': `
hello:
  test.succeed_with_changes: []
world:
  event.send:
    - name: greeted/world
    - require:
        - test: hello
`,
    },
  });
  url = fleet.master.api!.url;
  token = (await readFile(fleet.master.api!.tokenFile, 'utf8')).trim();
});
afterAll(() => fleet.stop());

describe('the token', () => {
  it('is made at the first start, for the owner alone', async () => {
    const { mode } = await stat(fleet.master.api!.tokenFile);
    expect(mode & 0o777).toBe(0o600);
    expect(token).toMatch(/^[\w-]{43}$/);
  });

  it.each(['', 'wrong', 'x'.repeat(43)])('has to be shown: %j is refused with 401', async (given) => {
    const answer = await read('/v1/runs', given);
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await answer.json()).toMatchObject({ error: { code: 'EDGE_API_UNAUTHENTICATED' } });
    await expect(ApiWatcher.open(url, { token: given })).rejects.toThrow('status 401');
  });

  it('may come as a protocol, which is all that browsers can set', async () => {
    const watcher = await ApiWatcher.open(url, { token: '' }).catch(() => undefined);
    expect(watcher).toBeUndefined();
    const { WebSocket } = await import('ws');
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/events`, ['edge-run.v1', `bearer.${token}`]);
    await new Promise((done, fail) => socket.once('open', done).once('error', fail));
    expect(socket.protocol).toBe('edge-run.v1');
    socket.close();
  });
});

describe('GET /v1/events', () => {
  it('tells what happens from now on, of the tags that are asked for', async () => {
    await send('shop/before');
    const watcher = await watch('?tag=shop/*&tag=other');
    await watcher.hears('live');
    await send('shop/sold', { id: 7 });
    await send('warehouse/full');
    await send('other');
    await watcher.hears('event', 2);
    expect(watcher.events.map(({ tag, data }) => [tag, data])).toEqual([
      ['shop/sold', { id: 7 }],
      ['other', null],
    ]);
    expect(watcher.told[0]).toMatchObject({ type: 'hello', version: '1.0' });
    await watcher.close();
  });

  it('misses nothing and tells nothing twice, however often a watcher comes and goes', async () => {
    const total = 300;
    const sending = (async () => {
      for (let index = 0; index < total; index += 1) await send(`count/${index}`, index);
    })();
    const seen: unknown[] = [];
    let cursor: string | undefined;
    let visits = 0;
    while (seen.length < total) {
      const watcher: ApiWatcher = await watch(
        cursor === undefined ? '?tag=count/*&since=1m' : `?tag=count/*&cursor=${cursor}`,
      );
      const wanted = Math.min(40, total - seen.length);
      await watcher.hears('event', wanted);
      // Gone in the middle of what comes, without a goodbye.
      watcher.socket.terminate();
      await watcher.closed;
      seen.push(...watcher.events.map(({ data }) => data));
      cursor = watcher.told.filter(({ type }) => type === 'event').at(-1)!.cursor;
      visits += 1;
      expect(watcher.told.some(({ type }) => type === 'gap')).toBe(false);
    }
    await sending;
    expect(visits).toBeGreaterThan(1);
    expect(seen).toEqual(Array.from({ length: total }, (_, index) => index));
  });

  it('fits behind a snapshot: its cursor leaves nothing out', async () => {
    const { run } = (await fleet.ask('orch.run', { name: 'greet' })) as { run: string };
    const answer = await read(`/v1/runs/${run}`);
    const snapshot = (await answer.json()) as { run: string; events: RunJournalEvent[] };
    const watcher = await watch(`?tag=run/${run}/*&cursor=${answer.headers.get('edge-cursor')}`);
    const view = (): ReturnType<typeof unknownRun> =>
      [...snapshot.events, ...watcher.events.flatMap((event) => runEventOf(event) ?? [])].reduce(
        foldRun,
        unknownRun(run),
      );
    await eventually(() => view().endedAt !== undefined, 'the run has ended in the eyes of the watcher');
    const { events } = (await fleet.ask('orch.show', { run })) as unknown as { events: RunJournalEvent[] };
    expect(view()).toEqual(events.reduce(foldRun, unknownRun(run)));
    await watcher.close();
  });

  it('says when what is asked for is no longer there', async () => {
    const watcher = await watch('?tag=shop/*&cursor=zzz-12');
    await watcher.hears('live');
    expect(watcher.told.map(({ type }) => type)).toContain('gap');
    await watcher.close();
  });

  it.each([
    ['?tga=run/*', 'did you mean `tag`?'],
    ['?cursor=1', 'cursor=1 is not a cursor'],
    ['?cursor=a-1&since=1m', 'absent where `cursor` is given'],
    ['?since=yesterday', 'since=yesterday is not an instant'],
  ])('refuses %s', async (query) => {
    await expect(watch(query)).rejects.toThrow('status 400');
  });

  it('turns away more watchers than are allowed', async () => {
    const watchers = await Promise.all([watch(), watch(), watch(), watch()]);
    await expect(watch()).rejects.toThrow('status 503');
    await Promise.all(watchers.map((watcher) => watcher.close()));
    await eventually(
      () =>
        watch().then(
          (watcher) => watcher.close().then(() => true),
          () => false,
        ),
      'there is room again',
    );
  });
});

describe('reads', () => {
  it('answer what the operations answer', async () => {
    const { run } = (await fleet.ask('orch.run', { name: 'greet' })) as { run: string };
    const ended = async (): Promise<boolean> => {
      const { runs } = (await (await read('/v1/runs?state=succeeded&limit=5')).json()) as { runs: RunSummary[] };
      return runs.some((summary) => summary.run === run);
    };
    await eventually(ended, 'the run is in the list');
    expect(await (await read('/v1/runs?state=failed,queued')).json()).toEqual({ runs: [] });
    expect(await (await read(`/v1/runs/${run}`)).json()).toMatchObject({
      run,
      events: [{ type: 'run-planned', plan: null }, {}, {}, {}, {}, {}, {}],
    });
  });

  it.each([
    ['/v1/runs/NONE', 404, 'EDGE_UNKNOWN_RUN'],
    ['/v1/jobs/none', 404, 'EDGE_JOB_UNKNOWN'],
    ['/v1/runs?limit=0', 400, 'EDGE_BAD_ARGUMENT'],
    ['/v1/runs?limit=many', 400, 'EDGE_BAD_ARGUMENT'],
    ['/v1/runs?state=done', 400, 'EDGE_BAD_ARGUMENT'],
    ['/v1/runs?sate=failed', 400, 'EDGE_UNKNOWN_ARGUMENT'],
    ['/v1/runs/%', 400, 'EDGE_BAD_ARGUMENT'],
    ['/v1/nothing', 404, 'EDGE_BAD_ARGUMENT'],
    ['/v1/events', 426, 'EDGE_BAD_ARGUMENT'],
  ])('%s: %i %s', async (path, status, code) => {
    const answer = await read(path);
    expect([answer.status, await answer.json()]).toEqual([status, { error: expect.objectContaining({ code }) }]);
  });

  it('change nothing', async () => {
    const answer = await fetch(`${url}/v1/runs`, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET']);
  });

  it('tell the address in the status of the master', async () => {
    expect(await fleet.ask('status', {})).toMatchObject({ api: url });
  });
});

describe('the operations behind orch graph and report durations', () => {
  it('answer what the journal and the files say', async () => {
    const graph = await fleet.ask('orch.graph', { of: 'greet' });
    expect(graph).toMatchObject({
      name: 'orch.greet',
      steps: [
        { id: 'hello', kind: 'test.succeed_with_changes' },
        { id: 'world', kind: 'event.send' },
      ],
      edges: [{ kind: 'require', any: false }],
    });
    const { run } = (await fleet.ask('orch.run', { name: 'greet' })) as { run: string };
    expect(await fleet.ask('orch.graph', { of: run })).toEqual({ ...(graph as object), run });
    const durations = async (): Promise<boolean> => {
      const { orchestrations } = (await fleet.ask('orch.durations', { name: 'greet' })) as {
        orchestrations: { run?: { n: number }; steps: { id: string }[] }[];
      };
      return (
        (orchestrations[0]?.run?.n ?? 0) > 0 && orchestrations[0]!.steps.map(({ id }) => id).join() === 'hello,world'
      );
    };
    await eventually(durations, 'the durations of the run are known');
  });
});

describe('a stop of the master', () => {
  it('ends the watchers, and what they missed is told to them afterwards, under the same token', async () => {
    const watcher = await watch('?tag=shop/*');
    await watcher.hears('live');
    await send('shop/first');
    await watcher.hears('event');
    await fleet.stopMaster();
    expect(await watcher.closed).toBe(1001);
    await fleet.startMaster();
    url = fleet.master.api!.url;
    await send('shop/second');
    const again = await watch(`?tag=shop/*&cursor=${watcher.cursor}`);
    await again.hears('event');
    expect(again.events.map(({ tag }) => tag)).toEqual(['shop/second']);
    await again.close();
  });

  it('serves over TLS where that is configured, and reads its durations from the journal again', async () => {
    await fleet.stopMaster();
    await fleet.write({
      'edge.yaml': 'data_dir: data\napi: {tls: generated}\nfile_roots: {base: [states]}\norchestration_roots: [orch]\n',
    });
    await fleet.startMaster();
    url = fleet.master.api!.url;
    const ca = await readFile(join(fleet.dir, 'data/api-tls/ca.crt'));
    expect(url).toMatch(/^https:/);
    const watcher = await watch('', { ca });
    await watcher.hears('live');
    await watcher.close();
    const status = await new Promise((done, fail) => {
      get(`${url}/v1/runs`, { ca, headers: { authorization: `Bearer ${token}` } }, (answer) =>
        done(answer.statusCode),
      ).once('error', fail);
    });
    expect(status).toBe(200);
    const known = async (): Promise<boolean> => {
      const answer = (await fleet.ask('orch.durations', {})) as { orchestrations: { run?: { n: number } }[] };
      return (answer.orchestrations[0]?.run?.n ?? 0) >= 3;
    };
    await eventually(known, 'the durations are known again');
  });
});
