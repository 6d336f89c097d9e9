/** A number of things, or a share of them in percent. */
export interface Amount {
  readonly amount: number;
  readonly isShare: boolean;
}

/** Reads `3` or `25%`; undefined for anything else. */
export function readAmount(text: string): Amount | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim());
  return match === null ? undefined : { amount: Number(match[1]), isShare: match[2] === '%' };
}

/** How many of `total` that is, a fraction where a share does not come out even. */
export function amountAmong({ amount, isShare }: Amount, total: number): number {
  return isShare ? (total * amount) / 100 : amount;
}
