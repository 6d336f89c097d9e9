import type { InstantMs } from '@edge-run/shared/kernel';
import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { idFromToken, idToken, type RunOfJob, runOfJob, targetOutcome } from '@edge-run/shared/protocol';
import type { KV } from '@nats-io/kv';
import { z } from 'zod';
import { isWrittenByAnother } from '../jetstream/index.ts';

const wave = z.object({
  ids: z.array(z.string()),
  batch: z.number().optional(),
  issuedAt: z.number(),
  run: runOfJob.optional(),
});
const end = z.object({ outcome: targetOutcome, retcode: z.number(), evidence: z.string().optional() });
const stop = z.object({ because: z.string() });
const gate = z.object({ problem: z.string().optional() });

/** Targets of a batch that were started together, and what is particular to the job they get. */
export interface BatchWave {
  readonly ids: readonly string[];
  readonly issuedAt: InstantMs;
  /** Which of several batches it belongs to, counted from 0. */
  readonly batch?: number | undefined;
  /** The run and its epoch then. */
  readonly run?: RunOfJob | undefined;
}

/** What the gate behind a batch said. */
export interface GateVerdict {
  /** Why the next batch may not begin; undefined when it may. */
  readonly problem?: string | undefined;
}

/** How far a batch is, as kept. */
export interface BatchRecord {
  /** In order of their start. */
  readonly waves: readonly BatchWave[];
  /** Id → how it ended, of those whose end is in no return. */
  readonly ends: ReadonlyMap<string, JobTargetAnswer>;
  /** Batch → what its gate said. */
  readonly gates: ReadonlyMap<number, GateVerdict>;
  /** Why nobody else may be started. */
  readonly stopped: string | undefined;
}

/**
 * How far batches are, durably: a wave is on record before anybody in it is told, so that the next master knows who may
 * have started. All but `wave` may be repeated.
 */
export interface BatchProgress {
  read(jid: string): Promise<BatchRecord>;
  /** False when that wave is on record already: another master drives the batch too. */
  wave(jid: string, index: number, started: BatchWave): Promise<boolean>;
  ended(jid: string, id: string, answer: JobTargetAnswer): Promise<void>;
  /** False when a verdict on that batch is on record already, perhaps another one. */
  gate(jid: string, batch: number, verdict: GateVerdict): Promise<boolean>;
  stopped(jid: string, because: string): Promise<void>;
}

/** Progress in a bucket: `<jid>.wave.<index>`, `<jid>.gate.<batch>`, `<jid>.end.<host>` and `<jid>.stop`. */
export function batchProgress(bucket: Pick<KV, 'create' | 'put' | 'get' | 'history'>): BatchProgress {
  const create = async (key: string, content: object): Promise<boolean> => {
    try {
      await bucket.create(key, JSON.stringify(content));
      return true;
    } catch (error) {
      if (isWrittenByAnother(error)) return false;
      throw error;
    }
  };
  return {
    async read(jid) {
      const waves = new Map<number, BatchWave>();
      const ends = new Map<string, JobTargetAnswer>();
      const gates = new Map<number, GateVerdict>();
      for await (const entry of await bucket.history({ key: `${jid}.>` })) {
        if (entry.operation !== 'PUT') continue;
        const [, kind, name = ''] = entry.key.split('.');
        const body: unknown = JSON.parse(entry.string());
        if (kind === 'wave') waves.set(Number(name), wave.parse(body));
        else if (kind === 'gate') gates.set(Number(name), gate.parse(body));
        else if (kind === 'end') ends.set(idFromToken(name), end.parse(body) as JobTargetAnswer);
      }
      // Asked for by itself: a history that a lost connection cuts short must not start anybody after a stop.
      const stopping = await bucket.get(`${jid}.stop`);
      const stopped = stopping === null ? undefined : stop.parse(JSON.parse(stopping.string())).because;
      return { waves: [...waves].sort(([a], [b]) => a - b).map(([, started]) => started), ends, gates, stopped };
    },
    wave: (jid, index, started) => create(`${jid}.wave.${index}`, started),
    gate: (jid, batch, verdict) => create(`${jid}.gate.${batch}`, verdict),
    async ended(jid, id, { outcome, retcode, evidence }) {
      await bucket.put(`${jid}.end.${idToken(id)}`, JSON.stringify({ outcome, retcode, evidence }));
    },
    async stopped(jid, because) {
      await bucket.put(`${jid}.stop`, JSON.stringify({ because }));
    },
  };
}
