import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OwnFleet } from '../../support/own-fleet.ts';
import { eventually } from '../../support/processes.ts';

const PROGRAM = fileURLToPath(new URL('../../../packages/minion/bin/edge-minion.js', import.meta.url));
const SIZE_BYTES = 40 * 1024 * 1024;

let fleet: OwnFleet;
let child: ChildProcess | undefined;
const content = randomBytes(SIZE_BYTES);
const sha256 = createHash('sha256').update(content).digest('hex');

beforeAll(async () => {
  if (!existsSync(fileURLToPath(new URL('../../../packages/minion/dist/main.js', import.meta.url))))
    throw new Error('build first: npm run build');
  fleet = await OwnFleet.start();
  mkdirSync(join(fleet.dir, 'states'), { recursive: true });
  writeFileSync(join(fleet.dir, 'states/large'), content);
  await fleet.write({ 'killed.yaml': JSON.stringify(await fleet.minionConfig('killed')) });
});
afterAll(async () => {
  child?.kill('SIGKILL');
  await fleet.stop();
});

const start = async (): Promise<void> => {
  child = spawn(process.execPath, [PROGRAM, 'run', '--config', join(fleet.dir, 'killed.yaml')], { stdio: 'ignore' });
  await eventually(() => fleet.hasTold('killed'), 'it has told its facts');
  await eventually(async () => (await fleet.exec('killed', 'test.ping')).killed?.success === true, 'it takes jobs');
};
const cache = (): string => join(fleet.dir, 'minions/killed/files');
const target = (): string => join(fleet.dir, 'copy');

test('a minion that is killed while it fetches fetches the whole file afterwards, once', async () => {
  await start();
  const lost = fleet.exec('killed', 'cp.get_file', ['salt://large', target()]).catch(() => undefined);
  const isRunning = async (): Promise<boolean> =>
    JSON.stringify(await fleet.ask('jobs.ls', { limit: 3 })).includes('cp.get_file');
  await eventually(isRunning, 'the job is under way');
  const ended = once(child!, 'exit');
  child!.kill('SIGKILL');
  await ended;
  expect(existsSync(target())).toBe(false);
  await start();
  expect(await fleet.run('killed', 'cp.get_file', ['salt://large', target()])).toBe(target());
  expect(createHash('sha256').update(readFileSync(target())).digest('hex')).toBe(sha256);
  const kept = readdirSync(cache(), { recursive: true }).map(String);
  expect(kept.filter((path) => path.includes('/'))).toEqual([`${sha256.slice(0, 2)}/${sha256}`]);
  await lost;
});
