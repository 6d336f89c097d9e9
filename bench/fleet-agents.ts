import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Agent, startAgent } from '@edge-run/minion/agent';
import { openIdentity } from '@edge-run/minion/identity';
import {
  connectNatsBus,
  credentialsFromCreds,
  keyPairFromSeed,
  type NatsBus,
  verifySignature,
} from '@edge-run/shared/bus';
import { LocalHost } from '@edge-run/shared/host';
import { silentLogger } from '@edge-run/shared/kernel';
import { gatherGrains } from '@edge-run/shared/modules/facts';
import { PyMap } from '@edge-run/shared/values';
import { testExecutor } from '../test/support/executor.ts';

/*
 * A process full of minions, each the real agent on a connection, with a key and a job store of its own; or of bare
 * clients that verify one signature a job and answer. Told what to do by messages of the process that started it.
 */

/** What this process is asked to do. */
export type Order =
  | {
      readonly kind: 'agents';
      readonly servers: readonly string[];
      readonly directory: string;
      readonly trustedKey: string;
      /** With a JWT: let in already; without: knocks with the token. */
      readonly minions: readonly { readonly id: string; readonly seed?: string; readonly jwt?: string }[];
      readonly knock?: { readonly jwt: string; readonly token: string };
      /** Tell the master the facts of this machine, as whole minions do. */
      readonly tellsFacts?: boolean;
    }
  | {
      readonly kind: 'bare';
      readonly servers: readonly string[];
      /** Text of credentials files. */
      readonly users: readonly { readonly creds: string; readonly index: number }[];
      readonly publicKey: string;
    }
  | { readonly kind: 'stop' };

/** Connections that are opened at the same time: a host does not start a thousand minions at once. */
const AT_ONCE = 50;
const running: { stop(): Promise<void> }[] = [];

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function startAgents({
  servers,
  directory,
  trustedKey,
  minions,
  knock,
  tellsFacts = false,
}: Order & { kind: 'agents' }): Promise<void> {
  const agents: Agent[] = [];
  const facts = tellsFacts ? await gatherGrains(new LocalHost({ id: 'bench' }), {}, silentLogger) : undefined;
  const startOne = async ({ id, seed, jwt }: (typeof minions)[number]): Promise<void> => {
    const dataDir = join(directory, id);
    const identity = await openIdentity(dataDir);
    const agent = startAgent({
      ...{ id, version: '0', servers, dataDir, identity, trustedKeys: [trustedKey], concurrency: 32 },
      admission:
        knock === undefined
          ? { kind: 'given', credentials: { kind: 'jwt', jwt: jwt!, keyPair: keyPairFromSeed(seed!) } }
          : { kind: 'knock', credential: { kind: 'bearer', jwt: knock.jwt }, joinToken: knock.token },
      createExecutor: () => testExecutor(),
      log: silentLogger,
      heartbeatMs: 600_000,
    });
    agents.push(agent);
    if (knock === undefined) await agent.ready();
  };
  await inTurns(minions, startOne);
  await Promise.all(agents.map((agent) => agent.ready()));
  if (facts !== undefined)
    await inTurns(agents, ({ id, ports }) => ports.tellFacts(new PyMap([...facts, ['id', id], ['host', id]])));
  running.push({ stop: async () => void (await Promise.all(agents.map((agent) => agent.stop()))) });
}

async function startBare({ servers, users, publicKey }: Order & { kind: 'bare' }): Promise<void> {
  const buses: NatsBus[] = [];
  await inTurns(users, async ({ creds, index }) => {
    const bus = await connectNatsBus({
      ...{ servers, name: `bare${index}`, inboxPrefix: `_INBOX.bare${index}` },
      credentials: credentialsFromCreds(creds),
    });
    const answer = JSON.stringify({ index, padding: 'x'.repeat(200) });
    bus.connection.subscribe('bare.job', {
      callback: (_, message) => {
        const { body, signature, sentAt } = message.json<{ body: string; signature: string; sentAt: number }>();
        createHash('sha256').update(body).digest(); // what a replay is known by
        const isSigned = verifySignature(publicKey, body, Buffer.from(signature, 'base64url'));
        if (isSigned) bus.connection.publish(`bare.ret.${index}.${sentAt}`, answer);
      },
    });
    await bus.flush();
    buses.push(bus);
  });
  running.push({ stop: async () => void (await Promise.all(buses.map((bus) => bus.close()))) });
}

process.on('message', (order: Order) => {
  const work = async (): Promise<void> => {
    if (order.kind === 'agents') await startAgents(order);
    else if (order.kind === 'bare') await startBare(order);
    else await Promise.all(running.splice(0).map((one) => one.stop()));
  };
  work().then(
    () => process.send!({ done: order.kind, rss: process.memoryUsage.rss() }),
    (error: unknown) => process.send!({ failed: String(error) }),
  );
});
