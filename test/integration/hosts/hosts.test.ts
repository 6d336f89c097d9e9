import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noHostsReason, startHosts, type TestHost, type TestHosts } from '../../support/hosts.ts';
import { eventually, processesOf } from '../../support/processes.ts';

const reason = noHostsReason();

/** What a test host could damage of this machine. */
function machine(): unknown {
  return {
    guests: readFileSync('/etc/passwd', 'utf8').includes('edge-guest'),
    hostname: readFileSync('/proc/sys/kernel/hostname', 'utf8'),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
    links: execFileSync('ip', ['-o', 'link', 'show'], { encoding: 'utf8' }).replaceAll(/ qlen \d+/g, ''),
    service: existsSync('/etc/service'),
  };
}

describe.skipIf(reason !== undefined)(reason === undefined ? 'hosts' : `hosts (skipped: ${reason})`, () => {
  const before = machine();
  let hosts: TestHosts;
  let web1: TestHost;
  let web2: TestHost;

  beforeAll(async () => {
    hosts = await startHosts(['web1', 'web2', 'db1', 'lb1']);
    web1 = hosts.host('web1');
    web2 = hosts.host('web2');
  }, 540_000);
  afterAll(async () => {
    await hosts?.stop();
  });

  const out = async (host: TestHost, ...command: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await host.exec(command);
    if (exitCode !== 0) throw new Error(`${command.join(' ')} exited ${exitCode}: ${stderr}`);
    return stdout.trim();
  };
  const reaches = async (from: TestHost, to: TestHost): Promise<boolean> => {
    const ask = `exec 3<>/dev/tcp/${to.address}/22 && read -r line <&3 && echo "$line"`;
    const { stdout } = await from.exec(['timeout', '2', 'bash', '-c', ask]);
    return stdout.startsWith('SSH-2.0');
  };

  it('each has its own name, address, PID 1 and Node', async () => {
    expect(await out(web1, 'hostname')).toBe('web1');
    expect(await out(web1, 'cat', '/proc/1/comm')).toBe('runsvdir');
    expect(await out(web1, 'ip', '-4', '-o', 'address', 'show', 'dev', 'eth0')).toContain(`${web1.address}/24`);
    expect(await out(web2, 'ip', '-4', '-o', 'address', 'show', 'dev', 'eth0')).toContain(`${web2.address}/24`);
    expect(await out(web1, 'node', '-p', 'process.version')).toBe(process.version);
    expect((await web1.exec(['sh', '-c', 'echo x >/usr/local/bin/node'])).exitCode).not.toBe(0);
  });
  it('exec: gives code and output as they are', async () => {
    const answer = await web1.exec(['sh', '-c', 'echo out; echo err >&2; exit 7']);
    expect(answer).toEqual({ exitCode: 7, stdout: 'out\n', stderr: 'err\n' });
    await expect(web1.exec(['sleep', '30'], { timeoutMs: 300 })).rejects.toThrow('not within 300 ms');
  });
  it('useradd: the user is on that host alone', async () => {
    await out(web1, 'useradd', '-m', 'edge-guest');
    expect(await out(web1, 'id', '-un', 'edge-guest')).toBe('edge-guest');
    expect((await web2.exec(['id', 'edge-guest'])).exitCode).not.toBe(0);
    expect(machine()).toEqual(before);
  });
  it('a service restarts with another process', async () => {
    const pid = async (): Promise<string> => /\(pid (\d+)\)/.exec(await out(web1, 'sv', 'status', 'cron'))?.[1] ?? '';
    const first = await pid();
    await out(web1, 'sv', 'restart', 'cron');
    expect(Number(await pid())).toBeGreaterThan(Number(first));
  });
  it('a cut cable: silence until it is plugged in again', async () => {
    expect(await reaches(web2, web1)).toBe(true);
    await web1.cutCable();
    expect(await reaches(web2, web1)).toBe(false);
    await web1.plugCable();
    await eventually(() => reaches(web2, web1), 'web1 answers again');
  });
  it('within: ssh of this machine gets in, in the network of the hosts', () => {
    const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes', 'ConnectTimeout=5'];
    const ssh = ['ssh', '-i', hosts.keyFile, ...options.flatMap((option) => ['-o', option])];
    const [program, ...args] = hosts.within([...ssh, `root@${web2.address}`, 'hostname']);
    expect(execFileSync(program!, args, { encoding: 'utf8', timeout: 20_000, stdio: 'pipe' })).toBe('web2\n');
  });
  it('reboot: processes are gone, files stay', async () => {
    await out(web2, 'sh', '-c', 'echo kept >/root/kept; sleep 300 >/dev/null 2>&1 &');
    await web2.reboot();
    expect(await out(web2, 'cat', '/root/kept')).toBe('kept');
    expect(await out(web2, 'sh', '-c', 'cat /proc/[0-9]*/comm')).not.toContain('sleep');
    await eventually(() => reaches(web1, web2), 'sshd of web2 answers after the reboot');
  });
  it('stop: nothing is left, and the machine is as it was', async () => {
    const { directory } = hosts;
    expect(processesOf(directory).length).toBeGreaterThan(4);
    await hosts.stop();
    await eventually(() => processesOf(directory).length === 0, 'every process of the hosts is gone', 5_000);
    expect(existsSync(directory)).toBe(false);
    expect(machine()).toEqual(before);
  });
});
