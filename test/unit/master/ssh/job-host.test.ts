import { JobHost, SshHost } from '@edge-run/master/ssh';
import { expect, test } from 'vitest';

/** What belongs to the connection, not to the work of a job. */
const OF_THE_CONNECTION = ['constructor', 'answering', 'isNotConnected', 'close'];

test('a job sees everything that its host can do', () => {
  const abilities = Object.getOwnPropertyNames(SshHost.prototype).filter((name) => !OF_THE_CONNECTION.includes(name));
  expect(abilities).toContain('exec');
  expect(Object.getOwnPropertyNames(JobHost.prototype)).toEqual(expect.arrayContaining(abilities));
});
