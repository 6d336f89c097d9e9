import { isAscii } from 'node:buffer';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import v8 from 'node:v8';
import vm from 'node:vm';
import { crc32 } from 'node:zlib';

/** Sum of the source and sum of the code, behind the code: V8 wants what it reads to stand at the start of a buffer. */
const SUMS_BYTES = 8;

/**
 * Compiles the file of a CommonJS module; what was kept of an earlier start saves the work. Kept code of another source,
 * another Node or that is broken is taken for none.
 *
 * @param {string} file
 * @returns {{ file: string, script: vm.Script, sum: number, isKept: boolean }} the script gives the module's function
 */
export function compile(file) {
  const bytes = readFileSync(file);
  const source = bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8');
  const sum = crc32(bytes);
  const cachedData = readKept(file, sum);
  const script = new vm.Script(`(function (exports, require, module, __filename, __dirname) { ${source}\n})`, {
    filename: file,
    cachedData,
  });
  return { file, script, sum, isKept: cachedData !== undefined && script.cachedDataRejected === false };
}

/**
 * Keeps what V8 has compiled of a script, functions that have run included, for later starts. Where the folder cannot be
 * written to nothing is kept.
 *
 * @param {{ file: string, script: vm.Script, sum: number }} compiled
 */
export function keep({ file, script, sum }) {
  const code = script.createCachedData();
  const sums = Buffer.alloc(SUMS_BYTES);
  sums.writeUInt32LE(sum, 0);
  sums.writeUInt32LE(crc32(code), 4);
  const partial = `${keptFile(file)}.${process.pid}`;
  try {
    const handle = openSync(partial, 'wx');
    try {
      writeSync(handle, code);
      writeSync(handle, sums);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(partial, keptFile(file));
  } catch {
    // The program has done its work; only the next start is slower than it could be.
    removeQuietly(partial);
  }
}

/** Where the code of a file is kept: beside it, apart for each V8, processor and setting that makes a difference. */
function keptFile(file) {
  return `${file}.${v8.cachedDataVersionTag().toString(16)}.code`;
}

/** The code kept of a source with this sum; undefined where there is none that can be trusted. */
function readKept(file, sum) {
  let kept;
  try {
    kept = readFileSync(keptFile(file));
  } catch {
    // The first start with this Node.
    return undefined;
  }
  if (kept.length <= SUMS_BYTES) return undefined;
  const code = kept.subarray(0, -SUMS_BYTES);
  const isSound = kept.readUInt32LE(code.length) === sum && kept.readUInt32LE(code.length + 4) === crc32(code);
  return isSound ? code : undefined;
}

function removeQuietly(file) {
  try {
    rmSync(file, { force: true });
  } catch {
    // A folder that cannot be written to holds no such file.
  }
}
