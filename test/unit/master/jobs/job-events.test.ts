import { newJobNews, returnNews } from '@edge-run/master/jobs/internal';
import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { expect, it } from 'vitest';

type Record = Parameters<typeof returnNews>[0];

const recordOf = (text: string): Record => ({
  ...{ jid: 'j1', fun: 'cmd.run', args: [text], kwargs: [['cwd', '/']], by: 'ana', targets: ['m1'], issuedAt: 1 },
  ...{ expiresAt: 2, target: '*', targetType: 'glob' },
});
const answer: JobTargetAnswer = { outcome: 'succeeded', retcode: 0, ret: 'up' };

it('a return tells what was asked, as Salt does', () => {
  expect(returnNews(recordOf('uptime'), 'm1', answer)).toEqual({
    tag: 'salt/job/j1/ret/m1',
    id: 'job-j1-ret-m1',
    data: {
      ...{ jid: 'j1', id: 'm1', fun: 'cmd.run', fun_args: ['uptime', { cwd: '/', __kwarg__: true }] },
      ...{ outcome: 'succeeded', retcode: 0, success: true, return: 'up' },
    },
  });
});

it('long arguments are told once, when the job is published', () => {
  const long = recordOf('x'.repeat(5_000));
  expect(JSON.stringify(newJobNews(long)).length).toBeGreaterThan(5_000);
  const data = returnNews(long, 'm1', answer).data as object;
  expect(Object.keys(data)).toEqual(['jid', 'id', 'fun', 'outcome', 'retcode', 'success', 'return']);
});
