import { readFileSync, type Stats, statSync } from 'node:fs';
import { basename, isAbsolute } from 'node:path';
import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import type { RosterSource } from '../config/index.ts';

/** How kinds may be written: ours, and the names that Salt's rosters have. */
const KINDS: Readonly<Record<string, 'file' | 'ssh_config' | 'ansible'>> = {
  file: 'file',
  flat: 'file',
  ssh_config: 'ssh_config',
  sshconfig: 'ssh_config',
  ansible: 'ansible',
};

/**
 * The source that a path of this machine is, `KIND:PATH` where its kind does not show. A roster says which keys are used,
 * and which rules for commands a host falls under: it must be from somebody who might have configured the master.
 *
 * @throws EdgeError `EDGE_CONFIG_INVALID`, `EDGE_NOT_ALLOWED`
 */
export function rosterSourceOf(roster: string): RosterSource {
  const match = /^(\w+):(.+)$/.exec(roster);
  const given = match === null ? undefined : KINDS[match[1]!];
  if (match !== null && given === undefined) {
    throw invalid(roster, `\`${match[1]}\` is no kind of roster`, `Kinds are ${Object.keys(KINDS).join(', ')}.`);
  }
  const path = match === null ? roster : match[2]!;
  if (!isAbsolute(path)) throw invalid(roster, `${path} is no absolute path`, 'Write the whole path on the master.');
  const found = requireOurs(path);
  return { kind: given ?? kindOf(path, found), path };
}

/** Told from the name and the content: an ssh_config has `Host` blocks, an inventory sections or the group `all`. */
function kindOf(path: string, found: Stats): 'file' | 'ssh_config' | 'ansible' {
  if (found.isDirectory()) return 'ansible';
  const text = read(path);
  if (/^(ssh_)?config$/.test(basename(path)) || /^\s*(Host|Match)\s+\S/m.test(text)) return 'ssh_config';
  const isInventory = /^\s*\[[^\]\n]+\]\s*$/m.test(text) || /^(all|ungrouped):\s*$/m.test(text);
  return isInventory ? 'ansible' : 'file';
}

function requireOurs(path: string): Stats {
  let found: Stats;
  try {
    found = statSync(path);
  } catch (error) {
    throw invalid(path, `cannot read the roster ${path} on the master: ${errorMessage(error)}`, 'Put it there.');
  }
  const isOurs = found.uid === 0 || found.uid === process.getuid?.();
  if (isOurs && (found.mode & 0o022) === 0) return found;
  throw new EdgeError(
    'EDGE_NOT_ALLOWED',
    `the roster ${path} could have been written by others than the master's own user`,
    { path, uid: found.uid, mode: (found.mode & 0o7777).toString(8) },
    { hint: `On the master: chown root ${path}; chmod go-w ${path}` },
  );
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid(path, `cannot read the roster ${path} on the master: ${errorMessage(error)}`, 'Check its rights.');
  }
}

function invalid(roster: string, what: string, hint: string): EdgeError {
  return new EdgeError('EDGE_CONFIG_INVALID', what, { roster }, { hint });
}
