import { createCatalog } from '@edge-run/shared/execute';
import { toPlain } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callFunction, moduleContext, runState } from '../../support/module-context.ts';
import { realHost } from '../../support/real-host.ts';

/** Writes wheels of a package without code, one for each version, into a directory. */
const WHEELS = `import sys, zipfile
for version in sys.argv[2:]:
    info = f"edge_demo-{version}.dist-info"
    with zipfile.ZipFile(f"{sys.argv[1]}/edge_demo-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("edge_demo.py", f"version = {version!r}\\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: edge-demo\\nVersion: {version}\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: edge\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
`;

const catalog = createCatalog();
const probe = await realHost();
const hasPython = await probe.host
  .exec(['python3', '-c', 'import ensurepip, venv'])
  .then(({ exitCode }) => exitCode === 0)
  .catch(() => false);
await probe.dispose();

describe.skipIf(!hasPython)('pip and virtualenv (skipped: no python3 with venv and ensurepip)', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let venv: string;
  const local = () => ({ no_index: true, find_links: real.dir });
  const run = (name: string, args: object, mode?: 'plan') =>
    runState(
      catalog.states.get(name)!,
      moduleContext(real.host, {
        files: { 'app/requirements.txt': 'edge-demo<2  # old\nnever; python_version < "3"\n' },
      }),
      { ...args },
      mode,
    );
  const call = async (name: string, kwargs: object) =>
    (await callFunction(catalog.functions.get(name)!, moduleContext(real.host), [], { ...kwargs })).answer;

  beforeAll(async () => {
    real = await realHost();
    venv = `${real.dir}/apps/venv`;
    await real.host.exec(['python3', '-c', WHEELS, real.dir, '1.0', '1.5', '2.0']);
  });
  afterAll(() => real.dispose());

  it('a virtualenv with what a file of requirements asks for', async () => {
    const args = { name: venv, venv_bin: 'venv', requirements: 'salt://app/requirements.txt', ...local() };
    const plan = await run('virtualenv.managed', args, 'plan');
    expect([plan.result, Object.keys(toPlain(plan.changes) as object)]).toEqual([
      null,
      ['new', 'edge-demo<2', 'never; python_version < "3"'],
    ]);
    expect(await real.host.stat(`${real.dir}/apps`)).toBeUndefined();
    const end = await run('virtualenv.managed', args);
    expect([end.result, toPlain(end.changes)], end.comment).toEqual([
      true,
      { new: expect.stringMatching(/^Python 3/), 'edge-demo==1.5': 'Installed' },
    ]);
    expect(await run('virtualenv.managed', args)).toMatchObject({ result: true, comment: 'virtualenv exists' });
  });
  it('packages: in sync within their limits, upgraded, told of, removed', async () => {
    const where = { bin_env: venv };
    const limited = await run('pip.installed', { name: 'Edge_Demo>=1,<2', upgrade: true, ...where, ...local() });
    expect(limited.comment).toBe('Python package Edge_Demo>=1,<2 was already installed');
    const upgraded = await run('pip.installed', { name: 'edge-demo', upgrade: true, ...where, ...local() });
    expect([upgraded.result, toPlain(upgraded.changes)]).toEqual([true, { 'edge-demo==2.0': 'Installed' }]);
    expect(await call('pip.list', { prefix: 'edge', ...where })).toEqual({ 'edge-demo': '2.0' });
    expect(await call('pip.freeze', { bin_env: `${venv}/bin/pip` })).toContain('edge-demo==2.0');
    const anew = { name: 'edge-demo', force_reinstall: true, ...where, ...local() };
    expect(toPlain((await run('pip.installed', anew)).changes)).toEqual({ 'edge-demo==2.0': 'Installed' });
    expect(toPlain((await run('pip.removed', { name: 'edge-demo', ...where })).changes)).toEqual({
      'edge-demo': 'Removed',
    });
    expect((await run('pip.removed', { name: 'edge-demo', ...where })).comment).toBe('Package is not installed.');
  });
  it('functions install and remove', async () => {
    await call('pip.install', { pkgs: 'edge-demo>=1,<1.5', bin_env: venv, ...local() });
    expect(await call('pip.list', { prefix: 'edge', bin_env: venv })).toEqual({ 'edge-demo': '1.0' });
    expect(await call('pip.uninstall', { pkgs: ['edge-demo'], bin_env: venv })).toMatchObject({ retcode: 0 });
    await expect(call('pip.list', { bin_env: `${venv}-not` })).rejects.toThrow('has no pip at');
  });
  it('what pip cannot find is a failure with its words', async () => {
    const end = await run('pip.installed', { name: 'edge-demo==9', bin_env: venv, ...local() });
    expect([end.result, end.comment]).toEqual([false, expect.stringContaining('edge-demo==9')]);
    const odd = await run('pip.installed', { name: 'edge demo', bin_env: venv });
    expect(odd).toMatchObject({ result: false, comment: 'not a package for pip: edge demo' });
  });
});
