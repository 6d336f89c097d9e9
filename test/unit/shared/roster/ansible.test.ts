import { parseAnsible } from '@edge-run/shared/roster';
import { describe, expect, it } from 'vitest';
import { memoryRosterFiles } from '../../../support/memory-roster-files.ts';

const read = (files: Readonly<Record<string, string>>, path = '/inv/hosts') =>
  parseAnsible({ path, user: 'me', home: '/home/me', files: memoryRosterFiles(files, { PW: 'env pw' }) });
const hostsOf = (ini: string) => {
  const { value, diagnostics } = read({ '/inv/hosts': ini });
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return value!;
};

const INI = `
; a comment
plain.example.org:2222
[web]
web[01:03] ansible_host=192.0.2.1 ansible_user=deploy   # why
"quoted name=x"=1
`;

describe('ansible inventory, ini', () => {
  it('reads groups, ranges, ports, variables and children', () => {
    const { targets, groups } = hostsOf(`
bare:2222
[web]
web[01:03] http_port=80 name="two words"
db-[a:b].lab
[web:vars]
ansible_user=deploy
ansible_become=yes
ansible_become_user=app
[prod:children]
web
[prod:vars]
ansible_port=24
ansible_user=overridden
`);
    expect(targets.map(({ id }) => id)).toEqual(['bare', 'web01', 'web02', 'web03', 'db-a.lab', 'db-b.lab']);
    expect(targets[0]).toMatchObject({ host: 'bare', port: 2222, user: 'me', sudo: false });
    expect(targets[1]).toMatchObject({
      user: 'deploy',
      port: 24,
      sudo: true,
      sudoUser: 'app',
      grains: { http_port: 80, name: 'two words', groups: ['prod', 'web'] },
      origin: { roster: 'ansible', place: '/inv/hosts:4' },
    });
    expect(groups.web).toEqual(['web01', 'web02', 'web03', 'db-a.lab', 'db-b.lab']);
    expect(groups.prod).toEqual(groups.web);
    expect(groups.all).toHaveLength(6);
  });
  it('reads how a host is reached', () => {
    const [target] = hostsOf(
      `a ansible_host=192.0.2.1 ansible_ssh_private_key_file=~/k ansible_password="{{ lookup('env', 'PW') }}" ansible_become=true ansible_become_password=bp ansible_ssh_common_args="-o ProxyJump=bob@j1:23,j2 -o ControlMaster=auto -o HostKeyAlias=x"\n`,
    ).targets;
    expect(target).toMatchObject({
      host: '192.0.2.1',
      keyFiles: ['/home/me/k'],
      proxyJump: ['bob@j1:23', 'j2'],
      hostKeyAlias: 'x',
    });
    expect([target?.password?.reveal(), target?.sudoPassword?.reveal()]).toEqual(['env pw', 'bp']);
  });
  it.each([
    ['-J b,c', ['b', 'c']],
    [`-o ProxyCommand='ssh -W %h:%p -q ann@bastion -p 24'`, ['ann@bastion:24']],
    ['-oProxyJump=b', ['b']],
  ])('goes through other hosts: %s', (words, jumps) => {
    expect(hostsOf(`a ansible_ssh_common_args="${words}"\n`).targets[0]?.proxyJump).toEqual(jumps);
  });
  it('puts variables into variables', () => {
    const { targets } = hostsOf('a base=lab ansible_host="{{ inventory }}.{{ base }}" inventory=h\n');
    expect(targets[0]?.host).toBe('h.lab');
  });
  it('reports each line that is wrong', () => {
    const { value, diagnostics } = read({
      '/inv/hosts': `[web:odd]\n[a]\nh x\ni[5:1]\nj "open\n[a:vars]\nnothing\n[b]\nk ansible_port=0\nl ansible_host="{{ x | default(1) }}"\nm ansible_become=1 ansible_become_method=runas\n`,
    });
    expect(value).toBeUndefined();
    expect(diagnostics.map(({ source, summary }) => `${source?.line} ${summary}`)).toEqual([
      '1 `[web:odd]` is no section',
      '3 `x` sets no variable of h',
      '4 `[5:1]` ends before it begins',
      '5 a quote is not closed',
      '7 `nothing` sets no variable',
      '9 k: `0` is no port',
      '10 l: `ansible_host` is the template {{ x | default(1) }}',
      '11 m: becomes another user by `runas`',
    ]);
  });
  it('leaves out, with a word, who is not reached over SSH', () => {
    const { value, diagnostics } = read({
      '/inv/hosts': `localhost ansible_connection=local\n${INI.split('\n')[2]}\n`,
    });
    expect(value?.targets.map(({ id, port }) => [id, port])).toEqual([['plain.example.org', 2222]]);
    expect(diagnostics).toMatchObject([{ severity: 'warning', summary: 'localhost: is reached by `local`' }]);
  });
});

