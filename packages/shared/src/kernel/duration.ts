const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, '': 1000, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `30` (seconds, as in Salt), `500ms`, `90s`, `5m`, `1h30m`, `2d`; undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd]|)/g)].filter((part) => part[0] !== '');
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text) return undefined;
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_MS[unit!]!, 0);
}

/** `90 s`, `4m 40s`, `2h 5m`: a time span for people, to two units. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (hours === 0) return seconds % 60 === 0 ? `${minutes} min` : `${minutes}m ${seconds % 60}s`;
  return minutes % 60 === 0 ? `${hours} h` : `${hours}h ${minutes % 60}m`;
}
