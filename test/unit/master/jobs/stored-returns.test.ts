import { storedReturns } from '@edge-run/master/jobs/internal';
import fc from 'fast-check';
import { expect, test } from 'vitest';

/** Jobs and minions: `jid/id`. */
const counted = (held: ReadonlySet<string>) => {
  const asked = { singly: 0, all: 0 };
  const stored = storedReturns({
    has: async (jid, id) => {
      asked.singly += 1;
      return held.has(`${jid}/${id}`);
    },
    idsOf: async (jid) => {
      asked.all += 1;
      return [...held].flatMap((one) => (one.startsWith(`${jid}/`) ? [one.slice(jid.length + 1)] : []));
    },
  });
  return { stored, asked };
};
const ids = Array.from({ length: 50 }, (_, index) => `h${index}`);

test('many targets of one job cost one question after all of its returns', async () => {
  const { stored, asked } = counted(new Set(ids.map((id) => `j/${id}`)));
  const answers = await Promise.all(ids.map((id) => stored(id, ['j'])));
  expect(answers).toEqual(ids.map(() => ['j']));
  expect(asked).toEqual({ singly: 3, all: 1 });
});

test('what is not stored is asked for anew each time', async () => {
  const held = new Set(ids.slice(1).map((id) => `j/${id}`));
  const { stored } = counted(held);
  for (const id of ids.slice(1)) expect(await stored(id, ['j'])).toEqual(['j']);
  for (let round = 0; round < 10; round += 1) expect(await stored('h0', ['j', 'other'])).toEqual([]);
  held.add('j/h0');
  expect(await stored('h0', ['other', 'j'])).toEqual(['j']);
});

test('jobs with very many targets stay remembered side by side', async () => {
  const many = Array.from({ length: 10_000 }, (_, index) => `h${index}`);
  const jids = Array.from({ length: 30 }, (_, index) => `j${index}`);
  const { stored, asked } = counted(new Set(jids.flatMap((jid) => many.map((id) => `${jid}/${id}`))));
  for (const id of many.slice(0, 200)) expect(await stored(id, jids)).toEqual(jids);
  expect(asked).toEqual({ singly: 3 * 30, all: 30 });
  expect(await stored('stranger', jids)).toEqual([]);
});

test('agrees with what is held, whoever asks in whatever order', async () => {
  const some = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i');
  const jobs = fc.uniqueArray(fc.constantFrom('1', '2', '3'));
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(jobs, some).map(([jids, id]) => `${jids[0] ?? '1'}/${id}`)),
      fc.array(fc.tuple(some, jobs), { maxLength: 60 }),
      async (held, questions) => {
        const { stored } = counted(new Set(held));
        const answers = await Promise.all(questions.map(([id, jids]) => stored(id, jids)));
        expect(answers).toEqual(questions.map(([id, jids]) => jids.filter((jid) => held.includes(`${jid}/${id}`))));
      },
    ),
  );
});
