import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDisplay } from '@edge-run/shared/modules/providers/alternatives';
import {
  type CronJob,
  formatCrontab,
  isMeant,
  parseCrontab,
  removeEnv,
  removeJob,
  setEnv,
  setJob,
} from '@edge-run/shared/modules/providers/cron';
import { parseHosts } from '@edge-run/shared/modules/providers/hosts';
import {
  escapeOctal,
  findFstab,
  fstabLine,
  parseFstab,
  parseMountinfo,
  removeFstab,
  setFstab,
  unescapeOctal,
} from '@edge-run/shared/modules/providers/mount';
import { parseAuthorizedKeys, parseKnownHosts } from '@edge-run/shared/modules/providers/ssh';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../../conformance/runner.ts';

const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  crontab: (text) => {
    const { pre, entries } = parseCrontab(text);
    return {
      pre: pre.length,
      env: entries.flatMap((entry) => (entry.kind === 'env' ? [[entry.name, entry.value]] : [])),
      jobs: entries.flatMap((entry) => (entry.kind === 'job' ? [JSON.parse(JSON.stringify(entry.job))] : [])),
    };
  },
  fstab: (text) => parseFstab(text).flatMap(({ entry }) => (entry === undefined ? [] : [entry])),
  mountinfo: parseMountinfo,
  hosts: (text) => entriesOf(parseHosts(text)),
  'authorized-keys': (text) => entriesOf(parseAuthorizedKeys(text)),
  'known-hosts': (text) => entriesOf(parseKnownHosts(text)),
  alternatives: (text) => {
    const group = parseDisplay(text);
    return group === undefined ? null : { ...group, choices: [...group.choices] };
  },
};

function entriesOf(lines: readonly { readonly entry?: object }[]): readonly object[] {
  return lines.flatMap(({ entry }) => (entry === undefined ? [] : [entry]));
}

describe.each(Object.entries(PARSERS))('%s read from recorded text', (kind, parse) => {
  const dir = join(repositoryRoot(), 'test/cases', kind);
  for (const file of readdirSync(dir)) {
    it(file.replace('.json', ''), () => {
      const { text, expected } = JSON.parse(readFileSync(join(dir, file), 'utf8')) as {
        text: string;
        expected: unknown;
      };
      expect(parse(text)).toEqual(expected);
    });
  }
});

/** Words of which damaged and whole files are made. */
const MANAGED = '# Lines below here are managed by Salt, do not edit\n';
const cronLine = fc.oneof(
  fc.constantFrom(
    '',
    '#',
    '# text',
    '# a SALT_CRON_IDENTIFIER:b',
    '#DISABLED#1 2 3 4 5 x',
    '@daily x',
    'A=b',
    MANAGED.trim(),
  ),
  fc.string({ unit: fc.constantFrom(...'#@* =15ax\t') }),
);
const field = fc.constantFrom('*', '5', '*/2', '1-3', 'mon');
const oneLine = fc.string({ minLength: 1 }).map((text) => text.replaceAll(/[\n\r\u2028\u2029]/g, '-').trim() || 'x');
const job = fc.record({
  cmd: oneLine,
  identifier: fc.option(
    oneLine.filter((text) => !text.includes('SALT_CRON')),
    { nil: undefined },
  ),
  comment: fc.option(
    fc.string().filter((text) => !/SALT_CRON|[\r\u2028\u2029]/.test(text)),
    { nil: undefined },
  ),
  commented: fc.boolean(),
  seed: fc.constant('host'),
  schedule: fc.oneof(
    fc.record({ kind: fc.constant('special' as const), spec: fc.constantFrom('@daily', '@reboot') }),
    fc.record({
      kind: fc.constant('times' as const),
      times: fc.record({ minute: field, hour: field, daymonth: field, month: field, dayweek: field }),
    }),
  ),
});
const crontab = fc.array(cronLine).map((lines) => lines.map((line) => `${line}\n`).join(''));

