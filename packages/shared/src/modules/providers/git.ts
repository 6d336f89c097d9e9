import type { ExecOptions, ExecResult } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';

/** Environment every git command runs with: no prompts, output in English, and the key where one is given. */
export function gitOptions(identity: string | undefined): Pick<ExecOptions, 'env' | 'timeoutMs'> {
  const key = identity === undefined ? '' : ` -i '${identity.replaceAll("'", `'\\''`)}' -o IdentitiesOnly=yes`;
  const ssh = `ssh -o BatchMode=yes${key}`;
  return { env: { GIT_TERMINAL_PROMPT: '0', GIT_SSH_COMMAND: ssh, LC_ALL: 'C.UTF-8' }, timeoutMs: 1_800_000 };
}

/** The address without a password in it. */
export function redactUrl(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)[^/@]+@/i, '$1<redacted>@');
}

/** The failure of a git command in words that help. */
export function gitFailure(hostId: string, label: string, cwd: string | undefined, result: ExecResult): EdgeError {
  const said = redactAll(result.stderr.trim() || result.stdout.trim());
  const place = cwd === undefined ? '' : ` in ${cwd}`;
  return new EdgeError(
    'EDGE_COMMAND_FAILED',
    `git ${label}${place} exited ${result.exitCode} on ${hostId}: ${said}`,
    { exitCode: result.exitCode },
    { hint: hintFor(said) },
  );
}

function hintFor(said: string): string {
  if (/dubious ownership/.test(said)) return 'The repository belongs to another user: run as that user (user: NAME).';
  if (/Authentication failed|could not read Username|Permission denied \(publickey/.test(said))
    return 'Give a key (identity) or credentials the host can use; prompts are off.';
  if (/not a git repository/.test(said)) return 'Clone it first (git.clone, or the state git.latest).';
  return 'Run the same command on the host to see more.';
}

function redactAll(text: string): string {
  return text.replace(/([a-z+]+:\/\/)[^/@\s]+@/gi, '$1<redacted>@');
}

/** Reads `git status -z --porcelain` into Salt's mapping; sections without paths are left out. */
export function parseStatus(output: string): Record<string, string[]> {
  const names: Record<string, string> = {
    A: 'new',
    '?': 'untracked',
    D: 'deleted',
    R: 'renamed',
    C: 'copied',
    T: 'type_changed',
    U: 'unmerged',
  };
  const sections: Record<string, string[]> = {};
  const fields = output.split('\0').filter((field) => field !== '');
  for (let index = 0; index < fields.length; index += 1) {
    const field = fields[index]!;
    const letter = (field.slice(0, 2).trim()[0] ?? ' ') as string;
    // The old name of a renamed or copied path follows in a field of its own.
    if (letter === 'R' || letter === 'C') index += 1;
    const section = names[letter] ?? 'modified';
    sections[section] = [...(sections[section] ?? []), field.slice(3)];
  }
  return sections;
}

/** Reads `git remote --verbose`. */
export function parseRemotes(output: string, redact: boolean): Record<string, { fetch?: string; push?: string }> {
  const remotes: Record<string, { fetch?: string; push?: string }> = {};
  for (const line of output.split('\n')) {
    const match = /^(\S+)\t(.*) \((fetch|push)\)/.exec(line);
    if (match === null) continue;
    const [, name, url, kind] = match as unknown as [string, string, string, 'fetch' | 'push'];
    remotes[name] = { ...remotes[name], [kind]: redact ? redactUrl(url) : url };
  }
  return remotes;
}
