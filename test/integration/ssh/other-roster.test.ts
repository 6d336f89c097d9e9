import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KillableMasters } from '../../support/killable-masters.ts';
import { eventually } from '../../support/processes.ts';
import { hasSshd, type RunningSshd, startSshd } from '../../support/sshd.ts';

interface Job {
  readonly endedAt?: number;
  readonly outcomes: Readonly<Record<string, string>>;
  readonly returns: readonly { readonly id: string; readonly ret?: unknown; readonly error?: object }[];
}

/* `web1` of the configured roster is a host that is down; other rosters say otherwise. `box1` is a minion. */

describe
  .skipIf(!hasSshd())
  .sequential(hasSshd() ? 'another roster' : 'another roster (no sshd: apt-get install openssh-server)', () => {
    let sshd: RunningSshd;
    let fleet: KillableMasters;
    const path = (name: string): string => join(sshd.directory, name);

    beforeAll(async () => {
      sshd = await startSshd();
      const { host, port, user, keyFile, knownHostsFile } = sshd;
      const entry = { host, port, user, priv: keyFile };
      await writeFile(path('configured.yaml'), JSON.stringify({ web1: { ...entry, port: 1 }, home1: entry }));
      await writeFile(
        path('salt.yaml'),
        `{% for id in ['web1', 'web2', 'box1'] %}\n{{ id }}: ${JSON.stringify({ ...entry, grains: { site: 'other' } })}\n{% endfor %}`,
      );
      const ssh = [`HostName ${host}`, `Port ${port}`, `User ${user}`, `IdentityFile ${keyFile}`];
      await writeFile(path('config'), `Host web1 cfg1\n${ssh.map((line) => `  ${line}\n`).join('')}`);
      const vars = `ansible_host=${host} ansible_port=${port} ansible_user=${user} ansible_ssh_private_key_file=${keyFile}`;
      await mkdir(path('inventory'));
      await writeFile(path('inventory/hosts.ini'), `[web]\nweb1 ${vars}\nans1 ${vars}\n`);
      const config = { roster: path('configured.yaml'), ssh: { known_hosts: knownHostsFile } };
      const files = { 'who.sls': "who:\n  cmd.run:\n    - name: 'echo {{ grains.id }} {{ grains.site }}'\n" };
      fleet = await KillableMasters.start({ masters: ['one'], hosts: ['box1'], files, config, isDirect: true });
    });
    afterAll(async () => {
      await fleet?.stop();
      await sshd?.stop();
    });

    const publish = async (expr: string, roster: string | undefined, more: object = {}): Promise<string> => {
      const question = { target: { expr, type: 'glob' }, fun: 'cmd.run', args: ['echo here'], kwargs: [] };
      const where = roster === undefined ? {} : { roster };
      const { jid } = (await fleet.ask('jobs.publish', { ...question, transport: 'ssh', ...where, ...more })) as {
        jid: string;
      };
      return jid;
    };
    const endOf = (jid: string): Promise<Job> =>
      eventually(async () => {
        const job = (await fleet.ask('jobs.show', { jid })) as unknown as Job;
        return job.endedAt === undefined ? undefined : job;
      }, `job ${jid} ends`);
    const run = async (...words: Parameters<typeof publish>): Promise<Job> => endOf(await publish(...words));
    const done = (...ids: readonly string[]): object => ({
      outcomes: Object.fromEntries(ids.map((id) => [id, 'succeeded'])),
    });

    it.each([
      ["Salt's, rendered", 'salt.yaml', 'web*', ['web1', 'web2']],
      ['an ssh_config', 'config', '*', ['cfg1', 'web1']],
      ['an inventory', 'inventory', '*', ['ans1', 'web1']],
      ['an inventory file', 'inventory/hosts.ini', 'a*', ['ans1']],
    ])('%s: its hosts are meant, and reached as it says', async (_title, file, expr, ids) => {
      const job = await run(expr, path(file));
      expect(job).toMatchObject(done(...ids));
      expect(job.returns.map(({ ret }) => ret)).toEqual(ids.map(() => 'here'));
    });
    it('a kind may be named, also as Salt does', async () => {
      expect(await run('web1', `flat:${path('salt.yaml')}`)).toMatchObject(done('web1'));
      expect(await run('web1', `ansible:${path('inventory/hosts.ini')}`)).toMatchObject(done('web1'));
    });
    it('the configured roster is as it was, for the same id too', async () => {
      expect((await run('web1', undefined)).outcomes).toEqual({ web1: 'unreachable' });
      expect(await run('home1', undefined)).toMatchObject(done('home1'));
      const { hosts } = (await fleet.ask('roster.ls', {})) as { hosts: { id: string }[] };
      expect(hosts.map(({ id }) => id)).toEqual(['web1', 'home1']);
    });
    it('states are rendered with what that roster says; its grains, groups and facts select', async () => {
      const states = { fun: 'state.apply', args: ['who'] };
      const job = await run('*', path('salt.yaml'), { ...states, target: { expr: 'site:other', type: 'grain' } }).catch(
        (error: unknown) => error,
      );
      // The minion is among them.
      expect(job).toMatchObject({ code: 'EDGE_BAD_ARGUMENT', message: expect.stringContaining('box1') });
      const some = await run('web[12]', path('salt.yaml'), states);
      expect(JSON.stringify(some.returns)).toContain('web2 other');
      expect(await run('', path('inventory'), { target: { expr: 'web', type: 'nodegroup' } })).toMatchObject(
        done('ans1', 'web1'),
      );
    });
    it('a job that is run again goes to the same hosts', async () => {
      const first = await publish('web2', path('salt.yaml'));
      await endOf(first);
      const { jid } = (await fleet.ask('jobs.rerun', { jid: first })) as { jid: string };
      expect(await endOf(jid)).toMatchObject(done('web2'));
    });
    it('a roster is read anew each time', async () => {
      const text = await readFile(path('salt.yaml'), 'utf8');
      await writeFile(path('salt.yaml'), text.replace("'web2'", "'web2', 'new1'"));
      expect(await run('new1', path('salt.yaml'))).toMatchObject(done('new1'));
    });
    it.each([
      ['that is not there', 'nowhere.yaml', '*', 'EDGE_CONFIG_INVALID'],
      ['without that host', 'salt.yaml', 'web1,web9', 'EDGE_SSH_NO_SUCH_HOST'],
      ['in which nobody is meant', 'salt.yaml', 'x*', 'EDGE_TARGET_MATCHES_NOTHING'],
    ])('a roster %s is an error', async (_title, file, expr, code) => {
      const target = { expr, type: expr.includes(',') ? 'list' : 'glob' };
      const refused = publish(expr, path(file), { target });
      await expect(refused).rejects.toMatchObject({ code, hint: expect.any(String) });
    });
    it('a roster that others may write is refused', async () => {
      await writeFile(path('open.yaml'), '{}');
      await chmod(path('open.yaml'), 0o666);
      await expect(publish('*', path('open.yaml'))).rejects.toMatchObject({ code: 'EDGE_NOT_ALLOWED' });
    });
    it('a master that is killed in the middle tells of its jobs there when it is back', async () => {
      const file = path('begun');
      const jid = await publish('cfg1', path('config'), { args: [`echo x >> ${file}; sleep 20`] });
      await eventually(
        () =>
          readFile(file, 'utf8').then(
            (text) => text !== '',
            () => false,
          ),
        'the command has begun',
      );
      await fleet.killMaster('one');
      await fleet.startMaster('one');
      const { returns } = await endOf(jid);
      expect(returns).toMatchObject([{ id: 'cfg1', error: { code: 'EDGE_JOB_INTERRUPTED' } }]);
      expect(await readFile(file, 'utf8')).toBe('x\n');
    });
  });
