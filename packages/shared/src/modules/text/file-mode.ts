import { EdgeError } from '../../kernel/index.ts';

/** Permission bits of a mode as trees write it: `'0644'`, `644`, `'0o755'`, `'2775'`. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function parseMode(mode: string | number): number {
  const digits = String(mode).trim().replace(/^0o/i, '');
  if (/^[0-7]{1,5}$/.test(digits) && Number.parseInt(digits, 8) <= 0o7777) return Number.parseInt(digits, 8);
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `not a file mode: ${mode}`,
    { mode },
    {
      hint: "Write it in octal and in quotes: '0644'.",
    },
  );
}

/** Four octal digits, as Salt prints modes. */
export function formatMode(bits: number): string {
  return bits.toString(8).padStart(4, '0');
}
