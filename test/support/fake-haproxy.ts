import type { HaproxyProcess } from '@edge-run/master/loadbalancer';

/** A server of the fake: what the world and the operator have made of it. */
export interface FakeServer {
  admin: number;
  weight: number;
  scur: number;
  qcur: number;
  /** Looks left until the status is exactly `UP`; meanwhile it is `UP 1/3`. */
  checksLeft: number;
  healthy: boolean;
}

/**
 * One HAProxy process that answers the runtime API word for word as 2.6 does. Strict: a command it does not model
 * is answered as an unknown one.
 */
export class FakeHaproxy implements HaproxyProcess {
  readonly name: string;
  /** Commands received, in order. */
  readonly commands: string[] = [];
  readonly servers = new Map<string, FakeServer>();
  /** A socket of `level user`. */
  readOnly = false;

  constructor(name: string, ids: readonly string[]) {
    this.name = name;
    for (const id of ids) this.servers.set(id, { admin: 0, weight: 1, scur: 0, qcur: 0, checksLeft: 0, healthy: true });
  }

  server(id: string): FakeServer {
    const found = this.servers.get(id);
    if (found === undefined) throw new Error(`the fake has no server ${id}`);
    return found;
  }

  /** Commands that change something. */
  get changes(): readonly string[] {
    return this.commands.filter((command) => !command.startsWith('show'));
  }

  async command(text: string): Promise<string> {
    this.commands.push(text);
    if (text === 'show backend') return '# name\nweb\n\n';
    const state = /^show servers state (\S+)$/.exec(text);
    if (state) return state[1] === 'web' ? this.#states() : "Can't find backend.\n\n";
    const stat = /^show stat (\S+) 4 -1$/.exec(text);
    if (stat) return stat[1] === 'web' ? this.#stats() : 'No such proxy.\n\n';
    const set = /^set server (\S+)\/(\S+) state (drain|maint|ready)$/.exec(text);
    if (set) return this.#change(set[1]!, set[2]!, (server) => setState(server, set[3]!));
    const cut = /^shutdown sessions server (\S+)\/(\S+)$/.exec(text);
    if (cut) return this.#change(cut[1]!, cut[2]!, (server) => Object.assign(server, { scur: 0, qcur: 0 }));
    return `Unknown command, but maybe one of the following ones is a better match:\n  help\n\n`;
  }

  #change(backend: string, id: string, change: (server: FakeServer) => void): string {
    if (this.readOnly) return 'Permission denied\n\n';
    if (backend !== 'web') return 'No such backend.\n\n';
    const server = this.servers.get(id);
    if (server === undefined) return 'No such server.\n\n';
    change(server);
    return '\n';
  }

  #states(): string {
    const rows = [...this.servers].map(([id, server], index) => {
      const op = server.admin & 1 || !server.healthy ? 0 : 2;
      return `2 web ${index + 1} ${id} 192.0.2.${index + 1} ${op} ${server.admin} ${server.weight} 1 9 6 3 4 6 0 0 0 - 80 - 0 0 - - 0`;
    });
    const header =
      'be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port';
    return `1\n# ${header}\n${rows.join('\n')}\n\n`;
  }

  #stats(): string {
    const rows = [...this.servers].map(
      ([id, server], index) =>
        `web,${id},${server.qcur},0,${server.scur},0,,9,${status(server)},${server.weight},L7STS,503,"HTTP status check returned code <3C>503<3E>, ""down""",192.0.2.${index + 1}:80,`,
    );
    return `# pxname,svname,qcur,qmax,scur,smax,slim,stot,status,weight,check_status,check_code,last_chk,addr,\n${rows.join('\n')}\n\n`;
  }
}

function setState(server: FakeServer, state: string): void {
  if (state === 'drain') server.admin = (server.admin & ~1) | 8;
  if (state === 'maint') server.admin |= 1;
  if (state === 'ready') {
    if (server.admin & 1) server.checksLeft = 2;
    server.admin &= 4;
  }
}

function status(server: FakeServer): string {
  if (server.admin & 1) return 'MAINT';
  if (!server.healthy) return 'DOWN';
  if (server.checksLeft > 0) {
    server.checksLeft -= 1;
    return 'UP 1/3';
  }
  return server.admin & 8 ? 'DRAIN' : 'UP';
}
