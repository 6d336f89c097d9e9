import { EdgeError, requireCompiled } from '@edge-run/shared/kernel';
import { pillarGet } from '@edge-run/shared/pillar';
import { type FleetNode, type MinionKey, OPERATIONS, type TargetExpression } from '@edge-run/shared/protocol';
import { globMatches } from '@edge-run/shared/target';
import { decodeValue, encodeValue, PyMap, traverse, type Value } from '@edge-run/shared/values';
import { type Operation, operation } from '../gateway/index.ts';
import type { Dispatcher, Presence } from '../jobs/index.ts';
import type { Keyring, ListedKey } from '../keys/index.ts';
import type { Nodes } from '../nodes/index.ts';
import type { SshFleet } from '../ssh/index.ts';
import { explainValue, type LayeredPillar } from './explain-pillar.ts';
import { matchTarget } from './match.ts';
import { rosterOperations } from './roster.ts';

/** What the operations on hosts and keys are answered with. */
export interface FleetOperationsOptions {
  readonly keyring: Keyring;
  /** How minions come in: the broker's addresses, and what they connect with. */
  readonly access: {
    readonly servers: readonly string[];
    readonly knock?: string;
    readonly credentials?: string;
    /** Certificates of the authority that signed the broker's, in PEM. */
    readonly ca?: string;
  };
  readonly nodes: Nodes;
  readonly presence: Presence;
  /** Runs jobs on minions, for what only they can do. */
  readonly dispatcher: Pick<Dispatcher, 'run'>;
  readonly sshFleet: SshFleet;
  /** Reads the rosters again. @throws DiagnosticsError with what is wrong in them */
  refreshRosters(): Promise<void>;
  pillarOf(
    id: string,
    query: { pillarenv: string | undefined; override: PyMap | undefined; layers?: boolean },
  ): Promise<LayeredPillar>;
  /** `pillar_source_merging_strategy`. */
  readonly mergingStrategy: string;
}

const HOUR_MS = 3_600_000;
/** How long a minion may take to change its key. */
const ROTATION_MS = 60_000;

/** What people ask about keys and hosts. */
export function fleetOperations(options: FleetOperationsOptions): Readonly<Record<string, Operation>> {
  return { ...keyOperations(options), ...nodeOperations(options), ...rosterOperations(options) };
}

function keyOperations({ keyring, access, dispatcher }: FleetOperationsOptions): Readonly<Record<string, Operation>> {
  const matching = async (
    globs: readonly string[],
    states: readonly MinionKey['state'][],
  ): Promise<readonly MinionKey[]> => {
    const keys = (await keyring.list()).map(keyOf);
    const found = keys.filter((key) => states.includes(key.state) && globs.some((glob) => globMatches(glob, key.id)));
    if (found.length > 0) return found;
    throw new EdgeError(
      'EDGE_KEY_UNKNOWN',
      `no ${states.join(' or ')} key matches ${globs.join(', ')}`,
      { ids: [...globs] },
      { hint: "See 'edge-run keys ls'." },
    );
  };
  const keysNow = async (ids: readonly string[]): Promise<{ keys: MinionKey[] }> => ({
    keys: (await keyring.list()).map(keyOf).filter(({ id }) => ids.includes(id)),
  });
  return {
    'keys.ls': operation(OPERATIONS['keys.ls'].args, async ({ state }) => ({
      keys: (await keyring.list()).map(keyOf).filter((key) => state === undefined || key.state === state),
    })),
    'keys.accept': operation(OPERATIONS['keys.accept'].args, async ({ ids }, caller) => {
      const keys = await matching(ids, ['pending', 'rejected', 'denied']);
      for (const { id } of keys) await keyring.accept(id, caller.id);
      return keysNow(keys.map(({ id }) => id));
    }),
    'keys.reject': operation(OPERATIONS['keys.reject'].args, async ({ ids }, caller) => {
      const keys = await matching(ids, ['pending', 'accepted']);
      for (const { id } of keys) await keyring.reject(id, caller.id);
      return keysNow(keys.map(({ id }) => id));
    }),
    'keys.delete': operation(OPERATIONS['keys.delete'].args, async ({ ids }) => {
      const keys = await matching(ids, ['pending', 'accepted', 'rejected', 'denied']);
      for (const id of new Set(keys.map((key) => key.id))) await keyring.delete(id);
      return { ids: [...new Set(keys.map(({ id }) => id))] };
    }),
    'keys.finger': operation(OPERATIONS['keys.finger'].args, async ({ ids }) => ({
      master: keyring.jobSigner.publicKey,
      keys: (await keyring.list())
        .map(keyOf)
        .filter(({ id }) => ids === undefined || ids.some((glob) => globMatches(glob, id))),
    })),
    'keys.join': operation(OPERATIONS['keys.join'].args, async () => ({
      ...access,
      servers: [...access.servers],
      trustedKeys: [keyring.jobSigner.publicKey],
    })),
    'keys.rotate': operation(OPERATIONS['keys.rotate'].args, async ({ ids }, caller, signal) => {
      const targets = [...new Set((await matching(ids, ['accepted'])).map(({ id }) => id))];
      const job = { target: targets.join(','), targetType: 'list', fun: 'saltutil.regen_keys', by: caller.id };
      const answer = await dispatcher.run({ ...job, timeoutMs: ROTATION_MS }, signal);
      const failed = [...answer.targets].flatMap(([id, { outcome, evidence }]) =>
        outcome === 'succeeded' ? [] : [{ id, reason: evidence ?? outcome }],
      );
      const kept = new Set(failed.map(({ id }) => id));
      return { ...(await keysNow(targets.filter((id) => !kept.has(id)))), failed };
    }),
    'keys.token-ls': operation(OPERATIONS['keys.token-ls'].args, async () => ({
      tokens: (await keyring.listTokens()).map(({ digest: _, ...token }) => token),
    })),
    'keys.token-revoke': operation(OPERATIONS['keys.token-revoke'].args, async ({ name }) => {
      await keyring.deleteToken(name);
      return { name };
    }),
    'keys.token-new': operation(OPERATIONS['keys.token-new'].args, async ({ name, ids, role, uses, ttlMs }, caller) => {
      const { token, entry } = await keyring.createToken({
        name: name ?? `${caller.id}-${Date.now()}`,
        validForMs: ttlMs ?? HOUR_MS,
        uses: uses ?? 1,
        ...(ids === undefined ? {} : { ids }),
        ...(role === undefined ? {} : { role }),
      });
      return { token, name: entry.name, expiresAt: entry.expiresAt };
    }),
  };
}

