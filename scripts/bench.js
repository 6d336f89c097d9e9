// npm run bench -- NAME [-o json]: brings in what is missing, builds, then runs bench/NAME.ts and prints its measurements.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { prepareBuild, ROOT } from './setup/prepare.js';

const [name, ...rest] = process.argv.slice(2);
const benches = readdirSync(`${ROOT}/bench`).flatMap((file) => (file.endsWith('.ts') ? [file.slice(0, -3)] : []));
if (name === undefined || !benches.includes(name)) {
  process.stderr.write(`Usage: npm run bench -- NAME [-o json]\nNAME is one of: ${benches.join(', ')}\n`);
  process.exit(2);
}
prepareBuild();
const program = `${ROOT}/.build/test/bench/${name}.js`;
if (!existsSync(program)) process.exit(2);
process.exit(spawnSync(process.execPath, [program, ...rest], { cwd: ROOT, stdio: 'inherit' }).status ?? 1);
