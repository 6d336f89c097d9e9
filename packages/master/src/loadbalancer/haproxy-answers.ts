import type { AdminState, MemberHealth } from './loadbalancer.ts';

/** One server of a backend as one HAProxy process sees it. */
export interface HaproxyServer {
  readonly id: string;
  readonly address: string;
  readonly admin: AdminState;
  readonly health: MemberHealth;
  /** scur + qcur. */
  readonly sessions: number;
  /** Weight set by an operator; a server of weight 0 gets no new clients. */
  readonly weight: number;
  /** The status column as HAProxy wrote it: `UP`, `UP 1/3`, `no check`, `DOWN`, `MAINT`, `DRAIN`. */
  readonly status: string;
  /** What the last check said, `L4CON Connection refused`; empty when there was none. */
  readonly lastCheck: string;
}

/** Rows of `show stat` by column name; the columns differ from version to version. */
export function parseStat(answer: string): readonly ReadonlyMap<string, string>[] | undefined {
  const [header, ...lines] = answer.split('\n');
  if (header === undefined || !header.startsWith('# ')) return undefined;
  return table(splitCsv(header.slice(2)), lines.map(splitCsv));
}

/** Rows of `show servers state` by column name; undefined when the answer is not such a table of version 1. */
export function parseServersState(answer: string): readonly ReadonlyMap<string, string>[] | undefined {
  const [version, header, ...lines] = answer.split('\n');
  if (version !== '1' || header === undefined || !header.startsWith('# ')) return undefined;
  return table(
    header.slice(2).trim().split(' '),
    lines.map((line) => line.trim().split(' ')),
  );
}

/** Names in the answer to `show backend`. */
export function parseBackends(answer: string): readonly string[] {
  return answer
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Joins the two tables of one backend; a server that is in only one of them (just added or removed) is left out. */
export function toServers(
  states: readonly ReadonlyMap<string, string>[],
  stats: readonly ReadonlyMap<string, string>[],
): readonly HaproxyServer[] {
  const statOf = new Map(stats.map((row) => [row.get('svname') ?? '', row]));
  return states.flatMap((state) => {
    const id = state.get('srv_name') ?? '';
    const stat = statOf.get(id);
    return stat === undefined ? [] : [toServer(id, state, stat)];
  });
}

/** Bits of srv_admin_state. 4 (disabled in the configuration) stays set after `ready` and decides nothing. */
const MAINTENANCE = 1 | 2 | 32 | 64;
const DRAIN = 8 | 16;

function toServer(id: string, state: ReadonlyMap<string, string>, stat: ReadonlyMap<string, string>): HaproxyServer {
  const bits = count(state.get('srv_admin_state'));
  const weight = count(state.get('srv_uweight'));
  const status = stat.get('status') ?? '';
  const check = [stat.get('check_status') ?? '', stat.get('check_code') ?? '', stat.get('last_chk') ?? ''];
  return {
    id,
    address: stat.get('addr') || `${state.get('srv_addr') ?? ''}:${state.get('srv_port') ?? ''}`,
    admin: adminOf(bits, weight),
    health: healthOf(status, state.get('srv_op_state')),
    sessions: count(stat.get('scur')) + count(stat.get('qcur')),
    weight,
    status,
    lastCheck: check.filter((part) => part !== '').join(' '),
  };
}

function adminOf(bits: number, weight: number): AdminState {
  if (bits & MAINTENANCE) return 'disabled';
  return bits & DRAIN || weight === 0 ? 'draining' : 'enabled';
}

/** Only the exact words count: `UP 1/3` has yet to pass its checks, `DOWN 1/2` is on its way up. */
function healthOf(status: string, operational: string | undefined): MemberHealth {
  if (status === 'UP' || status === 'no check') return 'up';
  if (status === 'DRAIN') return operational === '2' ? 'up' : 'down';
  if (/^(UP|DOWN|DRAIN|NOLB) \d+\/\d+$/.test(status)) return 'checking';
  if (status.startsWith('DOWN') || status === 'NOLB') return 'down';
  return 'unknown';
}

function count(text: string | undefined): number {
  const value = Number(text ?? '');
  return Number.isFinite(value) ? value : 0;
}

function table(names: readonly string[], rows: readonly (readonly string[])[]): readonly ReadonlyMap<string, string>[] {
  return rows
    .filter((row) => row.length > 1)
    .map((row) => new Map(names.map((name, index) => [name, row[index] ?? ''] as const)));
}

/** One CSV line; fields may be quoted, with quotes doubled inside. */
function splitCsv(line: string): readonly string[] {
  if (!line.includes('"')) return line.split(',');
  const fields: string[] = [];
  for (const match of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g))
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
  return fields;
}
