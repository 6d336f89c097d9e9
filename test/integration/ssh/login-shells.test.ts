import { existsSync } from 'node:fs';
import { createSshFleet, type SshFleet, type SshHost, type SshTarget, sshTarget } from '@edge-run/master/ssh';
import { Secret } from '@edge-run/shared/kernel';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasSshd, noPrivateEtcReason, type RunningSshd, startSshd } from '../../support/sshd.ts';

const reason = hasSshd() ? noPrivateEtcReason() : 'sshd is not installed: apt-get install openssh-server';
const SHELLS = [
  '/bin/dash',
  '/bin/bash',
  '/bin/ksh',
  '/bin/mksh',
  '/bin/csh',
  '/bin/tcsh',
  '/bin/zsh',
  '/usr/bin/fish',
];
const present = SHELLS.filter((shell) => existsSync(shell));
const nameOf = (shell: string): string => `edge-${shell.split('/').at(-1)}`;

/** Users whose start-up files talk, and change whatever a start-up file can change; and one with busybox's ash. */
const USERS = `
home=$EDGE_OVERLAY/homes; mkdir $home; chmod 711 $EDGE_OVERLAY $home
for shell in ${present.join(' ')} ash; do
  name=edge-$(basename $shell)
  [ $shell = ash ] && { cp "$(command -v busybox)" $home/ash; shell=$home/ash; }
  mkdir $home/$name
  for file in .bashrc .kshrc .zshenv .profile; do
    echo 'echo noise; echo noise >&2; umask 077; export EDGE_STRAY=1 LC_ALL=de_DE.UTF-8 CDPATH=/tmp PATH=/nowhere' > $home/$name/$file
  done
  for file in .cshrc .tcshrc; do echo 'echo noise; umask 077; setenv EDGE_STRAY 1; setenv PATH /nowhere' > $home/$name/$file; done
  useradd -M -d $home/$name -s $shell $name
  chown -R $name $home/$name
  echo "$name:right" | chpasswd
done
echo 'root:rootright' | chpasswd
mkdir $EDGE_OVERLAY/small; mount -t tmpfs -o size=64k,mode=777 edge $EDGE_OVERLAY/small
mkdir -p /etc/sudoers.d
echo 'edge-bash ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/edge
chmod 440 /etc/sudoers.d/edge
echo 'permit nopass edge-dash as root
permit edge-ksh as root' > /etc/doas.conf
chmod 400 /etc/doas.conf`;