describe('crontabs', () => {
  it('every text comes out as it went in', () => {
    fc.assert(fc.property(crontab, (text) => formatCrontab(parseCrontab(text)) === text));
  });
  it('a job that was set is found again, nothing else is touched, and setting it again changes nothing', () => {
    fc.assert(
      fc.property(crontab, job, (text, wanted) => {
        const before = parseCrontab(text);
        const set = setJob(before, wanted);
        const written = formatCrontab(set.tab);
        const key = { kind: wanted.schedule.kind, cmd: wanted.cmd, identifier: wanted.identifier };
        const again = setJob(parseCrontab(written), wanted);
        expect(again.outcome).toBe('present');
        const entry = again.tab.entries.find((found) => found.kind === 'job' && isMeant(found.job, key));
        const { cmd, commented, schedule }: CronJob = (entry as { job: CronJob }).job;
        expect({ cmd, commented, schedule }).toEqual({
          ...{ cmd: wanted.cmd, commented: wanted.commented, schedule: wanted.schedule },
        });
        if (set.outcome === 'new')
          expect(formatCrontab(removeJob(parseCrontab(written), key).tab)).toBe(
            before.hasMarker ? text : text + MANAGED,
          );
      }),
    );
  });
  it('a variable stands above the jobs, keeps its value, and goes without a trace', () => {
    fc.assert(
      fc.property(crontab, fc.constantFrom('MAILTO', 'X1'), oneLine, (text, name, value) => {
        const written = formatCrontab(setEnv(parseCrontab(text), name, value).tab);
        const { entries } = parseCrontab(written);
        const at = entries.findIndex((entry) => entry.kind === 'env' && entry.name === name && entry.value === value);
        expect(at).toBeGreaterThan(-1);
        if (!text.includes(`${name}=`)) expect(entries.slice(0, at).every(({ kind }) => kind !== 'job')).toBe(true);
        expect(setEnv(parseCrontab(written), name, value).outcome).toBe('present');
        expect(formatCrontab(removeEnv(parseCrontab(written), name).tab)).not.toContain(`${name}=${value}\n`);
      }),
    );
  });
  it('random: one time for each host and job, kept once it is there, and within a range', () => {
    const wanted = (seed: string, minute: string) => ({
      ...{ cmd: 'x', identifier: 'x', comment: undefined, commented: false, seed },
      schedule: { kind: 'times' as const, times: { minute, hour: '*', daymonth: '*', month: '*', dayweek: '*' } },
    });
    const minuteOf = (text: string): number => Number(/^(\d+) \* \* \* \* x$/m.exec(text)![1]);
    const set = (text: string, seed: string, minute: string): string =>
      formatCrontab(setJob(parseCrontab(text), wanted(seed, minute)).tab);
    const minutes = Array.from({ length: 40 }, (_, host) => minuteOf(set('', `web${host}`, 'random')));
    expect(minutes.every((minute) => minute >= 0 && minute < 60)).toBe(true);
    expect(new Set(minutes).size).toBeGreaterThan(15);
    expect(set('', 'web1', 'random')).toBe(set('', 'web1', 'random'));
    expect(set(set('', 'web1', '7'), 'web1', 'random')).toBe(set('', 'web1', '7'));
    const ranged = set('', 'web1', '30:20');
    expect(minuteOf(ranged)).toSatisfy((minute: number) => minute >= 20 && minute <= 30);
    expect(set(ranged, 'another', '20:30')).toBe(ranged);
    expect(() => set('', 'web1', '50:70')).toThrow(expect.objectContaining({ code: 'EDGE_BAD_ARGUMENT' }));
  });
});

const word = fc.string({ minLength: 1 }).filter((text) => !text.includes('\0'));
const plain = fc.stringMatching(/^[a-z0-9=_-]{1,8}$/);
const entry = fc.record({
  device: word.map((text) => `/dev/${text}`),
  name: word.map((text) => `/${text}`),
  fstype: plain,
  opts: plain,
  dump: fc.constantFrom('0', '1'),
  pass_num: fc.constantFrom('0', '1', '2'),
});
const fstab = fc
  .array(
    fc.oneof(
      fc.constantFrom('', '# x', 'bad', 'tmpfs /tmp tmpfs defaults'),
      fc.string({ unit: fc.constantFrom(...'#/ a\t0') }),
    ),
  )
  .map((lines) => lines.map((line) => `${line}\n`).join(''));

describe('fstab and mountinfo', () => {
  it('escapes: every text comes out as it went in, as one word', () => {
    fc.assert(
      fc.property(fc.oneof(word, fc.string({ unit: fc.constantFrom(...'\\ \t\n04ü') })), (text) => {
        expect(escapeOctal(text)).not.toMatch(/[ \t\n]/);
        expect(unescapeOctal(escapeOctal(text))).toBe(text);
      }),
    );
  });
  it('an entry that was set is read as it was, once; without it fstab is as before', () => {
    fc.assert(
      fc.property(fstab, entry, (text, wanted) => {
        const key = { name: wanted.name, device: wanted.device };
        fc.pre(findFstab(text, key) === undefined);
        const set = setFstab(text, wanted, key);
        expect(set.outcome).toBe('new');
        expect(findFstab(set.text, key)).toEqual(wanted);
        expect(setFstab(set.text, wanted, key)).toEqual({ outcome: 'present', text: set.text });
        expect(setFstab(set.text, { ...wanted, opts: 'other' }, key).outcome).toBe('change');
        expect(removeFstab(set.text, key)).toBe(text);
        expect(
          parseFstab(set.text)
            .map((line) => line.text)
            .join(''),
        ).toBe(set.text);
        expect(fstabLine(wanted).split('\n')).toHaveLength(2);
      }),
    );
  });
  it('a mount is read as the kernel writes it', () => {
    fc.assert(
      fc.property(
        word,
        word,
        word,
        fc.array(fc.constantFrom('shared:1', 'master:2', 'unbindable')),
        (root, name, device, tags) => {
          const fields = ['36', '35', '98:0', escapeOctal(root), escapeOctal(name), 'rw,noatime', ...tags, '-', 'ext3'];
          expect(parseMountinfo(`${[...fields, escapeOctal(device), 'rw,errors=continue'].join(' ')}\n`)).toEqual([
            {
              ...{ mountId: 36, parentId: 35, deviceNumber: '98:0', root, name, opts: ['rw', 'noatime'] },
              ...{ fstype: 'ext3', device, superopts: ['rw', 'errors=continue'] },
            },
          ]);
        },
      ),
    );
  });
});
