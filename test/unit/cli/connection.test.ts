import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findContext, stateDir } from '@edge-run/cli/shell';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'edge-context-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const none = { context: undefined, config: undefined, natsUrl: undefined };

function place(env: Record<string, string> = {}): Parameters<typeof findContext>[1] {
  return { env, cwd: join(root, 'project/deep'), home: join(root, 'home'), isRoot: false };
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const contexts =
  'current: lab\ncontexts:\n  lab: {url: nats://lab, credentials: lab.creds}\n  prod: {url: nats://prod}\n';

describe('findContext', () => {
  it('takes the first of flags, environment, project, contexts, embedded stack', async () => {
    const url = async (flags = {}, env = {}): Promise<string> =>
      (await findContext({ ...none, ...flags }, place(env))).url;
    write('home/.local/state/edge-run/dev/context.json', '{"url": "nats://embedded", "credentials": "dev.creds"}');
    expect(await url()).toBe('nats://embedded');
    write('home/.config/edge-run/contexts.yaml', contexts);
    expect(await url()).toBe('nats://lab');
    write('project/edge.yaml', 'context: prod\n');
    expect(await url()).toBe('nats://prod');
    expect(await url({}, { EDGE_CONTEXT: 'lab' })).toBe('nats://lab');
    expect(await url({}, { EDGE_NATS_URL: 'nats://env', EDGE_CONTEXT: 'lab' })).toBe('nats://env');
    expect(await url({ context: 'embedded' }, { EDGE_NATS_URL: 'nats://env' })).toBe('nats://embedded');
    expect(await url({ natsUrl: 'nats://flag', context: 'lab' })).toBe('nats://flag');
  });

  it('reads credentials beside the file that names them', async () => {
    write('home/.config/edge-run/contexts.yaml', contexts);
    const { credentials } = await findContext(none, place());
    expect(credentials).toBe(join(root, 'home/.config/edge-run/lab.creds'));
  });

  it('looks for edge.yaml no further than the repository root', async () => {
    write('edge.yaml', 'url: nats://outside\n');
    write('project/.git/HEAD', 'ref: refs/heads/main\n');
    await expect(findContext(none, place())).rejects.toMatchObject({ code: 'EDGE_NO_CONTEXT' });
  });

  it.each([
    ['credentials in a project file', 'url: nats://x\ncredentials: stolen.creds\n', 'EDGE_CONFIG_INVALID'],
    ['a list', '- a\n', 'EDGE_CONFIG_INVALID'],
    ['what is not YAML', 'a: [\n', 'EDGE_CONFIG_INVALID'],
    ['an unknown context', 'context: nowhere\n', 'EDGE_NO_CONTEXT'],
  ])('refuses %s', async (_, text, code) => {
    write('project/edge.yaml', text);
    await expect(findContext(none, place())).rejects.toMatchObject({ code, hint: expect.any(String) });
  });

  it('says what to type when there is nothing', async () => {
    await expect(findContext(none, place())).rejects.toMatchObject({
      code: 'EDGE_NO_CONTEXT',
      hint: expect.stringContaining('edge-run up'),
    });
  });
});

describe('stateDir', () => {
  it.each([
    [{ EDGE_HOME: '/e', XDG_STATE_HOME: '/x' }, true, '/e'],
    [{ XDG_STATE_HOME: '/x' }, true, '/x/edge-run'],
    [{}, true, '/var/lib/edge-run'],
    [{}, false, '/home/u/.local/state/edge-run'],
  ])('%j as root %s is %s', (env, isRoot, dir) => {
    expect(stateDir({ env, isRoot, home: '/home/u', cwd: '/' })).toBe(dir);
  });
});
