import { parseMinionConfig } from '@edge-run/minion/config';
import { createKeyPair } from '@edge-run/shared/bus';
import { EdgeError } from '@edge-run/shared/kernel';
import { expect, test } from 'vitest';

test('flags win over the environment, which wins over the file', () => {
  const config = parseMinionConfig({
    file: { id: 'file', servers: 'nats://a:1, nats://b:2', concurrency: 4, data_dir: '/f' },
    env: { EDGE_MINION_ID: 'env', EDGE_CONCURRENCY: '8', EDGE_JOIN_TOKEN: '' },
    flags: { id: 'flag', data_dir: undefined },
  });
  expect(config).toMatchObject({ id: 'flag', servers: ['nats://a:1', 'nats://b:2'], concurrency: 8, data_dir: '/f' });
  expect(config.join_token).toBeUndefined();
});

test('every wrong key is named at once', () => {
  const { publicKey } = createKeyPair('account');
  try {
    parseMinionConfig({ file: { servers: ['http://x'], trusted_keys: [publicKey], concurency: 1 } });
    expect.unreachable();
  } catch (error) {
    const problems = String((error as EdgeError).details.problems);
    expect(error).toBeInstanceOf(EdgeError);
    for (const part of ['servers.0', 'trusted_keys.0', 'concurency']) expect(problems).toContain(part);
  }
});

test('a file that is no mapping is refused', () => {
  expect(() => parseMinionConfig({ file: ['a'] })).toThrow(/mapping/);
});
