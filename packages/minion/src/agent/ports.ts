import type { FileSource } from '@edge-run/shared/files';
import type { Clock, JsonObject, JsonValue } from '@edge-run/shared/kernel';
import type { EventSink, LocalJobs, Mine, MineEntry } from '@edge-run/shared/modules/contract';
import { type MinionEvent, SUBJECTS } from '@edge-run/shared/protocol';
import { decodeValue, encodeValue, PyMap, type Value } from '@edge-run/shared/values';
import type { Link, MasterRpc } from './rpc.ts';

/** What the executor of a minion gets from its master. */
export interface MinionPorts {
  readonly id: string;
  readonly dataDir: string;
  readonly files: FileSource;
  /** The files as they were when a run was planned, by the digest of their bundle. */
  filesOf(bundle: string): FileSource;
  readonly mine: Mine;
  readonly events: EventSink;
  /** Tells the master the facts of this host, by which it is a target. */
  tellFacts(facts: PyMap): Promise<void>;
  /** What the master says about targets and top files: `nodegroups` and the like. */
  fetchMasterOpts(): Promise<PyMap>;
  /** The jobs this minion has in hand. */
  readonly localJobs: LocalJobs;
  /** What this host is for, as its join token says; undefined for one without a role. */
  role(): string | undefined;
  /** A new key for this host; answers with its public half once it is in use. @throws EdgeError `EDGE_NOT_ALLOWED` */
  rotateKey(): Promise<{ readonly publicKey: string }>;
  /** The compiled pillar of this host, secrets revealed; `override` is merged over it. */
  fetchPillar(request: {
    readonly pillarenv?: string;
    readonly saltenv?: string;
    readonly override?: PyMap;
    readonly facts?: PyMap;
  }): Promise<PyMap>;
}

/** The part of the ports that asks and tells the master. */
export function createPorts(options: {
  readonly id: string;
  readonly dataDir: string;
  readonly rpc: MasterRpc;
  readonly link: Link;
  readonly files: FileSource;
  readonly filesOf: MinionPorts['filesOf'];
  readonly clock: Clock;
  readonly localJobs: LocalJobs;
  readonly role: MinionPorts['role'];
  readonly rotateKey: MinionPorts['rotateKey'];
}): MinionPorts {
  const { id, dataDir, rpc, link, files, filesOf, clock, localJobs, role, rotateKey } = options;
  return {
    id,
    dataDir,
    files,
    filesOf,
    localJobs,
    role,
    rotateKey,
    mine: {
      get: async (target, name, targetType) =>
        asMap(
          await rpc.ask('mine-get', { target: typeof target === 'string' ? target : [...target], name, targetType }),
        ),
      update: async (entries, { replaceAll }) => {
        await rpc.ask('mine-update', { entries: entries.map(entryJson), replaceAll });
      },
      remove: async (names) => {
        await rpc.ask('mine-remove', names === undefined ? {} : { names: [...names] });
      },
    },
    tellFacts: async (facts) => {
      await rpc.ask('grains-update', { facts: encodeValue(facts) });
    },
    fetchMasterOpts: async () => asMap(await rpc.ask('master-opts', {})),
    events: {
      send: async (tag, data) => {
        const event: MinionEvent = { tag, data: encodeValue(data), at: clock.now() };
        await link.bus().publish(SUBJECTS.minionEvent(id), event);
        await link.bus().flush();
      },
    },
    fetchPillar: async ({ pillarenv, saltenv, override, facts }) => {
      const question: JsonObject = {
        ...(pillarenv === undefined ? {} : { pillarenv }),
        ...(saltenv === undefined ? {} : { saltenv }),
        ...optional('override', override),
        ...optional('facts', facts),
      };
      return asMap(await rpc.ask('pillar', question, { timeoutMs: 60_000 }));
    },
  };
}

function entryJson({ name, value, allow }: MineEntry): JsonObject {
  const target = typeof allow?.target === 'string' ? allow.target : [...(allow?.target ?? [])];
  const rule = allow === undefined ? {} : { allow: { target, targetType: allow.targetType } };
  return { name, value: encodeValue(value), ...rule };
}

function optional(name: string, value: PyMap | undefined): JsonObject {
  return value === undefined ? {} : { [name]: encodeValue(value, { secrets: 'revealed' }) };
}

function asMap(json: JsonValue): PyMap {
  const value: Value = decodeValue(json);
  return value instanceof PyMap ? value : new PyMap();
}
