import { chmod, chown, lchown, lstat, mkdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { createSshFleet, sshTarget } from '@edge-run/master/ssh';
import { createCatalog } from '@edge-run/shared/execute';
import { toPlain, type Value } from '@edge-run/shared/values';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeBusyboxRoot, noBusyboxReason } from '../../support/busybox.ts';
import { callFunction, moduleContext, runState } from '../../support/module-context.ts';
import { isRoot, realHost } from '../../support/real-host.ts';
import { hasSshd, startSshd } from '../../support/sshd.ts';

const catalog = createCatalog();
const ED = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
/** The user in whose directories root works here: on every Debian, and nobody logs in as it. */
const USER = { name: 'www-data', uid: 33 };

describe.skipIf(!isRoot)(`keys and known hosts on this machine${isRoot ? '' : ' (skipped: needs root)'}`, () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let ctx: ReturnType<typeof moduleContext>;
  /** A directory of the user. */
  let own: string;
  const run = async (name: string, args: object, mode?: 'plan') => {
    const end = await runState(catalog.states.get(name)!, ctx, { ...args }, mode);
    return { ...end, changes: toPlain(end.changes as Value) };
  };
  const call = async (name: string, args: readonly unknown[], kwargs = {}) =>
    (await callFunction(catalog.functions.get(name)!, ctx, args, kwargs)).answer;
  const converge = async (name: string, args: object, changes: object): Promise<void> => {
    expect(await run(name, args, 'plan')).toMatchObject({ result: null, changes });
    expect(await run(name, args)).toMatchObject({ result: true, changes });
    expect(await run(name, args)).toMatchObject({ result: true, changes: {} });
  };
  const about = async (path: string) => {
    const { mode, uid } = await stat(path);
    return { mode: (mode & 0o7777).toString(8), uid };
  };
  beforeEach(async () => {
    real = await realHost();
    await chmod(real.dir, 0o755);
    own = `${real.dir}/own`;
    await mkdir(own);
    await chown(own, USER.uid, USER.uid);
    ctx = moduleContext(real.host, { files: { 'jane.pub': `# jane\nssh-ed25519 ${ED} jane@laptop\n` } });
  });
  afterEach(() => real.dispose());

  describe('ssh_auth', () => {
    it('present: directories and file are the user’s alone, and other lines stay', async () => {
      const config = `${own}/a b/.ssh/authorized_keys`;
      const args = { name: `ssh-ed25519 ${ED} jane`, user: USER.name, config };
      await converge('ssh_auth.present', args, { [ED]: 'New' });
      expect(await readFile(config, 'utf8')).toBe(`ssh-ed25519 ${ED} jane\n`);
      expect(await about(config)).toEqual({ mode: '600', uid: USER.uid });
      expect(await about(`${own}/a b`)).toEqual({ mode: '700', uid: USER.uid });
      await writeFile(config, `# mine\n\nrubbish\nssh-ed25519   ${ED}\tjane\nlast`, { mode: 0o600 });
      await chmod(config, 0o640);
      await converge(
        'ssh_auth.present',
        { ...args, name: `${ED} jane`, options: ['no-pty', 'from="10.0.0.0/8,a b"'] },
        {
          [ED]: 'Updated',
        },
      );
      expect(await readFile(config, 'utf8')).toBe(
        `# mine\n\nrubbish\nno-pty,from="10.0.0.0/8,a b" ssh-ed25519 ${ED} jane\nlast`,
      );
      expect(await about(config)).toEqual({ mode: '640', uid: USER.uid });
      await converge('ssh_auth.absent', { ...args, name: ED }, { [ED]: 'Removed' });
      expect(await readFile(config, 'utf8')).toBe('# mine\n\nrubbish\nlast');
    });
    it('present and absent: the keys of a file', async () => {
      const args = {
        name: 'jane',
        user: USER.name,
        source: 'salt://jane.pub',
        config: `${own}/keys`,
        options: 'no-pty',
      };
      await converge('ssh_auth.present', args, { [ED]: 'New' });
      expect(await readFile(`${own}/keys`, 'utf8')).toBe(`no-pty ssh-ed25519 ${ED} jane@laptop\n`);
      await converge('ssh_auth.absent', args, { [ED]: 'Removed' });
    });
    it('manage: these keys and no others, in a directory of root', async () => {
      const config = `${real.dir}/keys.d/%u`;
      const old = 'AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
      await mkdir(`${real.dir}/keys.d`);
      await writeFile(`${real.dir}/keys.d/${USER.name}`, `# kept\nssh-ed25519 ${old} bob\n`, { mode: 0o644 });
      await converge(
        'ssh_auth.manage',
        { name: 'keys', user: USER.name, config, ssh_keys: [`ssh-ed25519 ${ED} jane`] },
        { [ED]: 'New', [old]: 'Removed' },
      );
      expect(await readFile(`${real.dir}/keys.d/${USER.name}`, 'utf8')).toBe(`# kept\nssh-ed25519 ${ED} jane\n`);
      expect(await about(`${real.dir}/keys.d/${USER.name}`)).toEqual({ mode: '644', uid: 0 });
    });
    it('present: directories for several users stay those of root', async () => {
      const args = { name: ED, user: USER.name, config: `${real.dir}/for all/%u/keys` };
      await converge('ssh_auth.present', args, { [ED]: 'New' });
      expect(await about(`${real.dir}/for all/${USER.name}`)).toEqual({ mode: '755', uid: 0 });
      expect(await about(`${real.dir}/for all/${USER.name}/keys`)).toEqual({ mode: '600', uid: USER.uid });
    });
    it.each([
      ['what is no key', { name: 'AAAA' }, 'Invalid public ssh key'],
      ['a key of another type', { name: ED, enc: 'ssh-rsa' }, 'is of the type ssh-ed25519, and not ssh-rsa'],
      ['a line that says another type', { name: `ssh-rsa ${ED}` }, 'is of the type ssh-ed25519, and not ssh-rsa'],
      ['a key that was cut off', { name: 'ssh-rsa AAAAB3NzaC1yc2' }, 'Invalid public ssh key'],
    ])('refused: %s', async (_, args, reason) => {
      const end = await run('ssh_auth.present', { user: USER.name, config: `${own}/keys`, ...args });
      expect(end).toMatchObject({ result: false, changes: {}, comment: expect.stringContaining(reason) });
    });
    it('a user that is not there yet: foreseen, and an error when it is still not there', async () => {
      const args = { name: ED, user: 'edge-nobody' };
      expect(await run('ssh_auth.present', args, 'plan')).toMatchObject({ result: null, changes: { [ED]: 'New' } });
      expect(await run('ssh_auth.present', args)).toMatchObject({
        result: false,
        comment: expect.stringContaining('no user'),
      });
    });
    it('functions', async () => {
      const config = `${own}/keys`;
      const where = { config, comment: 'jane', enc: 'ed25519' };
      expect(await call('ssh.check_key', [USER.name, ED], where)).toBe('add');
      expect(await call('ssh.set_auth_key', [USER.name, ED], where)).toBe('new');
      expect(await call('ssh.set_auth_key', [USER.name, ED], where)).toBe('no change');
      expect(await call('ssh.check_key', [USER.name, ED], { ...where, comment: 'bob' })).toBe('update');
      expect(await call('ssh.set_auth_key', [USER.name, ED], { ...where, options: ['no-pty'] })).toBe('replace');
      expect(await call('ssh.auth_keys', [USER.name], { config, fingerprint_hash_type: 'md5' })).toEqual({
        [ED]: {
          ...{ enc: 'ssh-ed25519', comment: 'jane', options: ['no-pty'] },
          fingerprint: '65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd',
        },
      });
      expect(await call('ssh.auth_keys', [[USER.name]], { config })).toHaveProperty(USER.name);
      expect(await call('ssh.rm_auth_key', [USER.name, ED], { config })).toBe('Key removed');
      expect(await call('ssh.rm_auth_key', [USER.name, ED], { config })).toBe('Key not present');
    });
  });

  describe('symlinks of the user', () => {
    const link = async (target: string, path: string): Promise<void> => {
      const made = await real.host.exec(['ln', '-s', '--', target, path], { runAs: USER.name });
      expect(made.stderr).toBe('');
    };
    const secret = async (): Promise<string> => {
      await mkdir(`${real.dir}/root`, { mode: 0o700 });
      await writeFile(`${real.dir}/root/keys`, 'secret of root\n', { mode: 0o600 });
      return `${real.dir}/root`;
    };
    const present = (config: string) => run('ssh_auth.present', { name: ED, user: USER.name, config });

    it.each([
      ['the file', (to: string) => [`${to}/keys`, `${own}/keys`, `${own}/keys`]],
      ['a file that is not there', (to: string) => [`${to}/new`, `${own}/keys`, `${own}/keys`]],
      ['its directory', (to: string) => [to, `${own}/.ssh`, `${own}/.ssh/keys`]],
      [
        'a directory above, by way of ..',
        (to: string) => [`../${to.split('/').at(-1)}`, `${own}/.ssh`, `${own}/.ssh/keys`],
      ],
    ] as const)('never lead root anywhere: %s', async (_, places) => {
      const [target, at, config] = places(await secret()) as [string, string, string];
      await link(target, at);
      const end = await present(config);
      expect(end).toMatchObject({ result: false, changes: {} });
      expect(end.comment).toContain(`in a directory that is not ${USER.name}'s`);
      expect(JSON.stringify(end)).not.toContain('secret of root');
      expect(await real.host.list(`${real.dir}/root`)).toHaveLength(1);
      expect(await readFile(`${real.dir}/root/keys`, 'utf8')).toBe('secret of root\n');
    });
    it('to a file of root in a directory of the user: read by the user, who may not', async () => {
      await secret();
      await writeFile(`${own}/keys`, 'secret of root\n', { mode: 0o600 });
      expect(await present(`${own}/keys`)).toMatchObject({
        result: false,
        comment: expect.stringContaining('cannot read'),
      });
    });
    it('to what is the user’s are followed, and stay', async () => {
      await real.host.exec(['mkdir', `${own}/dotfiles`], { runAs: USER.name });
      await link('dotfiles/keys', `${own}/keys`);
      expect(await present(`${own}/keys`)).toMatchObject({ result: true });
      expect(await readlink(`${own}/keys`)).toBe('dotfiles/keys');
      expect(await readFile(`${own}/dotfiles/keys`, 'utf8')).toBe(`ssh-ed25519 ${ED}\n`);
    });
    it('of root are followed', async () => {
      await mkdir(`${real.dir}/there`);
      await symlink(`${real.dir}/there`, `${real.dir}/here`);
      expect(await present(`${real.dir}/here/keys`)).toMatchObject({ result: true });
      expect(await about(`${real.dir}/there/keys`)).toEqual({ mode: '600', uid: USER.uid });
      expect((await lstat(`${real.dir}/here`)).isSymbolicLink()).toBe(true);
    });
    it('what is no file, or too large, is not read; a directory of somebody else is left alone', async () => {
      await real.host.exec(['mkfifo', `${own}/pipe`], { runAs: USER.name });
      const no = (comment: string): object => ({ result: false, comment: expect.stringContaining(comment) });
      expect(await present(`${own}/pipe`)).toMatchObject(no('it is no file'));
      await real.host.exec(['truncate', '-s', '20M', `${own}/large`], { runAs: USER.name });
      expect(await present(`${own}/large`)).toMatchObject(no('it is too large'));
      await mkdir(`${real.dir}/others`);
      await chown(`${real.dir}/others`, 1, 1);
      expect(await present(`${real.dir}/others/keys`)).toMatchObject(no(`not ${USER.name}'s`));
    });
    it('that lead in a circle are an error', async () => {
      await link('b', `${own}/a`);
      await link('a', `${own}/b`);
      expect(await present(`${own}/a`)).toMatchObject({
        result: false,
        comment: expect.stringContaining('too many symlinks'),
      });
    });
  });

  describe('ssh_known_hosts', () => {
    it('present and absent: by a key, hashed as ssh-keygen finds it, other lines stay', async () => {
      const config = `${own}/.ssh/known_hosts`;
      const args = { name: 'git.example.com', user: USER.name, config };
      const entry = { hostname: 'git.example.com', enc: 'ssh-ed25519', key: ED };
      await converge('ssh_known_hosts.present', { ...args, key: ED, enc: 'ed25519' }, { old: null, new: [entry] });
      expect(await readFile(config, 'utf8')).toMatch(/^\|1\|[^ ]+ ssh-ed25519 AAAA[^ ]+\n$/);
      const found = await real.host.exec(['ssh-keygen', '-F', 'git.example.com', '-f', config]);
      expect(found.stdout).toContain(ED);
      expect(await about(config)).toEqual({ mode: '600', uid: USER.uid });
      await converge(
        'ssh_known_hosts.present',
        { ...args, key: ED, name: 'b.example.com', port: 2222, hash_known_hosts: false },
        { old: null },
      );
      expect(await readFile(config, 'utf8')).toContain(`\n[b.example.com]:2222 ssh-ed25519 ${ED}\n`);
      await converge('ssh_known_hosts.absent', args, { new: null });
      expect(await readFile(config, 'utf8')).toBe(`[b.example.com]:2222 ssh-ed25519 ${ED}\n`);
      await converge('ssh_known_hosts.absent', { ...args, name: '[b.example.com]:2222' }, { new: null });
    });
    it('present: for everybody, readable for everybody', async () => {
      const config = `${real.dir}/etc/ssh_known_hosts`;
      await converge('ssh_known_hosts.present', { name: 'git.example.com', key: ED, config }, { old: null });
      expect(await about(config)).toEqual({ mode: '644', uid: 0 });
    });
    it.each([
      ['a key and a fingerprint', { key: ED, fingerprint: `SHA256:${'a'.repeat(43)}` }, 'not both'],
      [
        'a relative file of nobody',
        { key: ED, user: null, config: '.ssh/known_hosts' },
        'specify an absolute "config"',
      ],
      ['what is no fingerprint', { fingerprint: 'aa:bb' }, 'is no fingerprint'],
      ['a server that does not answer', { port: 1, timeout: 1 }, 'Unable to receive remote host keys'],
    ])('refused: %s', async (_, args, reason) => {
      const end = await run('ssh_known_hosts.present', {
        name: '127.0.0.1',
        user: USER.name,
        config: `${own}/known`,
        ...args,
      });
      expect(end).toMatchObject({ result: false, changes: {}, comment: expect.stringContaining(reason) });
    });
    it.skipIf(!hasSshd())('present: a server is asked, and must show the fingerprint', async () => {
      const sshd = await startSshd();
      try {
        const config = `${own}/known`;
        const args = { name: sshd.host, port: sshd.port, user: USER.name, config };
        const wrong = await run('ssh_known_hosts.present', { ...args, fingerprint: `SHA256:${'a'.repeat(43)}` });
        expect(wrong).toMatchObject({
          result: false,
          comment: expect.stringContaining('none of their fingerprints match'),
        });
        const key = (await readFile(sshd.knownHostsFile, 'utf8')).trim().split(' ')[2]!;
        await converge(
          'ssh_known_hosts.present',
          { ...args, fingerprint: sshd.fingerprint },
          {
            old: null,
            new: [{ enc: 'ssh-ed25519', key }],
          },
        );
        expect(
          await call('ssh.get_known_host_entries', [USER.name, sshd.host], { config, port: sshd.port }),
        ).toMatchObject([{ key }]);
        // Known already: nobody is asked, and nothing is taken that is there now.
        expect(await run('ssh_known_hosts.present', args)).toMatchObject({ result: true, changes: {} });
        expect(await call('ssh.check_known_host', [USER.name, sshd.host], { config, port: sshd.port, key: ED })).toBe(
          'update',
        );
        expect(
          await call('ssh.set_known_host', [USER.name, sshd.host], { config, port: sshd.port, key: ED }),
        ).toMatchObject({
          status: 'updated',
          old: [{ key }],
          new: [{ key: ED }],
        });
        expect(await call('ssh.rm_known_host', [USER.name, sshd.host], { config, port: sshd.port })).toMatchObject({
          status: 'removed',
        });
        expect(
          await call('ssh.get_known_host_entries', [USER.name, sshd.host], { config, port: sshd.port }),
        ).toBeNull();
      } finally {
        await sshd.stop();
      }
    });
  });
});

