// npm run bench -- NAME [-o json]: builds, then runs bench/NAME.ts and prints its measurements.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [name, ...rest] = process.argv.slice(2);
const benches = readdirSync(`${root}bench`).flatMap((file) => (file.endsWith('.ts') ? [file.slice(0, -3)] : []));
if (name === undefined || !benches.includes(name)) {
  process.stderr.write(`Usage: npm run bench -- NAME [-o json]\nNAME is one of: ${benches.join(', ')}\n`);
  process.exit(2);
}
const build = spawnSync('npx', ['tsc', '-b'], { cwd: root, stdio: ['ignore', 2, 2] });
const program = `${root}.build/test/bench/${name}.js`;
if (build.status !== 0 || !existsSync(program)) process.exit(build.status || 2);
process.exit(spawnSync(process.execPath, [program, ...rest], { cwd: root, stdio: 'inherit' }).status ?? 1);
