import { parseSchedules } from '@edge-run/shared/schedule';
import { describe, expect, it } from 'vitest';
import { RecordedRunners } from '../../../support/reaction-ports.ts';

const problems = (config: Record<string, Record<string, unknown>>): readonly string[] =>
  parseSchedules(config, new RecordedRunners(['state.orchestrate'])).diagnostics.map(({ summary, detail }) =>
    detail === '' ? summary : `${summary} (${detail})`,
  );

describe('parseSchedules', () => {
  it('reads a function of the master with its arguments and time', () => {
    const { jobs, diagnostics } = parseSchedules({
      backup: {
        ...{ function: 'state.orchestrate', args: ['orch.backup'], kwargs: { pillarenv: 'prod' } },
        ...{ cron: '30 2 * * *', timezone: 'Europe/Berlin', misfire: 'once', returner: 'mysql' },
      },
    });
    expect(diagnostics).toEqual([]);
    expect(jobs).toMatchObject([
      {
        schedule: { name: 'backup', misfire: 'once', overlap: 'skip', enabled: true },
        work: {
          kind: 'runner',
          fun: 'state.orchestrate',
          args: ['orch.backup'],
          kwargs: new Map([['pillarenv', 'prod']]),
        },
        when: '30 2 * * * Europe/Berlin',
      },
    ]);
  });

  it('makes a job of what names hosts, in our words and in Salt’s', () => {
    const { jobs } = parseSchedules({
      ping: { function: 'test.ping', target: 'web*', minutes: 5, timeout: 3 },
      list: { function: 'test.ping', tgt: ['a', 'b'], hours: 1 },
      roster: { function: 'test.ping', tgt: '*', ssh: true, days: 1 },
    });
    expect(jobs.map(({ work }) => work)).toMatchObject([
      { kind: 'job', target: 'web*', targetType: 'glob', timeoutMs: 3_000 },
      { kind: 'job', target: 'a,b', targetType: 'list' },
      { kind: 'job', target: '*', targetType: 'glob', transport: 'ssh' },
    ]);
    expect(jobs.map(({ when }) => when)).toEqual(['every 5 minutes', 'every 1 hours', 'every 1 days']);
  });

  it('refuses hosts of the roster where no hosts are named', () => {
    expect(problems({ s: { function: 'state.orchestrate', ssh: true, hours: 1 } })).toEqual([
      expect.stringContaining('schedule `s`, `ssh`: there is no `target`'),
    ]);
  });

  it.each([
    ['5:00pm', { kind: 'cron', expression: '0 17 * * *', timezone: 'UTC' }],
    ['12:05 am', { kind: 'cron', expression: '5 0 * * *', timezone: 'UTC' }],
    ['Monday 17:30', { kind: 'cron', expression: '30 17 * * 1', timezone: 'UTC' }],
    ['2027-03-28T17:00', { kind: 'once', at: Date.parse('2027-03-28T17:00Z') }],
  ])('reads when: %s', (when, timing) => {
    const { jobs, diagnostics } = parseSchedules({ s: { function: 'f.f', when } });
    expect(diagnostics).toEqual([]);
    expect(jobs[0]?.schedule.timing).toEqual(timing);
  });

  it.each(['25:00', 'Someday 5pm', '13pm', '17', 'next week'])('does not understand when: %s', (when) => {
    expect(problems({ s: { function: 'state.orchestrate', when } })).toEqual([
      expect.stringContaining(`schedule \`s\`, \`when\`: \`${when}\` is not understood`),
    ]);
  });

  it('reports every problem and keeps the schedules that have none', () => {
    const config = {
      good: { function: 'state.orchestrate', seconds: 10 },
      typo: { function: 'state.orchestrat', seconds: 10, overlapp: 'skip' },
      bare: { function: 'state.orchestrate' },
      args: { function: 'state.orchestrate', args: 'orch.x', cron: '99 * * * *' },
      none: { seconds: 1 },
    };
    expect(problems(config)).toEqual([
      expect.stringMatching(/`typo`, `overlapp`: there is no such option .*overlap/),
      expect.stringMatching(/`typo`, `function`: the master has no function `state.orchestrat`.*state\.orchestrate/),
      expect.stringContaining('schedule `bare`: says no time'),
      expect.stringContaining('`args`, `args`: is not a list'),
      expect.stringContaining('`args`, `cron`'),
      expect.stringContaining('`none`, `function`'),
    ]);
    expect(
      parseSchedules(config, new RecordedRunners(['state.orchestrate'])).jobs.map(({ schedule }) => schedule.name),
    ).toEqual(['good']);
  });
});
