import { openEvents } from '@edge-run/master/events';
import { silentLogger, systemClock } from '@edge-run/shared/kernel';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startNats, type TestNats } from '../../support/nats.ts';

let nats: TestNats;
beforeEach(async () => {
  nats = await startNats();
});
afterEach(() => nats.stop());

test.each(['even/x', 'even/*', 'ev*', '[ef]ven/x', '?ven/[x/]'])(
  'listening to %s since an instant tells the kept events first, then those that come, each once',
  async (glob) => {
    const bus = await nats.connect('events');
    const events = await openEvents({
      ...{ bus, connection: bus.connection, clock: systemClock, log: silentLogger, source: 'test' },
    });
    const send = (n: number) => events.send({ tag: n % 2 === 0 ? 'even/x' : 'odd/x', data: n });
    await send(0);
    await expect.poll(async () => (await events.recent({ limit: 10 })).length).toBe(1);
    // The server's clock and ours are one here; a millisecond lies between what is kept and what is asked for.
    await systemClock.sleep(2);
    const since = Date.now();
    for (const n of [1, 2, 4]) await send(n);
    const stop = new AbortController();
    const heard: unknown[] = [];
    const done = (async () => {
      for await (const { data } of await events.listen(stop.signal, { glob, since })) {
        heard.push(data);
        if (data === 8) stop.abort();
      }
    })();
    for (const n of [6, 7, 8]) await send(n);
    await done;
    expect(heard).toEqual([2, 4, 6, 8]);
  },
);
