import type { Bus, Received } from '@edge-run/shared/bus';
import { EdgeError } from '@edge-run/shared/kernel';
import { afterEach, describe, expect, test } from 'vitest';

/** A bus and a second connection to it. */
export interface BusUnderTest {
  readonly bus: Bus;
  readonly other: Bus;
  close(): Promise<void>;
}

/** What every driver of the Bus port must do. */
export function busConformance(name: string, open: () => Promise<BusUnderTest>): void {
  describe(`bus: ${name}`, () => {
    const stop = new AbortController();
    let opened: BusUnderTest | undefined;
    const start = async (): Promise<BusUnderTest> => {
      opened = await open();
      return opened;
    };
    afterEach(async () => {
      await opened?.close();
      opened = undefined;
    });
    const subscribed = async (bus: Bus, subject: string, queue?: string): Promise<AsyncIterator<Received>> => {
      const messages = bus.subscribe(subject, { signal: stop.signal, ...(queue === undefined ? {} : { queue }) });
      await bus.flush();
      return messages[Symbol.asyncIterator]();
    };
    const next = async (messages: AsyncIterator<Received>): Promise<Received> => {
      const { value, done } = await messages.next();
      if (done === true) throw new Error('the subscription ended');
      return value as Received;
    };

    test('delivers JSON bodies to every subscriber', async () => {
      const { bus, other } = await start();
      const first = await subscribed(bus, 'edge.event.a');
      const second = await subscribed(other, 'edge.event.a');
      const body = { text: 'ä', list: [1, null, true], nested: { a: 1 } };
      await bus.publish('edge.event.a', body);
      expect((await next(first)).body).toEqual(body);
      expect((await next(second)).body).toEqual(body);
    });

    test('bytes travel as they are, as a message, a question and an answer', async () => {
      const { bus, other } = await start();
      const bytes = Uint8Array.from({ length: 1_000 }, (_, index) => index % 256);
      const messages = await subscribed(other, 'edge.op.main.bytes');
      await bus.publish('edge.op.main.bytes', bytes);
      expect(Buffer.from((await next(messages)).body as Uint8Array).equals(bytes)).toBe(true);
      const answer = bus.request('edge.op.main.bytes', bytes.subarray(0, 3), { timeoutMs: 5_000 });
      const question = await next(messages);
      expect([...(question.body as Uint8Array)]).toEqual([0, 1, 2]);
      question.respond?.(bytes);
      expect(Buffer.from((await answer) as Uint8Array).equals(bytes)).toBe(true);
    });

    test('`*` is one token and `>` the rest', async () => {
      const { bus } = await start();
      const one = await subscribed(bus, 'edge.event.*.x');
      const rest = await subscribed(bus, 'edge.event.>');
      for (const subject of ['edge.event', 'edge.event.a', 'edge.event.a.b.x', 'edge.event.a.x']) {
        await bus.publish(subject, subject);
      }
      expect((await next(one)).subject).toBe('edge.event.a.x');
      const got = [await next(rest), await next(rest), await next(rest)].map(({ subject }) => subject);
      expect(got).toEqual(['edge.event.a', 'edge.event.a.b.x', 'edge.event.a.x']);
    });

    test('members of a queue share the messages', async () => {
      const { bus, other } = await start();
      const got: string[] = [];
      const done = new AbortController();
      const readers = [bus, other].map(async (member, index) => {
        for await (const { body } of member.subscribe('edge.work', { signal: done.signal, queue: 'workers' })) {
          got.push(`${index}:${String(body)}`);
          if (got.length === 20) done.abort();
        }
      });
      await bus.flush();
      await other.flush();
      for (let item = 0; item < 20; item += 1) await bus.publish('edge.work', item);
      await Promise.all(readers);
      expect(new Set(got.map((entry) => entry.split(':')[1])).size).toBe(20);
    });

    test('a request is answered', async () => {
      const { bus, other } = await start();
      const requests = await subscribed(other, 'edge.op.main.echo');
      const answer = bus.request('edge.op.main.echo', { n: 1 }, { timeoutMs: 5_000 });
      const request = await next(requests);
      request.respond?.({ got: request.body });
      expect(await answer).toEqual({ got: { n: 1 } });
    });

    test('a request nobody listens to fails at once', async () => {
      const { bus } = await start();
      const from = performance.now();
      const error = await bus
        .request('edge.op.local.none', {}, { timeoutMs: 30_000 })
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(EdgeError);
      expect((error as EdgeError).code).toBe('EDGE_BUS_NO_RESPONDER');
      expect(performance.now() - from).toBeLessThan(5_000);
    });

    test('a request that is not answered times out', async () => {
      const { bus, other } = await start();
      await subscribed(other, 'edge.op.local.mute');
      const error = await bus.request('edge.op.local.mute', {}, { timeoutMs: 50 }).catch((thrown: unknown) => thrown);
      expect((error as EdgeError).code).toBe('EDGE_BUS_TIMEOUT');
    });

    test('a request ends when its signal aborts', async () => {
      const { bus, other } = await start();
      const requests = await subscribed(other, 'edge.op.local.mute');
      const abort = new AbortController();
      const answer = bus.request('edge.op.local.mute', {}, { timeoutMs: 30_000, signal: abort.signal });
      await next(requests);
      abort.abort();
      expect(((await answer.catch((thrown: unknown) => thrown)) as EdgeError).code).toBe('EDGE_CANCELLED');
    });

    test("answers go only to the sender's own inbox", async () => {
      const { bus, other } = await start();
      const rpc = await subscribed(bus, 'edge.rpc.*.pillar');
      const pending = other
        .request('edge.rpc.somebody-else.pillar', {}, { timeoutMs: 100 })
        .catch((thrown: unknown) => thrown);
      expect((await next(rpc)).respond).toBeUndefined();
      expect(((await pending) as EdgeError).code).toBe('EDGE_BUS_TIMEOUT');
      const own = other.request('edge.rpc.other.pillar', {}, { timeoutMs: 5_000 });
      (await next(rpc)).respond?.('yes');
      expect(await own).toBe('yes');
    });

    test('a subscription ends when its signal aborts', async () => {
      const { bus } = await start();
      const abort = new AbortController();
      const got: unknown[] = [];
      const reader = (async () => {
        for await (const { body } of bus.subscribe('edge.event.b', { signal: abort.signal })) {
          got.push(body);
          abort.abort();
        }
      })();
      await bus.flush();
      await bus.publish('edge.event.b', 1);
      await reader;
      await bus.publish('edge.event.b', 2);
      expect(got).toEqual([1]);
    });

    test('subjects with wildcards, blanks or empty tokens are refused', async () => {
      const { bus } = await start();
      for (const subject of ['', 'a b', 'a.*', 'a.>', 'a..b']) {
        await expect(bus.publish(subject, 1)).rejects.toMatchObject({ code: 'EDGE_BAD_ARGUMENT' });
      }
    });

    test('status says connected, then closed; nothing can be sent after', async () => {
      const { bus } = await start();
      const kinds: string[] = [];
      const reader = (async () => {
        for await (const { kind } of bus.status(stop.signal)) kinds.push(kind);
      })();
      await bus.flush();
      await bus.close();
      await reader;
      expect(kinds).toEqual(['connected', 'closed']);
      await expect(bus.publish('edge.event.c', 1)).rejects.toMatchObject({ code: 'EDGE_BUS_UNREACHABLE' });
    });
  });
}
