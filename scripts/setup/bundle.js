/** Makes few files of the programs that people and hosts start often: loading hundreds of modules is most of a start. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newestBuild } from '../../packages/shared/bin/newest-build.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAMS = { minion: 'edge-minion', cli: 'edge-run' };
/**
 * package → lines that do what most lines do. The functions they run are those whose compiled code is kept: all of them
 * would take longer to load than they save.
 */
const TYPICAL = {
  minion: [['call', '--file-root', '.', 'state.apply', 'typical']],
  cli: [['jobs', 'ls'], ['--help']],
};
const TYPICAL_STATES = `{% set names = ['a', 'b'] %}
{% for name in names %}
{{ name }}:
  test.nop:
    - require: [{test: {{ grains.os }}}]
{% endfor %}
{{ grains.os }}: {test.nop: []}
`;
/** What is never needed where these programs run, or is no JavaScript. */
const EXTERNAL = [/\.node$/, 'cpu-features', 'pino-pretty'];

/** Bundles what was compiled since the last time; the compiled files remain, and do where this fails. */
export async function bundle() {
  for (const [folder, bin] of Object.entries(PROGRAMS)) {
    const home = new URL(`packages/${folder}/`, `file://${ROOT}`);
    if (newestBuild(new URL(`bin/${bin}.js`, home).href)?.includes('/bundle/')) continue;
    const dir = fileURLToPath(new URL('bundle', home));
    if (!statSync(new URL('dist/main.js', home), { throwIfNoEntry: false })) continue;
    rmSync(dir, { recursive: true, force: true });
    const { rolldown } = await import('rolldown');
    const build = await rolldown({
      input: { main: fileURLToPath(new URL('dist/main.js', home)) },
      platform: 'node',
      external: EXTERNAL,
      logLevel: 'silent',
    });
    // Names stay, for those who read a stack trace.
    const minify = { codegen: true, mangle: false, compress: false };
    // Not ES modules: Node 20 compiles those anew in each start. Scripts cannot import, only require.
    const scripts = { format: 'cjs', dynamicImportInCjs: false };
    const names = { entryFileNames: '[name].cjs', chunkFileNames: '[name]-[hash].cjs' };
    // ASCII is read without decoding, and takes half of the memory.
    const { output } = await build.write({ dir, ...scripts, minify, charset: 'ascii', ...names });
    writeFileSync(`${dir}/contents.json`, JSON.stringify(contents(output), undefined, 2));
    await build.close();
    for (const line of TYPICAL[folder]) keepCode(fileURLToPath(new URL(`bin/${bin}.js`, home)), line);
  }
}

/**
 * Starts a program once: what it compiles it keeps. It sees nothing of the user's, and a server that is not there. Where
 * it fails the user's first start keeps what it compiles.
 */
function keepCode(bin, line) {
  const cwd = mkdtempSync(join(tmpdir(), 'edge-bundle-'));
  writeFileSync(join(cwd, 'typical.sls'), TYPICAL_STATES);
  const own = { HOME: cwd, EDGE_HOME: cwd, EDGE_DATA_DIR: cwd, EDGE_NATS_URL: 'nats://127.0.0.1:1' };
  const env = { PATH: process.env.PATH, ...own };
  spawnSync(process.execPath, [bin, ...line], { cwd, env, stdio: 'ignore', timeout: 60_000 });
  rmSync(cwd, { recursive: true, force: true });
}

/** File of the bundle → the modules in it, for who asks what a start loads. */
function contents(output) {
  return Object.fromEntries(output.map(({ fileName, moduleIds = [] }) => [fileName, moduleIds]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
