import { execFileSync, spawnSync } from 'node:child_process';
import {
  BoundedOutput,
  channelLine,
  commandScript,
  frame,
  MarkedLines,
  quote,
  UntilMarker,
} from '@edge-run/master/ssh/internal';
import { Slots } from '@edge-run/shared/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const KEY = '0123456789abcdef0123456789abcdef';
const words = fc.array(
  fc.string({ unit: 'binary' }).filter((word) => !word.includes('\0') && !/[\ud800-\udfff]/.test(word)),
  { maxLength: 6 },
);

describe('script', () => {
  it('quote: sh reads back every word', () => {
    fc.assert(
      fc.property(words, (given) => {
        const line = `for a in ${given.map(quote).join(' ')}; do printf '%s\\0' "$a"; done`;
        expect(execFileSync('sh', ['-c', line], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual(given);
      }),
      { numRuns: 40 },
    );
  });
  it('commandScript: a defined environment, and nothing of the caller', () => {
    const script = commandScript(['env'], { env: { A: "it's", HOME: null } }, KEY);
    const { stdout } = spawnSync('sh', ['-c', script], {
      encoding: 'utf8',
      env: { STRAY: '1', HOME: '/h', PATH: '/bin:/usr/bin' },
    });
    const lines = stdout.trim().split('\n');
    expect(lines).toContain("A=it's");
    expect(lines).toContain('LANG=C.UTF-8');
    expect(lines.filter((line) => /^(STRAY|HOME)=/.test(line))).toEqual([]);
  });
  it('commandScript: refuses what is no name of a variable', () => {
    expect(() => commandScript(['true'], { env: { 'a;b': '1' } }, KEY)).toThrow(/a;b/);
  });
  it('commandScript: a program with `=` in its name is no assignment', () => {
    const { stdout, stderr } = spawnSync('sh', ['-c', commandScript(['A=b'], {}, KEY)], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(stderr).toContain(`${KEY} no-program`);
  });
  it('frame: neither syntax errors nor exits end the shell', () => {
    const input = `${frame('exit 7', KEY)}${frame(`eval 'if'`, KEY)}${frame('cat', KEY)}`;
    const { stdout } = spawnSync('sh', [], { input, encoding: 'utf8' });
    expect(stdout.match(/ (\d+)\n/g)).toEqual([' 7\n', ' 2\n', ' 0\n']);
  });
  it('channelLine: a line sshd could not hand over is refused with what to do', () => {
    expect(() => channelLine('x'.repeat(200_000), { kind: 'login' }, KEY)).toThrow(/too long/);
  });
});

describe('output', () => {
  it('UntilMarker and MarkedLines: whatever the cuts between chunks, the output is the same', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }), (cuts) => {
        const stdout = new BoundedOutput(1_000);
        const until = new UntilMarker(`\n${KEY} `, stdout);
        const stderr = new BoundedOutput(1_000);
        const seen: string[] = [];
        const marks = new MarkedLines(KEY, stderr, ([word = '']) => seen.push(word));
        let code: string | undefined;
        for (const chunk of chunks(`some output\n0123456\n${KEY} 17\n`, cuts)) code = until.push(chunk) ?? code;
        for (const chunk of chunks(`${KEY} started 12\nwarning: 0123\n${KEY} end\n`, cuts)) marks.push(chunk);
        marks.end();
        expect([code, stdout.bytes().toString()]).toEqual(['17', 'some output\n0123456']);
        expect([seen, stderr.bytes().toString()]).toEqual([['started', 'end'], 'warning: 0123\n']);
      }),
    );
  });
  it('BoundedOutput: keeps the first bytes and says that there were more', () => {
    const output = new BoundedOutput(5);
    output.push(Buffer.from('abc'));
    expect(output.isTruncated).toBe(false);
    output.push(Buffer.from('defg'));
    expect([output.bytes().toString(), output.isTruncated, output.seenBytes]).toEqual(['abcde', true, 7]);
  });
});

describe('slots', () => {
  it('lets in no more than the bound, first come first served, and forgets who gave up', async () => {
    const slots = new Slots(1);
    const never = new AbortController();
    const release = await slots.take(never.signal);
    const order: string[] = [];
    const impatient = new AbortController();
    const gaveUp = slots.take(impatient.signal).catch((error: { code: string }) => order.push(error.code));
    const second = slots.take(never.signal).then((free) => {
      order.push('second');
      free();
    });
    impatient.abort();
    await gaveUp;
    release();
    release();
    await second;
    expect(order).toEqual(['EDGE_CANCELLED', 'second']);
    expect(slots.taken).toBe(0);
  });
  it('a slot that is given back goes to who waits, not to who comes just then', async () => {
    const slots = new Slots(1);
    const { signal } = new AbortController();
    const release = await slots.take(signal);
    let most = 0;
    let now = 0;
    const work = async (): Promise<void> => {
      const free = await slots.take(signal);
      now += 1;
      most = Math.max(most, now);
      await Promise.resolve();
      now -= 1;
      free();
    };
    const waiting = [work(), work()];
    release();
    waiting.push(work());
    await Promise.all(waiting);
    expect(most).toBe(1);
  });
});

function chunks(text: string, cuts: readonly number[]): readonly Buffer[] {
  const bytes = Buffer.from(text);
  const parts: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = cuts[index % cuts.length] ?? 1;
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
}
