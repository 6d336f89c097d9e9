import { GATHER_DEFAULTS, type Outstanding, type Situation, verdictOf } from '@edge-run/master/jobs';
import { describe, expect, it } from 'vitest';

const NOW = 100_000;
const QUIET: Outstanding = {
  silentSince: undefined,
  muteSince: undefined,
  unanswered: 0,
  isRunning: false,
  resends: 0,
  saidEnded: 0,
  queuedAt: undefined,
};
const SITUATION: Situation = {
  now: NOW,
  fun: 'test.ping',
  issuedAt: NOW - 20_000,
  connectedSince: 0,
  settings: GATHER_DEFAULTS,
  lastAnswerAt: 0,
};

describe('the verdict on a target that has no end', () => {
  const mute = { muteSince: NOW - 7_000, unanswered: 3 };
  const cases: readonly [string, Partial<Outstanding>, Partial<Situation>, string | undefined][] = [
    ['there is hope for one that was not asked', {}, {}, undefined],
    ['no connection for three seconds', { silentSince: NOW - 3_000 }, {}, 'unreachable'],
    ['no connection for less', { silentSince: NOW - 2_999 }, {}, undefined],
    [
      'no connection since ours came back a moment ago',
      { silentSince: NOW - 5_000 },
      { connectedSince: NOW - 5_000 },
      undefined,
    ],
    ['three questions without an answer in seven seconds', mute, {}, 'unreachable'],
    ['two questions without an answer', { ...mute, unanswered: 2 }, {}, undefined],
    ['no answer, of one that said it runs the job', { ...mute, isRunning: true }, {}, undefined],
    ['no answer, while others are just returning the job', mute, { lastAnswerAt: NOW - 1_000 }, undefined],
    ['no answer, when the others are done', mute, { lastAnswerAt: NOW - 3_000 }, 'unreachable'],
    [
      'no answer for long, however busy',
      { muteSince: NOW - 12_000, unanswered: 6, isRunning: true },
      { lastAnswerAt: NOW },
      'unreachable',
    ],
    ['over its time', {}, { timeoutMs: 9_999 }, 'timed-out'],
    [
      'over its time, though it waited for its turn until now',
      { queuedAt: NOW - 1_000 },
      { timeoutMs: 9_999 },
      undefined,
    ],
    ['asked to end, and silent about it', {}, { cancelled: { at: NOW - 7_001, by: 'ann' } }, 'cancelled'],
    ['does not know the job, however often it is sent', { resends: 4 }, {}, 'no-return'],
    ['done, and its return does not come', { saidEnded: 4 }, {}, 'no-return'],
  ];
  it.each(cases)('%s', (_, state, situation, outcome) => {
    expect(verdictOf('web1', { ...QUIET, ...state }, { ...SITUATION, ...situation })?.outcome).toBe(outcome);
  });
});