const noBusybox = hasSshd() ? noBusyboxReason() : 'sshd is not installed: apt-get install openssh-server';

describe.skipIf(noBusybox !== undefined)(`a host with nothing but busybox ${noBusybox ?? ''}`, () => {
  it('the same: keys, known hosts, the hosts file', async () => {
    const root = makeBusyboxRoot();
    const config = [`ForceCommand exec chroot ${root.path} /bin/sh -c "$SSH_ORIGINAL_COMMAND"`];
    const sshd = await startSshd({ config, sftp: false });
    const { host, port, user, keyFile, knownHostsFile } = sshd;
    const target = sshTarget({ id: 'busybox', host, port, user, keyFiles: [keyFile] });
    const fleet = createSshFleet({ roster: [target], hostKeys: { files: [knownHostsFile] } });
    try {
      await writeFile(`${root.path}/etc/passwd`, 'root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n');
      // The busybox of Debian has no su; this is called as `su -s SHELL USER -c LINE`.
      const su = '#!/bin/sh\nexec start-stop-daemon -S -p /tmp/none -c "$3" -x "$2" -- -c "$5"\n';
      await writeFile(`${root.path}/bin/su`, su, { mode: 0o755 });
      await mkdir(`${root.path}/home/bob`, { recursive: true });
      await chown(`${root.path}/home/bob`, 1000, 1000);
      await symlink('/root', `${root.path}/home/bob/out`);
      await lchown(`${root.path}/home/bob/out`, 1000, 1000);
      const ctx = moduleContext(await fleet.host('busybox'));
      const run = (name: string, args: object) => runState(catalog.states.get(name)!, ctx, { ...args });
      const states = [
        ['ssh_auth.present', { name: `ssh-ed25519 ${ED} jane`, user: 'root' }],
        ['ssh_auth.present', { name: ED, user: 'bob' }],
        ['ssh_known_hosts.present', { name: 'git.example.com', key: ED, hash_known_hosts: false }],
        ['host.present', { name: 'git.example.com', ip: '192.0.2.7' }],
      ] as const;
      for (const changed of [true, false])
        for (const [name, args] of states) {
          const end = await run(name, args);
          expect({ name, result: end.result, changed: end.changes.size > 0, comment: end.comment }).toMatchObject({
            ...{ name, result: true, changed },
          });
        }
      const text = (path: string): Promise<string> => readFile(`${root.path}${path}`, 'utf8');
      expect(await text('/root/.ssh/authorized_keys')).toBe(`ssh-ed25519 ${ED} jane\n`);
      expect(await text('/home/bob/.ssh/authorized_keys')).toBe(`ssh-ed25519 ${ED}\n`);
      expect(await text('/etc/ssh/ssh_known_hosts')).toBe(`git.example.com ssh-ed25519 ${ED}\n`);
      expect(await text('/etc/hosts')).toBe('192.0.2.7\t\tgit.example.com\n');
      const { mode, uid } = await stat(`${root.path}/home/bob/.ssh`);
      expect([mode & 0o777, uid]).toEqual([0o700, 1000]);
      const led = await run('ssh_auth.present', { name: ED, user: 'bob', config: 'out/.ssh/authorized_keys' });
      expect(led).toMatchObject({ result: false, comment: expect.stringContaining("not bob's") });
    } finally {
      await fleet.close();
      await sshd.stop();
      root.remove();
    }
  });
});
