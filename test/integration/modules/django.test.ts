import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalHost } from '@edge-run/shared/host';
import { djangoFunctions } from '@edge-run/shared/modules/execution';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callFunction, moduleContext } from '../../support/module-context.ts';

/* Which command of Django is run, with what, in whose environment; Django itself is a shell script that says so. */

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'edge-django-'));
  const bin = join(directory, 'venv/bin');
  await mkdir(bin, { recursive: true });
  const program = join(bin, 'django-admin');
  await writeFile(
    program,
    `#!/bin/sh\nprintf '%s\\n' "$@" > ${directory}/asked\necho "$SECRET_KEY done"; [ "$1" != fails ]\n`,
  );
  await chmod(program, 0o755);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const call = (name: string, kwargs: Record<string, unknown>) =>
  callFunction(
    djangoFunctions.find((module) => module.name === `django.${name}`)!,
    moduleContext(new LocalHost({ id: 'app1' })),
    [],
    { settings_module: 'shop.settings', bin_env: join(directory, 'venv'), ...kwargs },
  );
const asked = async (): Promise<string[]> => (await readFile(join(directory, 'asked'), 'utf8')).trimEnd().split('\n');

describe('django', () => {
  it.each([
    ['collectstatic', {}, ['collectstatic', '--settings=shop.settings', '--noinput']],
    [
      'collectstatic',
      { pythonpath: '/srv/shop', clear: true, link: true, ignore: '*.map', no_post_process: true },
      [
        ...['collectstatic', '--settings=shop.settings', '--pythonpath=/srv/shop', '--noinput', '--no-post-process'],
        ...['--clear', '--link', '--ignore=*.map'],
      ],
    ],
    ['migrate', {}, ['migrate', '--settings=shop.settings', '--noinput']],
    [
      'migrate',
      { app_label: 'cart', migration_name: '0002', noinput: false, database: 'old' },
      ['migrate', 'cart', '0002', '--settings=shop.settings', '--database=old'],
    ],
    ['syncdb', { migrate: true }, ['syncdb', '--settings=shop.settings', '--migrate', '--noinput']],
    ['loaddata', { fixtures: 'a, b' }, ['loaddata', 'a', 'b', '--settings=shop.settings']],
    [
      'createsuperuser',
      { username: 'ann', email: 'ann@example.com' },
      ['createsuperuser', '--settings=shop.settings', '--noinput', '--email=ann@example.com', '--username=ann'],
    ],
    [
      'command',
      { command: 'check', deploy: true, tag: 'models' },
      ['check', '--settings=shop.settings', '--deploy', '--tag=models'],
    ],
  ])('%s %j', async (name, kwargs, words) => {
    expect(await call(name, { env: { SECRET_KEY: 'k' }, ...kwargs })).toEqual({ answer: 'k done', retcode: 0 });
    expect(await asked()).toEqual(words);
  });

  it('has the return code of Django', async () => {
    await expect(call('command', { command: 'fails' })).resolves.toMatchObject({ retcode: 1 });
  });

  it('says where there is no Django', async () => {
    await expect(call('migrate', { bin_env: join(directory, 'nothing') })).rejects.toMatchObject({
      code: 'EDGE_FILE_NOT_FOUND',
      message: expect.stringContaining('there is no django-admin in'),
    });
  });
});
