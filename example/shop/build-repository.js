/**
 * Builds the example application's bare git repository from the folders of `releases/`: one commit and one tag each,
 * with fixed authors and dates, so that the commit ids are the same everywhere.
 *
 *   node example/shop/build-repository.js REPOSITORY
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const RELEASES = [
  { tag: 'v1', date: '2026-01-12T09:00:00Z', message: 'Serve the price list' },
  { tag: 'v2', date: '2026-03-02T14:30:00Z', message: 'Sell tea' },
  { tag: 'v3', date: '2026-06-21T11:15:00Z', message: 'Tell the running revision' },
  { tag: 'v4-broken', date: '2026-09-30T16:45:00Z', message: 'Take the currency from the environment' },
];

/** What the hook sends its event with. */
const EDGE_RUN = fileURLToPath(new URL('../../packages/cli/bin/edge-run.js', import.meta.url));

/** The hook through which a pushed tag asks for its own release. Sends nothing where `edge-run` is not configured. */
const POST_RECEIVE = `#!/bin/sh
# Every pushed tag is a release: ask Edge to roll it out. EDGE_RUN and EDGE_HOME say how to reach it.
environment=$(git config --get edge.environment || echo prod)
edge_run=\${EDGE_RUN:-$(git config --get edge.run || echo edge-run)}
EDGE_HOME=\${EDGE_HOME:-$(git config --get edge.home || true)}
[ -n "$EDGE_HOME" ] && export EDGE_HOME || unset EDGE_HOME
unset GIT_DIR GIT_QUARANTINE_PATH
while read -r old new ref; do
  case $ref in refs/tags/*) ;; *) continue ;; esac
  case $new in *[!0]*) ;; *) continue ;; esac
  revision=\${ref#refs/tags/}
  $edge_run events send release/requested "{\\"revision\\": \\"$revision\\", \\"environment\\": \\"$environment\\"}"
done
`;

/** Builds the repository at `path` unless it is there. @returns {boolean} whether it was built */
export function buildRepository(path) {
  const repository = resolve(path);
  if (existsSync(join(repository, 'HEAD'))) return false;
  mkdirSync(dirname(repository), { recursive: true });
  const work = mkdtempSync(join(dirname(repository), '.shop-'));
  try {
    git(work, ['init', '--quiet', '--initial-branch=main']);
    for (const release of RELEASES) commitRelease(work, release);
    // The broken release is a tag off main: nobody merged it.
    git(work, ['update-ref', 'refs/heads/main', 'v3^{commit}']);
    const bare = `${work}.git`;
    git(work, ['clone', '--quiet', '--bare', work, bare]);
    git(bare, ['remote', 'remove', 'origin']);
    writeFileSync(join(bare, 'hooks/post-receive'), POST_RECEIVE, { mode: 0o755 });
    git(bare, ['config', 'edge.run', `${process.execPath} ${EDGE_RUN}`]);
    if (process.env.EDGE_HOME) git(bare, ['config', 'edge.home', process.env.EDGE_HOME]);
    renameSync(bare, repository);
    return true;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function commitRelease(work, { tag, date, message }) {
  cpSync(fileURLToPath(new URL(`releases/${tag}/`, import.meta.url)), work, { recursive: true });
  git(work, ['add', '--all']);
  git(work, ['commit', '--quiet', '--message', message], date);
  git(work, ['tag', '--annotate', '--message', `Release ${tag}`, tag], date);
}

function git(cwd, args, date) {
  const person = { NAME: 'Robin Example', EMAIL: 'robin@shop.example' };
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
  for (const [key, value] of Object.entries(person)) {
    env[`GIT_AUTHOR_${key}`] = value;
    env[`GIT_COMMITTER_${key}`] = value;
  }
  if (date) Object.assign(env, { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date });
  const result = spawnSync('git', args, { cwd, env, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`git ${args.join(' ')} failed: ${result.stderr || result.error}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [repository] = process.argv.slice(2);
  if (!repository) {
    process.stderr.write('usage: node example/shop/build-repository.js REPOSITORY\n');
    process.exit(2);
  }
  process.stdout.write(buildRepository(repository) ? `built ${repository}\n` : `${repository} is there\n`);
}
