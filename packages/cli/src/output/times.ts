/** `0.3 s`, `12.4 s`, `1m 12s`, `2h 05m`. */
export function formatDuration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, '0')}s`;
  return `${Math.floor(seconds / 3600)}h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}m`;
}

/** `4m`, `6h`, `3d`: how long ago, in its largest unit. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** RFC 3339 in UTC, whole seconds. */
export function formatInstant(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** `4m ago` or `in 3h` where a person looks, RFC 3339 elsewhere. */
export function formatWhen(at: number | undefined, view: { readonly now: number; readonly relative: boolean }): string {
  if (at === undefined) return '-';
  if (!view.relative) return formatInstant(at);
  return at > view.now ? `in ${formatAge(at - view.now)}` : `${formatAge(view.now - at)} ago`;
}

/** `02:31:02.114`, local time. */
export function formatClock(at: number): string {
  const date = new Date(at);
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
