/** Makes few files of the programs that people and hosts start often: loading hundreds of modules is most of a start. */
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { newestBuild } from '../../packages/shared/bin/newest-build.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAMS = { minion: 'edge-minion', cli: 'edge-run' };
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
    const { output } = await build.write({ dir, format: 'esm', minify, chunkFileNames: '[name]-[hash].js' });
    writeFileSync(`${dir}/contents.json`, JSON.stringify(contents(output), undefined, 2));
    await build.close();
  }
}

/** File of the bundle → the modules in it, for who asks what a start loads. */
function contents(output) {
  return Object.fromEntries(output.map(({ fileName, moduleIds = [] }) => [fileName, moduleIds]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
