import type { BatchProgress } from '@edge-run/master/jobs';
import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';

type Verdict = Parameters<BatchProgress['gate']>[2];
type Wave = Parameters<BatchProgress['wave']>[2];

/** Progress of batches in memory, which outlives the masters of a test; `waves` shows it. */
export interface MemoryBatches extends BatchProgress {
  /** Job id → who was started together, in order. */
  readonly waves: ReadonlyMap<string, readonly Wave[]>;
}

export function memoryBatches(): MemoryBatches {
  const waves = new Map<string, Wave[]>();
  const ends = new Map<string, Map<string, JobTargetAnswer>>();
  const gates = new Map<string, Map<number, Verdict>>();
  const stops = new Map<string, string>();
  return {
    waves,
    read: async (jid) => ({
      waves: [...(waves.get(jid) ?? [])],
      ends: new Map(ends.get(jid)),
      gates: new Map(gates.get(jid)),
      stopped: stops.get(jid),
    }),
    wave: async (jid, index, started) => {
      const known = waves.get(jid) ?? [];
      if (index < known.length) return false;
      waves.set(jid, [...known, started]);
      return true;
    },
    ended: async (jid, id, answer) => {
      ends.set(jid, new Map([...(ends.get(jid) ?? []), [id, answer]]));
    },
    gate: async (jid, batch, verdict) => {
      const known = gates.get(jid) ?? new Map<number, Verdict>();
      if (known.has(batch)) return false;
      gates.set(jid, known.set(batch, verdict));
      return true;
    },
    stopped: async (jid, because) => void stops.set(jid, because),
  };
}