function nodeOperations({
  nodes,
  presence,
  sshFleet,
  pillarOf,
  mergingStrategy,
}: FleetOperationsOptions): Readonly<Record<string, Operation>> {
  const select = async (target: TargetExpression | undefined): Promise<readonly string[]> =>
    target === undefined
      ? nodes.ids()
      : (await nodes.select(target.expr, target.type, { delimiter: target.delimiter })).matched.map(({ id }) => id);
  const required = async (target: TargetExpression): Promise<readonly string[]> => {
    const ids = await select(target);
    if (ids.length > 0) return ids;
    throw new EdgeError(
      'EDGE_TARGET_MATCHES_NOTHING',
      `${String(target.expr)} (${target.type}) selects no host`,
      {},
      { hint: "See 'edge-run nodes ls'." },
    );
  };
  return {
    'nodes.ls': operation(OPERATIONS['nodes.ls'].args, async ({ target }) => {
      const ids = await select(target);
      return {
        nodes: ids.map(
          (id): FleetNode =>
            nodes.kindOf(id) === 'ssh' ? sshNode(id, sshFleet, nodes) : minionNode(id, presence, nodes),
        ),
      };
    }),
    match: operation(OPERATIONS.match.args, (question) => matchTarget(nodes, question)),
    'pillar.show': operation(OPERATIONS['pillar.show'].args, async ({ target, key, pillarenv, pillar }) => {
      const override = pillar === undefined ? undefined : decodeValue(pillar);
      const query = { pillarenv, override: override instanceof PyMap ? override : undefined };
      const entries = (await required(target)).map(async (id) => {
        const data = requireCompiled(await pillarOf(id, query));
        return [id, encodeValue(key === undefined ? data : pillarGet(data, key, null))] as const;
      });
      return { values: Object.fromEntries(await Promise.all(entries)) };
    }),
    'pillar.explain': operation(OPERATIONS['pillar.explain'].args, async ({ target, key, pillarenv, pillar }) => {
      const override = pillar === undefined ? undefined : decodeValue(pillar);
      const query = { pillarenv, override: override instanceof PyMap ? override : undefined, layers: true };
      const entries = (await required(target)).map(async (id) => {
        return [id, explainValue(await pillarOf(id, query), key, mergingStrategy)] as const;
      });
      return { explanations: Object.fromEntries(await Promise.all(entries)) };
    }),
    'grains.ls': operation(OPERATIONS['grains.ls'].args, async ({ target, key }) => {
      const ids = await required(target);
      return {
        values: Object.fromEntries(ids.map((id) => [id, encodeValue(factOf(nodes.factsOf(id), key))])),
        asOf: Object.fromEntries(
          ids.flatMap((id) => {
            const at = nodes.factsAsOf(id);
            return at === undefined ? [] : [[id, at]];
          }),
        ),
      };
    }),
  };
}

function minionNode(id: string, presence: Presence, nodes: Nodes): FleetNode {
  const seen = presence.find(id);
  return {
    id,
    kind: 'minion',
    state: seen === undefined ? 'unknown' : seen.connected ? 'connected' : 'disconnected',
    ...described(nodes.factsOf(id)),
    ...grainsAsOf(id, nodes),
    ...(seen === undefined ? {} : { lastSeenAt: seen.seenAt }),
  };
}

function sshNode(id: string, fleet: SshFleet, nodes: Nodes): FleetNode {
  const { host } = fleet.target(id);
  return {
    id,
    kind: 'ssh',
    state: 'unknown',
    ...described(nodes.factsOf(id)),
    ...grainsAsOf(id, nodes),
    address: host,
  };
}

function described(facts: PyMap): { version?: string; os?: string; address?: string } {
  const text = (name: string): string | undefined => {
    const value = facts.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const version = text('edgeversion');
  const os = text('osfinger') ?? text('os');
  const address = text('address');
  return {
    ...(version === undefined ? {} : { version }),
    ...(os === undefined ? {} : { os }),
    ...(address === undefined ? {} : { address }),
  };
}

function grainsAsOf(id: string, nodes: Nodes): { grainsAsOf?: number } {
  const at = nodes.factsAsOf(id);
  return at === undefined ? {} : { grainsAsOf: at };
}

function factOf(facts: PyMap, key: string | undefined): Value {
  return key === undefined ? facts : (traverse(facts, key) ?? null);
}

function keyOf(key: ListedKey): MinionKey {
  const { id, state, fingerprint, changedAt, changedBy, role } = key;
  const token = changedBy?.startsWith('token:') ? changedBy.slice('token:'.length) : undefined;
  return {
    ...{ id, state, fingerprint, since: changedAt },
    ...(token === undefined ? {} : { token }),
    ...(role === undefined ? {} : { role }),
  };
}
