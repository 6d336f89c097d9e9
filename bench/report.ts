/** One measured value. */
export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The metric of the same run it is compared with, and the quotient. */
  readonly against?: string;
  readonly ratio?: number;
  /** Upper limit of the ratio (or of the value, where there is none); null: only recorded. */
  readonly goal: number | null;
  readonly met: boolean | null;
}

/** Prints a table, or with `-o json` the machine form. Exit code 1 when a goal was missed. */
export function report(bench: string, metrics: readonly Metric[], argv: readonly string[]): void {
  if (argv.includes('json')) process.stdout.write(`${JSON.stringify({ bench, metrics }, null, 2)}\n`);
  else {
    for (const { name, value, unit, against, ratio, goal, met } of metrics) {
      const compared = ratio === undefined ? '' : `  ${ratio.toFixed(2)} x ${against}`;
      const judged = goal === null ? '' : `  goal ${goal}: ${met === true ? 'met' : 'MISSED'}`;
      process.stdout.write(`${name.padEnd(34)} ${value.toFixed(2).padStart(10)} ${unit}${compared}${judged}\n`);
    }
  }
  process.exitCode = metrics.some(({ met }) => met === false) ? 1 : 0;
}

/** A metric compared with another of the same run. */
export function compared(name: string, value: number, unit: string, other: Metric, goal: number | null): Metric {
  const ratio = value / other.value;
  return { name, value, unit, against: other.name, ratio, goal, met: goal === null ? null : ratio <= goal };
}

/** A metric with an upper limit of its own. */
export function bounded(name: string, value: number, unit: string, goal: number): Metric {
  return { name, value, unit, goal, met: value <= goal };
}

/** A metric that others are compared with. */
export function plain(name: string, value: number, unit: string): Metric {
  return { name, value, unit, goal: null, met: null };
}

/** The value below which `share` (0..1) of the samples lie. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