const YAML = `
all:
  vars: {ansible_user: base, level: all}
  hosts:
    bare: {ansible_port: 2222}
  children:
    web:
      hosts:
        web[1:2]:
          ansible_host: 192.0.2.1
      vars: {level: web}
    prod:
      children:
        web:
      vars: {level: prod, only: prod}
`;

describe('ansible inventory, yaml', () => {
  it('reads groups, ranges, variables and children', () => {
    const { value, diagnostics } = read({ '/inv/hosts.yml': YAML }, '/inv/hosts.yml');
    expect(diagnostics).toEqual([]);
    expect(value?.targets).toMatchObject([
      { id: 'bare', port: 2222, user: 'base', grains: { level: 'all', groups: [] } },
      { id: 'web1', host: '192.0.2.1', grains: { level: 'web', only: 'prod', groups: ['prod', 'web'] } },
      { id: 'web2', origin: { place: '/inv/hosts.yml:9' } },
    ]);
    expect(value?.groups.prod).toEqual(['web1', 'web2']);
  });
  it('reports what is wrong with its line', () => {
    const { diagnostics } = read({ '/inv/h.yml': 'all:\n  hosts: [a]\n  host:\n    b:\nx: 5\n' }, '/inv/h.yml');
    expect(diagnostics.map(({ source, summary }) => `${source?.line} ${summary}`)).toEqual([
      '2 `hosts` of the group all is no mapping',
      '3 `host` of the group all is neither hosts, children nor vars',
      '5 the group x is no mapping',
    ]);
  });
});

describe('variables in files', () => {
  it('come in the order of Ansible: all, parents, children, the host', () => {
    const files = {
      '/inv/hosts':
        '[parent:children]\nchild\n[child]\nh a=inventory b=inventory c=inventory\n[child:vars]\na=group\nd=group\n',
      '/inv/group_vars/all.yml': 'a: all\nd: all\ne: all\n',
      '/inv/group_vars/parent/1.yml': 'e: parent\nf: parent\n',
      '/inv/group_vars/child': 'f: child\n',
      '/inv/host_vars/h.yaml': 'b: host file\n',
    };
    const { value, diagnostics } = read(files);
    expect(diagnostics).toEqual([]);
    expect(value?.targets[0]?.grains).toMatchObject({
      a: 'inventory',
      b: 'host file',
      c: 'inventory',
      d: 'all',
      e: 'parent',
      f: 'child',
    });
  });
  it('a folder is read as one inventory', () => {
    const files = {
      '/inv/a.ini': '[web]\na\n',
      '/inv/b.yml': 'web: {hosts: {b: }}\n',
      '/inv/group_vars/web.yml': 'x: 1\n',
    };
    const { value } = read(files, '/inv');
    expect(value?.groups.web).toEqual(['a', 'b']);
    expect(value?.targets.map(({ grains }) => grains.x)).toEqual([1, 1]);
  });
  it('what is encrypted is left out, with a word', () => {
    const files = {
      '/inv/hosts': 'h\n',
      '/inv/host_vars/h/vault.yml': '$ANSIBLE_VAULT;1.1;AES256\n3132\n',
      '/inv/host_vars/h/main.yml': 'ansible_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\nx: 1\n',
    };
    const { value, diagnostics } = read(files);
    expect(value?.targets[0]?.grains).toMatchObject({ x: 1 });
    expect(value?.targets[0]?.password).toBeUndefined();
    expect(diagnostics).toMatchObject([{ severity: 'warning' }]);
  });
  it('a program is no inventory', () => {
    expect(read({ '/inv/hosts': '#!/usr/bin/env python\nprint(1)\n' }).diagnostics[0]?.severity).toBe('error');
    expect(read({}).diagnostics).toMatchObject([{ summary: 'the inventory /inv/hosts cannot be read' }]);
  });
});
