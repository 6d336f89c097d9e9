import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ONE_HOST } from '../../support/one-host.ts';
import { describe as said, startStack, type TestStack } from '../../support/stack.ts';

let stack: TestStack;
const host = 'box1';
const target = (): string => join(stack.home, 'motd');
const planFile = (): string => join(stack.home, 'motd.plan');

beforeAll(async () => {
  stack = await startStack({ files: ONE_HOST });
  await stack.mustRun('orch', 'one-host');
  await stack.write('states/motd.txt', 'hello\nworld\n');
  await stack.write('states/motd.sls', `${target()}:\n  file.managed:\n    - source: salt://motd.txt\n`);
}, 300_000);
afterAll(() => stack?.stop());

const plan = async () => stack.run('state', 'plan', host, 'motd', '--save', planFile());

describe.sequential('state plan --save and apply', () => {
  it('shows the diff, saves for its owner alone, changes nothing', async () => {
    await writeFile(target(), 'hello\nmoon\n');
    const ended = await plan();
    expect(ended.exitCode, said(ended)).toBe(0);
    expect(ended.stdout).toContain('-moon\n');
    expect(ended.stdout).toContain('+world\n');
    expect(ended.stdout).toContain('Plan: 1 to change on 1 host.  Nothing was changed.');
    expect(ended.stderr).toContain(`Apply exactly this:  edge-run apply ${planFile()}`);
    expect((await stat(planFile())).mode & 0o777).toBe(0o600);
    expect(await readFile(target(), 'utf8')).toBe('hello\nmoon\n');
  });
  it('refuses with 8 and names what moved: the file on the host', async () => {
    await writeFile(target(), 'somebody was here\n');
    const ended = await stack.run('apply', planFile());
    expect(ended.exitCode, said(ended)).toBe(8);
    expect(ended.stderr).toContain(`${host}: host: file.managed ${target()} would change something else now`);
    expect(await readFile(target(), 'utf8')).toBe('somebody was here\n');
  });
  it('refuses with 8 and names what moved: the source on the master', async () => {
    await writeFile(target(), 'hello\nmoon\n');
    await stack.write('states/motd.txt', 'hello\nmars\n');
    const ended = await stack.run('apply', planFile());
    expect(ended.exitCode, said(ended)).toBe(8);
    expect(ended.stderr).toContain(`${host}: file base:motd.txt has changed`);
    expect(await readFile(target(), 'utf8')).toBe('hello\nmoon\n');
    await stack.write('states/motd.txt', 'hello\nworld\n');
  });
  it('refuses a file somebody edited', async () => {
    const text = await readFile(planFile(), 'utf8');
    const edited = join(stack.home, 'edited.plan');
    await writeFile(edited, text.replace('world', 'w0rld'));
    const ended = await stack.run('apply', edited);
    expect(ended.exitCode, said(ended)).toBe(2);
    expect(ended.stderr).toContain('was changed after it was saved');
  });
  it('applies what it said once everything is as it was, and only once', async () => {
    const ended = await stack.run('apply', planFile());
    expect(ended.exitCode, said(ended)).toBe(0);
    expect(await readFile(target(), 'utf8')).toBe('hello\nworld\n');
    expect((await stack.run('apply', planFile())).exitCode).toBe(8);
  });
});

describe.sequential('a plan made with pillar=', () => {
  const password = 'only-on-the-line';
  const pillar = (word: string): string => `pillar={word: ${word}}`;
  const written = (): string => join(stack.home, 'word');

  it('shows the diff, and keeps the values and all that holds them out of the file', async () => {
    await stack.write('states/word.sls', `${written()}:\n  file.managed:\n    - contents: {{ pillar.word }}\n`);
    await writeFile(written(), 'before\n');
    const ended = await stack.run('state', 'plan', host, 'word', pillar(password), '--save', planFile());
    expect(ended.exitCode, said(ended)).toBe(0);
    expect(ended.stdout).toContain(`+${password}`);
    expect(await readFile(planFile(), 'utf8')).not.toContain(password);
  });
  it('is not started without them, and is stale with others', async () => {
    const without = await stack.run('apply', planFile());
    expect(without.exitCode, said(without)).toBe(2);
    const others = await stack.run('apply', planFile(), pillar('another'));
    expect(others.exitCode, said(others)).toBe(8);
    expect(await readFile(written(), 'utf8')).toBe('before\n');
  });
  it('is applied with the same', async () => {
    const ended = await stack.run('apply', planFile(), pillar(password));
    expect(ended.exitCode, said(ended)).toBe(0);
    expect(await readFile(written(), 'utf8')).toBe(`${password}\n`);
  });
});