describe.skipIf(reason !== undefined)(`users and their shells ${reason ?? ''}`, () => {
  let sshd: RunningSshd;
  const fleets: SshFleet[] = [];
  beforeAll(async () => {
    sshd = await startSshd({ privateEtc: USERS, config: ['UsePAM yes'] });
  });
  afterAll(() => sshd?.stop());
  afterEach(async () => {
    for (const fleet of fleets.splice(0)) await fleet.close();
  });
  const hostOf = (user: string, more: Partial<SshTarget> = {}): Promise<SshHost> => {
    const { host, port, keyFile, knownHostsFile } = sshd;
    const target = sshTarget({ id: 'web1', host, port, user, keyFiles: [keyFile], ...more });
    const fleet = createSshFleet({ roster: [target], hostKeys: { files: [knownHostsFile] } });
    fleets.push(fleet);
    return fleet.host('web1');
  };

  it.each([...present, ...(existsSync('/bin/busybox') ? ['ash'] : [])])('a user whose shell is %s', async (shell) => {
    const user = nameOf(shell);
    const host = await hostOf(user);
    const words = ['', "it's", '!!', '$HOME', 'a\nb', '`id`', '"', '\\', '*', 'é'];
    const print = ['sh', '-c', 'printf "%s\\0" "$@"; umask; echo "$EDGE_STRAY$LC_ALL$CDPATH"', 'sh', ...words] as const;
    const printed = `${words.map((word) => `${word}\0`).join('')}0022\n\n`;
    for (const ran of [await host.exec(print), await host.probe(print)])
      expect(ran).toMatchObject({ stdout: printed, stderr: '', exitCode: 0 });
    const large = new Uint8Array(300_000).map((_, index) => (index * 7) % 256);
    expect((await host.exec(['cat'], { stdin: large })).stdoutBytes).toHaveLength(large.length);
    const home = (await host.exec(['sh', '-c', 'echo "$HOME"'])).stdout.trim();
    for (const content of [Buffer.from("small, it's !!\0\n"), large]) {
      await host.writeFile(`${home}/file`, content, { mode: 0o640 });
      expect(Buffer.compare(await host.readFile(`${home}/file`), content)).toBe(0);
    }
    expect(await host.stat(`${home}/file`)).toMatchObject({ user, mode: 0o640 });
    await host.remove(`${home}/file`);
  });
  it.each(present.filter((shell) => /csh|bash/.test(shell)))('ends what runs too long: %s', async (shell) => {
    const host = await hostOf(nameOf(shell));
    const slow = host.exec(['sleep', '4713'], { timeoutMs: 500 });
    await expect(slow).rejects.toMatchObject({ code: 'EDGE_DEADLINE' });
    expect((await host.exec(['sh', '-c', 'ps -eo user:32,args | grep -c "[s]leep 4713"'])).stdout.trim()).toBe('0');
  });

  it('a full disk: the old content stays, and nothing beside it', async () => {
    const host = await hostOf('edge-dash');
    const path = `${sshd.directory}/etc/small/file`;
    await host.writeFile(path, Buffer.from('old'), { mode: 0o644 });
    for (const sizeBytes of [32_000, 500_000]) {
      await host.exec(['sh', '-c', 'head -c 60000 /dev/zero > "$1"', 'sh', `${path}.filler`]);
      const full = host.writeFile(path, new Uint8Array(sizeBytes), { mode: 0o644 });
      await expect(full).rejects.toMatchObject({ code: 'EDGE_DISK_FULL' });
      expect(Buffer.from(await host.readFile(path)).toString()).toBe('old');
      expect((await host.list(`${sshd.directory}/etc/small`)).map(({ name }) => name)).toEqual(['file', 'file.filler']);
    }
  });

  const becomesRoot = async (host: SshHost): Promise<void> => {
    expect((await host.exec(['id', '-un'])).stdout).toBe('root\n');
    expect((await host.probe(['sh', '-c', 'echo "$USER $HOME"'])).stdout).toBe('root /root\n');
    expect((await host.exec(['cat'], { stdin: 'exactly this' })).stdout).toBe('exactly this');
    const path = `${sshd.directory}/of-root`;
    await host.writeFile(path, new Uint8Array(100_000), { mode: 0o600, owner: 'edge-dash' });
    expect(await host.stat(path)).toMatchObject({ user: 'edge-dash', sizeBytes: 100_000 });
    expect(await host.readFile(path)).toHaveLength(100_000);
    await host.remove(path);
    const slow = host.exec(['sleep', '4714'], { timeoutMs: 500 });
    await expect(slow).rejects.toMatchObject({ code: 'EDGE_DEADLINE' });
    expect((await host.exec(['sh', '-c', 'ps -eo args | grep -c "[s]leep 4714"'])).stdout.trim()).toBe('0');
  };
  const sudo = { sudo: true } as const;

  it('su with the password of root', async () => {
    await becomesRoot(await hostOf('edge-dash', { ...sudo, escalateBy: 'su', password: new Secret('rootright') }));
  });
  it.each([
    ['a wrong password', new Secret('wrong')],
    ['no password', undefined],
  ])('su with %s', async (_title, password) => {
    const host = await hostOf('edge-dash', { ...sudo, escalateBy: 'su', ...(password ? { password } : {}) });
    await expect(host.exec(['true'])).rejects.toMatchObject({ code: 'EDGE_SSH_SUDO_PASSWORD' });
  });
  describe.skipIf(!existsSync('/usr/bin/doas'))('doas (apt-get install opendoas)', () => {
    it('a rule without a password', async () => {
      await becomesRoot(await hostOf('edge-dash', { ...sudo, escalateBy: 'doas' }));
    });
    it.skipIf(!existsSync('/bin/ksh'))('a rule that asks for one, which doas does on a terminal only', async () => {
      const host = await hostOf('edge-ksh', { ...sudo, escalateBy: 'doas', password: new Secret('right') });
      await expect(host.exec(['true'])).rejects.toMatchObject({
        code: 'EDGE_SSH_SUDO_PASSWORD',
        hint: expect.stringContaining('nopass'),
      });
    });
    it('no rule', async () => {
      const host = await hostOf('edge-bash', { ...sudo, escalateBy: 'doas' });
      await expect(host.exec(['true'])).rejects.toMatchObject({ code: 'EDGE_SSH_SUDO_REFUSED' });
    });
  });
});
