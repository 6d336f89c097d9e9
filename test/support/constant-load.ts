import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const CLIENTS = 8;
const REQUEST_WITHIN_MS = 5_000;
/** Between two requests of a client: the load is to find gaps, not to fill the machine. */
const PAUSE_MS = 15;

/** One answer of the shop's `/health`. */
export interface LoadAnswer {
  readonly at: number;
  readonly server: string;
  readonly revision: string;
}

/** One request that got no answer, or another one than 200. */
export interface LoadFailure {
  readonly at: number;
  readonly client: number;
  readonly reason: string;
}

/** What the clients saw, in the order in which it was seen. */
export interface LoadReport {
  readonly answers: readonly LoadAnswer[];
  readonly failures: readonly LoadFailure[];
}

/** Requests that go on until they are stopped. */
export interface ConstantLoad {
  /** What was seen so far. */
  readonly report: LoadReport;
  /** Lets requests under way end, and answers everything that was seen. */
  stop(): Promise<LoadReport>;
}

/**
 * Eight clients that ask `url` one request after the other until stopped: each request on a connection of its own, or
 * with `keepAlive` each client on one connection for as long as the server keeps it.
 */
export function constantLoad(url: string, { keepAlive = false } = {}): ConstantLoad {
  const answers: LoadAnswer[] = [];
  const failures: LoadFailure[] = [];
  const stopped = new AbortController();
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    while (!stopped.signal.aborted) {
      try {
        const { server, revision } = await ask(url, agent);
        answers.push({ at: Date.now(), server, revision });
      } catch (error) {
        failures.push({ at: Date.now(), client, reason: (error as Error).message });
      }
      await sleep(PAUSE_MS);
    }
    agent.destroy();
  });
  return {
    report: { answers, failures },
    async stop() {
      stopped.abort();
      await Promise.all(clients);
      return { answers, failures };
    },
  };
}

/** One request to a `/health`. @throws Error that says why it is a failure */
export function ask(url: string, agent?: Agent): Promise<{ server: string; revision: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: agent ?? false, timeout: REQUEST_WITHIN_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('error', reject);
      response.once('aborted', () => reject(new Error(`the answer broke off after ${body.length} characters`)));
      response.once('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body) as { server: string; revision: string });
        else reject(new Error(`status ${response.statusCode}: ${body.trim()}`));
      });
    });
    asked.once('timeout', () => asked.destroy(new Error(`no answer within ${REQUEST_WITHIN_MS} ms`)));
    asked.once('error', reject);
    asked.end();
  });
}

/** server → the revisions it answered with, in order, repetitions left out. */
export function revisionsSeen(answers: readonly LoadAnswer[]): Readonly<Record<string, readonly string[]>> {
  const seen: Record<string, string[]> = {};
  for (const { server, revision } of answers) {
    const revisions = seen[server] ?? [];
    if (revisions.at(-1) !== revision) revisions.push(revision);
    seen[server] = revisions;
  }
  return seen;
}

/** What each server answers when it is asked directly; undefined for one that answers nothing good. */
export type ServerRevisions = Readonly<Record<string, string | undefined>>;

/** Asks each server directly, again and again, until stopped; answers what was seen, repetitions left out. */
export function watchServers(urls: Readonly<Record<string, string>>): { stop(): Promise<readonly ServerRevisions[]> } {
  const samples: ServerRevisions[] = [];
  const stopped = new AbortController();
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      const sample = await revisionsNow(urls);
      if (JSON.stringify(sample) !== JSON.stringify(samples.at(-1))) samples.push(sample);
      await sleep(PAUSE_MS);
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await watching;
      return samples;
    },
  };
}

/** server → the revision it answers with right now. */
export async function revisionsNow(urls: Readonly<Record<string, string>>): Promise<ServerRevisions> {
  const asked = Object.entries(urls).map(async ([server, url]) => {
    const answer = await ask(url).catch(() => undefined);
    return [server, answer?.revision] as const;
  });
  return Object.fromEntries(await Promise.all(asked));
}
