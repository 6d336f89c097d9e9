import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCliProcess } from './process.ts';

const recorder = pathToFileURL(fileURLToPath(new URL('./record-imports.mjs', import.meta.url))).href;
const HEAVY = ['zod', '@nats-io', 'nunjucks', 'js-yaml', 'ssh2', 'fastify', 'pino'];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'edge-cli-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The heavy packages a command line loads. */
async function heavyOf(name: string, argv: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const file = join(directory, name);
  await runCliProcess(argv, { ...env, LOADED_MODULES: file }, ['--import', recorder]);
  const loaded = readFileSync(file, 'utf8').split('\n').flatMap(sourcesOf);
  expect(loaded.some((source) => source.includes('/commander/'))).toBe(true);
  return HEAVY.filter((heavy) => loaded.some((source) => source.includes(`node_modules/${heavy}/`)));
}

/** The modules a file that was loaded is made of: a bundle names them, any other file is itself. */
function sourcesOf(url: string): readonly string[] {
  if (!url.includes('/bundle/')) return [url];
  const contents = JSON.parse(readFileSync(new URL('contents.json', url), 'utf8')) as Record<string, string[]>;
  return contents[basename(fileURLToPath(url))] ?? [];
}

describe('edge-run --help', () => {
  it.each([[['--help']], [['orch', '--help']], [['check', '--help']], [['--version']], [['completion', 'bash']]])(
    '%j loads nothing heavy',
    async (argv) => {
      expect(await heavyOf(argv.join('-'), argv)).toEqual([]);
    },
  );

  it('is seen by this test when it does load something heavy', async () => {
    expect(await heavyOf('ls', ['jobs', 'ls'], { EDGE_NATS_URL: 'nats://127.0.0.1:1' })).toContain('@nats-io');
  });
});

describe('edge-run without a server', () => {
  it('exits 2 and says what to type', async () => {
    const { exitCode, stdout, stderr } = await runCliProcess(['jobs', 'ls'], { EDGE_NATS_URL: 'nats://127.0.0.1:1' });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain('error[EDGE_BUS_UNREACHABLE]');
    expect(stderr).toContain('edge-run up');
  });

  it('prints help on stdout and errors on stderr', async () => {
    const help = await runCliProcess(['--help']);
    expect([help.exitCode, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toContain('edge-run up');
    const wrong = await runCliProcess(['--nonsense']);
    expect([wrong.exitCode, wrong.stdout]).toEqual([2, '']);
  });
});
