import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../conformance/runner.ts';

const run = promisify(execFile);
const MAIN = `
const { answer } = require('./part.cjs');
exports.name = 'main';
Promise.resolve().then(() => require('./later.cjs')).then(({ later }) => later()).then((text) => console.log(answer + text));
`;
const PART = "exports.answer = require('node:path').basename(__filename) + ' ';";
const LATER = `
exports.later = () => require('node:path').basename(__dirname) + ' ' + require('./main.cjs').name;
`;

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'edge-start-'));
  for (const folder of ['bin', 'program/dist', 'program/bundle', 'program/bin'])
    mkdirSync(join(home, folder), { recursive: true });
  cpSync(join(repositoryRoot(), 'packages/shared/bin'), join(home, 'bin'), { recursive: true });
  writeFileSync(join(home, 'package.json'), '{"type": "module"}');
  const start = "import { startProgram } from '../../bin/start-program.js';\nawait startProgram(import.meta.url);\n";
  writeFileSync(join(home, 'program/bin/example.js'), start);
  for (const [name, text] of Object.entries({ main: MAIN, part: PART, later: LATER })) write(`${name}.cjs`, text);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const bundle = (file: string): string => join(home, 'program/bundle', file);
const write = (file: string, text: string | Uint8Array): void => writeFileSync(bundle(file), text);
/** file → what is kept of it */
const kept = (): ReadonlyMap<string, Buffer> =>
  new Map(
    readdirSync(join(home, 'program/bundle')).flatMap((name) =>
      name.endsWith('.code') ? [[name.split('.cjs.')[0]!, readFileSync(bundle(name))] as const] : [],
    ),
  );
const keptFile = (name: string): string =>
  bundle(readdirSync(join(home, 'program/bundle')).find((file) => file.startsWith(`${name}.cjs.`))!);

/** What the program prints; whatever it writes to stderr is a failure. */
async function start(nodeArguments: readonly string[] = []): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, [...nodeArguments, join(home, 'program/bin/example.js')]);
  expect(stderr).toBe('');
  return stdout;
}

describe('a bundled program', () => {
  it('runs, and keeps the compiled code of every file it has loaded', async () => {
    expect(await start()).toBe('part.cjs bundle main\n');
    expect([...kept().keys()].sort()).toEqual(['later', 'main', 'part']);
  });

  it('runs from what was kept, and leaves that as it is', async () => {
    await start();
    const before = kept();
    expect(await start()).toBe('part.cjs bundle main\n');
    expect(kept()).toEqual(before);
  });

  it('compiles a file that has changed', async () => {
    await start();
    const before = kept();
    // As long as before: the length is what V8 goes by.
    write('part.cjs', PART.replace("' '", "'-'"));
    expect(await start()).toBe('part.cjs-bundle main\n');
    expect(kept().get('part')).not.toEqual(before.get('part'));
    expect(kept().get('main')).toEqual(before.get('main'));
  });

  it.each<[string, (code: Buffer) => Uint8Array]>([
    ['is empty', () => new Uint8Array()],
    ['was cut off', (code) => code.subarray(0, code.length / 2)],
    ['is something else', () => Buffer.from('no code at all')],
    ['has one wrong bit', (code) => code.with(code.length >> 1, code[code.length >> 1]! ^ 1)],
  ])('makes kept code anew that %s', async (_, broken) => {
    await start();
    const before = kept();
    writeFileSync(keptFile('main'), broken(before.get('main')!));
    expect(await start()).toBe('part.cjs bundle main\n');
    expect(kept().get('main')?.length).toBe(before.get('main')?.length);
    expect(await start()).toBe('part.cjs bundle main\n');
  });

  it('keeps code apart for settings it was not compiled with', async () => {
    await start();
    const files = readdirSync(join(home, 'program/bundle')).length;
    expect(await start(['--no-opt'])).toBe('part.cjs bundle main\n');
    expect(readdirSync(join(home, 'program/bundle')).length).toBe(files + 3);
  });

  it('runs where nothing can be kept', async () => {
    // A folder in the way of each file stops root too.
    await start();
    for (const name of ['main', 'part', 'later']) {
      const file = keptFile(name);
      rmSync(file);
      mkdirSync(file);
    }
    const before = readdirSync(join(home, 'program/bundle'));
    expect(await start()).toBe('part.cjs bundle main\n');
    expect(readdirSync(join(home, 'program/bundle'))).toEqual(before);
  });

  it('shows where in its files something went wrong', async () => {
    write('later.cjs', "exports.later = () => { throw new Error('broken'); };");
    await expect(start()).rejects.toThrow(/broken\n.* at exports\.later .*later\.cjs:1/);
  });
});

describe('a program that is not built', () => {
  it('says what to type', async () => {
    rmSync(bundle('main.cjs'));
    await expect(start()).rejects.toMatchObject({ code: 2, stderr: 'example is not built yet. Run: npm run build\n' });
  });

  it('runs what the compiler wrote when the bundle is older', async () => {
    writeFileSync(join(home, 'program/dist/main.js'), "console.log('compiled');");
    writeFileSync(join(home, 'program/dist/.tsbuildinfo'), '');
    utimesSync(bundle('main.cjs'), 0, 0);
    expect(await start()).toBe('compiled\n');
  });
});
