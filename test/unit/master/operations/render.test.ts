import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { renderOperations } from '@edge-run/master/operations';
import { createCatalog } from '@edge-run/shared/execute';
import { LocalRoots } from '@edge-run/shared/files';
import { compiled, DiagnosticsError, silentLogger } from '@edge-run/shared/kernel';
import { NO_MINE } from '@edge-run/shared/modules/contract';
import { createRenderer } from '@edge-run/shared/render';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';

const FILES = {
  'web/init.sls': 'include: [web.port]\nweb:\n  test.nop:\n    - name: {{ grains.os }} {{ pillar.port }}\n',
  'web/port.sls': 'port:\n  test.nop: []\n',
  'broken.sls': 'a:\n  tets.nop: []\nb:\n  test.nop:\n    - require: [{test: nothing}]\n',
  'orch/deploy.sls': "step:\n  salt.function:\n    - name: test.ping\n    - tgt: '*'\n",
};

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'edge-master-render-'));
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
});
afterAll(() => rmSync(root, { recursive: true }));

/** Asks as the gateway does, for the only host there is. */
async function ask(question: Record<string, unknown>): Promise<unknown> {
  const { render } = renderOperations({
    base: {
      host: new FakeHost('master'),
      catalog: createCatalog(),
      files: new LocalRoots({ base: [{ directory: root }] }),
      ...createRenderer(),
      opts: new PyMap(),
      events: { send: () => Promise.reject(new Error('nothing is sent while a file is looked at')) },
      mine: NO_MINE,
      log: silentLogger,
    },
    nodes: {
      kindOf: (id: string) => (id === 'web1' ? 'minion' : undefined),
      factsOf: (id: string) => fromPlain({ id, os: 'Debian' }) as PyMap,
    } as never,
    facts: () => Promise.resolve(fromPlain({ id: 'master', os: 'MasterOS' }) as PyMap),
    master: 'master',
    pillarOf: async (id, { override }) => compiled(new PyMap([['port', id === 'web1' ? 80 : 1], ...(override ?? [])])),
  });
  return render!.answer(render!.question.parse(question), { user: 'me' } as never, new AbortController().signal);
}

describe('the operation render', () => {
  it('renders with the grains and pillar of the minion, or of the master', async () => {
    expect(await ask({ path: 'web', id: 'web1' })).toMatchObject({
      text: expect.stringContaining('name: Debian 80\n'),
    });
    expect(await ask({ path: 'web' })).toMatchObject({ text: expect.stringContaining('name: MasterOS 1\n') });
    const overridden = await ask({ path: 'web/init.sls', id: 'web1', pillar: { port: 2 } });
    expect(overridden).toMatchObject({ text: expect.stringContaining('name: Debian 2\n'), warnings: [] });
  });

  it('goes up to every stage', async () => {
    expect(await ask({ path: 'web', id: 'web1', stage: 'yaml' })).toMatchObject({ value: { include: ['web.port'] } });
    const { value: high } = (await ask({ path: 'web', id: 'web1', stage: 'high' })) as { value: object };
    expect(Object.keys(high).sort()).toEqual(['port', 'web']);
    const { value: low } = (await ask({ path: 'salt://web/init.sls', id: 'web1', stage: 'low' })) as {
      value: object[];
    };
    expect(low).toMatchObject([{ __id__: 'port' }, { __id__: 'web', name: 'Debian 80', fun: 'nop' }]);
  });

  it('knows the steps of orchestrations', async () => {
    const { value } = (await ask({ path: 'orch.deploy', stage: 'low' })) as { value: object[] };
    expect(value).toMatchObject([{ state: 'salt', fun: 'function', tgt: '*' }]);
  });

  it('answers all that keeps states from being compiled, with places', async () => {
    const failed: unknown = await ask({ path: 'broken', id: 'web1', stage: 'low' }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(DiagnosticsError);
    expect((failed as DiagnosticsError).diagnostics).toMatchObject([
      { code: 'EDGE_STATE_REQUISITE_MISSING', source: { file: 'broken.sls', line: 5 } },
      { code: 'EDGE_UNKNOWN_STATE', source: { file: 'broken.sls', line: 2 }, detail: 'did you mean `test`?' },
    ]);
  });

  it('knows its hosts', async () => {
    await expect(ask({ path: 'web', id: 'web2' })).rejects.toMatchObject({ code: 'EDGE_TARGET_MATCHES_NOTHING' });
  });
});
