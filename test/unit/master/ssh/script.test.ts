import { execFileSync, spawnSync } from 'node:child_process';
import {
  BoundedOutput,
  commandFrame,
  commandScript,
  lookFrame,
  MarkedLines,
  printed,
  quote,
  shellLine,
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
  it('commandScript: PATH and umask of the host, which a command may say otherwise', () => {
    const run = (env: Record<string, string>, path: string): readonly string[] => {
      const script = commandScript(['sh', '-c', 'echo "$PATH"; umask'], { env }, KEY, { path, umask: 0o77 });
      return spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout.trim().split('\n');
    };
    const usual = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    expect(run({}, '$PATH:/opt/bin/')).toEqual([`${usual}:/opt/bin/`, '0077']);
    expect(run({}, '/a b:$PATH')).toEqual([`/a b:${usual}`, '0077']);
    expect(run({ PATH: '/bin' }, '$PATH:/opt/bin')).toEqual(['/bin', '0077']);
  });
  it('commandScript: refuses what is no name of a variable', () => {
    expect(() => commandScript(['true'], { env: { 'a;b': '1' } }, KEY)).toThrow(/a;b/);
  });
  it('commandScript: a program with `=` in its name is no assignment', () => {
    const { stdout, stderr } = spawnSync('sh', ['-c', commandScript(['A=b'], {}, KEY)], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(stderr).toContain(`${KEY} no-program`);
  });
  it.each(['sh', 'bash', 'ksh', 'busybox'])('frames: neither syntax errors nor exits end %s', (shell) => {
    const none = { kind: 'none' } as const;
    const scripts = ['exit 7', `eval 'if'`, 'cat', "kill -9 $(exec sh -c 'echo $PPID')"];
    const looks = scripts.slice(0, 3).map((script) => lookFrame(script, KEY));
    const commands = scripts.map((script) => commandFrame(`exec sh -c ${quote(script)}`, KEY, none));
    const args = shell === 'busybox' ? ['sh'] : [];
    const { stdout, stderr, error } = spawnSync(shell, args, {
      input: `exec 3>&1 4>&2\n${looks.join('')}${commands.join('')}`,
      encoding: 'utf8',
    });
    if (error !== undefined) return; // that shell is not installed
    // A syntax error is 2 or 3, a signal 128 and, in ksh, 256 plus its number.
    const code = (text: string): string =>
      Number(text) > 256 ? String(Number(text) - 128) : Number(text) > 3 ? text : String(Math.min(1, Number(text)));
    expect(stdout.match(/ (\d+)\n/g)?.map((text) => code(text.trim()))).toEqual(['7', '1', '0']);
    expect(stderr.match(/exit (\d+)\n/g)?.map((text) => code(text.slice(5).trim()))).toEqual(['7', '1', '0', '137']);
    expect(stderr.match(/ end\n/g)).toHaveLength(7);
  });
  it('commandFrame: what is left in the background cannot write into what comes next', () => {
    const none = { kind: 'none' } as const;
    const leaves = commandFrame('(sleep 0.3; echo LATE; echo LATE >&2) & echo early', KEY, none);
    const next = commandFrame('sleep 0.5; echo next', 'f'.repeat(32), none);
    const { stdout, stderr } = spawnSync('sh', [], { input: `exec 3>&1 4>&2\n${leaves}${next}`, encoding: 'utf8' });
    // The shell waits for the straggler: the end of the first frame stands behind its words.
    expect(stdout).toBe(`early\nLATE\n\n${KEY}\nnext\n\n${'f'.repeat(32)}\n`);
    expect(stderr.indexOf('LATE')).toBeLessThan(stderr.indexOf(`${KEY} end`));
  });
  it('commandFrame: input as part of the frame, and input that follows it', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    for (const shell of ['dash', 'bash']) {
      const framed = commandFrame('exec cat', KEY, { kind: 'bytes', bytes });
      const { stdout } = spawnSync(shell, [], { input: `exec 3>&1 4>&2\n${framed}` });
      expect(stdout.subarray(0, 256).equals(bytes)).toBe(true);
    }
    const rest = commandFrame('exec head -c 3', KEY, { kind: 'rest' });
    const { stdout } = spawnSync('bash', [], { input: `exec 3>&1 4>&2\n${rest}abcdef; echo never`, encoding: 'utf8' });
    expect(stdout).toBe(`abc\n${KEY}\n`);
  });
  it('printed: any bytes, in any shell', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    const shells = ['dash', 'bash', 'busybox'].filter((shell) => spawnSync(shell, ['true']).error === undefined);
    fc.assert(
      fc.property(bytes, fc.constantFrom(...shells), (given, shell) => {
        const args = shell === 'busybox' ? ['sh', '-c', printed(given)] : ['-c', printed(given)];
        expect(execFileSync(shell, args).equals(Buffer.from(given))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
  it('shellLine: one line, for whatever login shell reads it', () => {
    const users = [{ kind: 'sudo', user: 'app', password: undefined } as const, { kind: 'login' } as const];
    for (const become of users) expect(shellLine(become, KEY)).not.toContain('\n');
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
        const marks = new MarkedLines(KEY, stderr, ([word = '']) => {
          seen.push(word);
          return word === 'end';
        });
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
