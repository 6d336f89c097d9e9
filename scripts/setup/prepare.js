/** What `npm start` and `npm test` have in common: a Node that is new enough, dependencies, system packages, a build. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { installSystemPackages } from './system-packages.js';

/** The folder of the repository, without a slash at its end. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** What a user runs; the tests build themselves too. */
const PACKAGES = ['shared', 'minion', 'master', 'cli'].map((name) => `packages/${name}`);
const STAMP = `${ROOT}/node_modules/.edge-lock`;

/**
 * Brings everything in; quick when nothing is missing. Ends the process with exit code 2 and one message otherwise.
 *
 * @param {{ forTests?: boolean }} options
 */
export function prepare({ forTests = false } = {}) {
  requireNode();
  installDependencies();
  const problem = installSystemPackages({ forTests, say });
  if (problem !== undefined) fail(problem);
  run('building', 'npx', ['tsc', '-b', ...(forTests ? [] : PACKAGES)]);
  run('bundling', process.execPath, [`${ROOT}/scripts/setup/bundle.js`]);
}

/** As `prepare` for programs that need nothing but Node: dependencies and a build of everything. */
export function prepareBuild() {
  requireNode();
  installDependencies();
  run('building', 'npx', ['tsc', '-b']);
  run('bundling', process.execPath, [`${ROOT}/scripts/setup/bundle.js`]);
}

/** One line of progress, on stderr. */
export function say(line) {
  process.stderr.write(`· ${line}\n`);
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Node ${process.versions.node} is too old: Edge needs 20.19 or newer. See https://nodejs.org/en/download`);
}

function installDependencies() {
  const lock = createHash('sha256')
    .update(readFileSync(`${ROOT}/package-lock.json`))
    .digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lock) return;
  // Not `npm ci`: it refuses a lock file that leaves out optional packages of other platforms.
  run('installing dependencies', 'npm', [
    'install',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--loglevel=error',
  ]);
  writeFileSync(STAMP, lock);
}

function run(what, program, args) {
  const started = Date.now();
  const { status } = spawnSync(program, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (status !== 0) fail(`${what} failed. Type:  ${program} ${args.join(' ')}`);
  const seconds = (Date.now() - started) / 1000;
  if (seconds > 1) say(`${what}: ${seconds.toFixed(1)} s`);
}

function fail(message) {
  process.stderr.write(`error: ${message}\n`);
  process.exit(2);
}
