import { storedReturns } from '@edge-run/master/jobs/internal';
import { SUBJECTS } from '@edge-run/shared/protocol';
import { expect, test } from 'vitest';

const counted = (held: ReadonlySet<string>) => {
  const asked = { singly: 0, all: 0 };
  const stored = storedReturns({
    has: async (subject) => {
      asked.singly += 1;
      return held.has(subject);
    },
    subjectsOf: async () => {
      asked.all += 1;
      return new Set(held);
    },
  });
  return { stored, asked };
};
const ids = Array.from({ length: 50 }, (_, index) => `h${index}`);

test('many targets of one job cost one question after all of its returns', async () => {
  const { stored, asked } = counted(new Set(ids.map((id) => SUBJECTS.returns('j', id))));
  const answers = await Promise.all(ids.map((id) => stored(id, ['j'])));
  expect(answers).toEqual(ids.map(() => ['j']));
  expect(asked).toEqual({ singly: 3, all: 1 });
});

test('what is not stored is asked for anew each time', async () => {
  const held = new Set(ids.slice(1).map((id) => SUBJECTS.returns('j', id)));
  const { stored } = counted(held);
  for (const id of ids.slice(1)) expect(await stored(id, ['j'])).toEqual(['j']);
  for (let round = 0; round < 10; round += 1) expect(await stored('h0', ['j', 'other'])).toEqual([]);
  held.add(SUBJECTS.returns('j', 'h0'));
  expect(await stored('h0', ['other', 'j'])).toEqual(['j']);
});
