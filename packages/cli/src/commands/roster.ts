import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { basename, resolve } from 'node:path';
import { DiagnosticsError, EdgeError, formatDiagnostic } from '@edge-run/shared/kernel';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { emitList } from '../output/emit.ts';
import { formatDuration } from '../output/times.ts';
import type { Session } from '../session.ts';
import { readTarget } from '../target.ts';
import { type Options, wordAt, wordsAt } from './registry.ts';

type Words = Parameters<typeof wordAt>[0];

/** A login may wait for slow hosts and jump hosts. */
const TEST_WITHIN_MS = 120_000;

/** `roster ls [TARGET]`: the hosts, and where each is written. */
export async function listRoster(session: Session, words: Words, options: Options): Promise<ExitCode> {
  const expr = wordAt(words, 0);
  const { hosts } = await (await session.master()).ask('roster.ls', {
    ...(options.refresh === true ? { refresh: true } : {}),
    ...(expr === '' ? {} : { target: readTarget(expr, options) }),
  });
  await emitList(session, {
    rows: hosts,
    columns: [
      { name: 'id', value: (row) => row.id },
      { name: 'host', value: (row) => row.host },
      { name: 'port', value: (row) => String(row.port), align: 'right' },
      { name: 'user', value: (row) => (row.runsAs === row.user ? row.user : `${row.user} → ${row.runsAs}`) },
      { name: 'roster', value: (row) => row.roster },
      { name: 'from', value: (row) => row.place },
      { name: 'through', value: (row) => (row.jumps.length === 0 ? '-' : row.jumps.join(', ')), wide: true },
    ],
    nameOf: (row) => row.id,
    none: 'the roster is empty; write hosts into roster.yaml, then: edge-run roster ls --refresh',
  });
  return EXIT.done;
}

/** `roster test IDS…`: logs in anew, and says how each step went. */
export async function testRoster(session: Session, words: Words): Promise<ExitCode> {
  const timeoutMs = session.flags.timeoutMs ?? TEST_WITHIN_MS;
  const { hosts } = await (await session.master()).ask('roster.test', { ids: [...wordsAt(words, 0)] }, { timeoutMs });
  await emitList(session, {
    rows: hosts,
    columns: [
      { name: 'id', value: (row) => row.id },
      {
        name: 'result',
        value: (row) => (row.ok ? 'ok' : 'failed'),
        paint: (row, style) => (row.ok ? style.green : style.red),
      },
      { name: 'took', value: (row) => formatDuration(row.tookMs), align: 'right' },
      { name: 'detail', value: (row) => row.detail },
    ],
    nameOf: (row) => row.id,
    none: 'no host of the roster has that id; look: edge-run roster ls',
  });
  for (const { id, steps } of hosts) {
    const shown = steps.filter(({ result }) => session.flags.verbose > 0 || result !== 'ok');
    for (const { step, result, detail, hint, tookMs } of shown) {
      const mark = { ok: '✓', warning: '!', failed: '✗' }[result];
      session.note(`${mark} ${id} ${step.padEnd(8)} ${formatDuration(tookMs).padStart(7)}  ${detail}`);
      if (hint !== undefined) session.note(`  help: ${hint}`);
    }
  }
  return hosts.every((host) => host.ok) && hosts.length > 0 ? EXIT.done : EXIT.unreachable;
}

/** `roster import PATH`: an Ansible inventory or an ssh_config as a roster file, printed or written. */
export async function importRoster(session: Session, words: Words, options: Options): Promise<ExitCode> {
  const { localRosterFiles, parseAnsible, parseSshConfig, writeRoster } = await import('@edge-run/shared/roster');
  const path = resolve(session.io.cwd, wordAt(words, 0));
  if (!existsSync(path)) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `there is no ${path}`,
      { path },
      { hint: 'Name an inventory or an ssh_config.' },
    );
  }
  const around = { user: userInfo().username, home: homedir(), files: localRosterFiles };
  const read =
    kindOf(path, options) === 'ssh_config'
      ? parseSshConfig(readFileSync(path, 'utf8'), { ...around, file: path })
      : withoutGroups(parseAnsible({ ...around, path }));
  for (const diagnostic of read.diagnostics)
    if (diagnostic.severity === 'warning') session.note(formatDiagnostic(diagnostic));
  if (read.value === undefined) throw new DiagnosticsError(read.diagnostics);
  const text = writeRoster(read.value);
  const count = `${read.value.length} host${read.value.length === 1 ? '' : 's'}`;
  if (typeof options.write !== 'string') {
    session.io.stdout.write(text);
    session.note(`${count}; secrets are left out: each is read from the variable that stands there`);
    return EXIT.done;
  }
  const file = resolve(session.io.cwd, options.write);
  if (existsSync(file) && options.force !== true) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${file} is there already`,
      { file },
      { hint: 'Overwrite it with --force.' },
    );
  }
  writeFileSync(file, text, { mode: 0o600 });
  session.note(`${count} written to ${file}; name it in \`roster\` of the configuration of the master`);
  return EXIT.done;
}

function withoutGroups<T>(read: {
  readonly value: { readonly targets: T } | undefined;
  readonly diagnostics: DiagnosticsError['diagnostics'];
}): { readonly value: T | undefined; readonly diagnostics: DiagnosticsError['diagnostics'] } {
  return { value: read.value?.targets, diagnostics: read.diagnostics };
}

/** An ssh_config is called `config`, or begins its blocks with `Host`. */
function kindOf(path: string, options: Options): 'ansible' | 'ssh_config' {
  const { from } = options;
  if (from === 'ansible' || from === 'ssh_config') return from;
  if (from !== undefined) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `--from ${String(from)} is no kind of roster`,
      { from: String(from) },
      { hint: 'Write --from ansible or --from ssh_config.' },
    );
  }
  if (statSync(path).isDirectory()) return 'ansible';
  const text = readFileSync(path, 'utf8');
  return /^(ssh_)?config$/.test(basename(path)) || /^\s*(Host|Match)\s+\S/m.test(text) ? 'ssh_config' : 'ansible';
}
