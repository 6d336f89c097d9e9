import type { FileSource } from '@edge-run/shared/files';
import type { Clock, JsonObject, JsonValue } from '@edge-run/shared/kernel';
import type { EventSink, Mine } from '@edge-run/shared/modules/contract';
import { type MinionEvent, type RunningJob, SUBJECTS } from '@edge-run/shared/protocol';
import { decodeValue, encodeValue, PyMap, type Value } from '@edge-run/shared/values';
import type { Link, MasterRpc } from './rpc.ts';

/** What the executor of a minion gets from its master. */
export interface MinionPorts {
  readonly id: string;
  readonly dataDir: string;
  readonly files: FileSource;
  readonly mine: Mine & {
    /** Publishes values of this host: function → value. */
    update(values: PyMap): Promise<void>;
  };
  readonly events: EventSink;
  /** The jobs this minion has in hand. */
  running(): readonly RunningJob[];
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
  readonly clock: Clock;
  readonly running: () => readonly RunningJob[];
  readonly role: MinionPorts['role'];
  readonly rotateKey: MinionPorts['rotateKey'];
}): MinionPorts {
  const { id, dataDir, rpc, link, files, clock, running, role, rotateKey } = options;
  return {
    id,
    dataDir,
    files,
    running,
    role,
    rotateKey,
    mine: {
      get: async (target, fun, targetType) => asMap(await rpc.ask('mine-get', { target, fun, targetType })),
      update: async (values) => {
        await rpc.ask('mine-update', { values: encodeValue(values) });
      },
    },
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

function optional(name: string, value: PyMap | undefined): JsonObject {
  return value === undefined ? {} : { [name]: encodeValue(value, { secrets: 'revealed' }) };
}

function asMap(json: JsonValue): PyMap {
  const value: Value = decodeValue(json);
  return value instanceof PyMap ? value : new PyMap();
}
