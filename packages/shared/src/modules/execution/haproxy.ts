import { z } from 'zod';
import type { HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { askHaproxy, parseServersState, parseStat, parseWeight } from '../providers/haproxy.ts';

/** A name in a command of the socket: anything else could be another command. */
const named = (what: string) =>
  z
    .string()
    .regex(/^[\w.:-]+$/, 'letters, digits and . : _ - only')
    .describe(what);
const names = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value))
  .pipe(z.array(z.string().regex(/^[\w.:-]+$/, 'letters, digits and . : _ - only')));
const serverArg = names.describe('Server, or several.');
const backendArg = named('Backend, or * for every backend that has the server.');
const socketArg = z.string().default('/run/haproxy/admin.sock').describe('Path of the admin socket on the host.');
const one = { server: named('Server.'), backend: named('Backend.') };

/** HAProxy through its admin socket. Its state is lost on a reload unless a server state file is configured. */
export const haproxyFunctions: readonly ExecutionModule[] = [
  ...(['enable', 'disable'] as const).map((verb) =>
    defineWrite({
      name: `haproxy.${verb}_server`,
      summary:
        verb === 'enable' ? 'Let servers take part again.' : 'Take servers out of service; sessions there go on.',
      args: z.object({
        name: serverArg,
        backend: z
          .string()
          .regex(/^(\*|[\w.:-]+)$/)
          .default('*')
          .describe('Backend, or * for every backend that has the server.'),
        socket: socketArg,
      }),
      returns: 'A mapping of servers to backends to the new status.',
      examples: [{ title: `${verb} one server`, args: { name: 'app1', backend: 'web' } }],
      run: async ({ name, backend, socket }, { host }) => {
        const result: Record<string, Record<string, string>> = {};
        for (const server of name) {
          result[server] = {};
          for (const place of await backendsOf(host, socket, server, backend)) {
            await askHaproxy(host, socket, `${verb} server ${place}/${server}`);
            result[server][place] = await statusOf(host, socket, place, server);
          }
        }
        return result;
      },
    }),
  ),
  defineWrite({
    name: 'haproxy.set_state',
    summary: 'Set a server ready, draining or in maintenance.',
    args: z.object({
      server: named('Server.'),
      backend: backendArg,
      state: z
        .enum(['ready', 'drain', 'maint'])
        .describe('ready takes part; drain takes no new clients, but those with a cookie; maint takes none.'),
      socket: socketArg,
    }),
    returns: 'Its status afterwards; after ready UP 1/3 until the checks passed.',
    examples: [{ title: 'before a deployment', args: { server: 'app1', backend: 'web', state: 'drain' } }],
    async run({ server, backend, state, socket }, { host }) {
      await askHaproxy(host, socket, `set server ${backend}/${server} state ${state}`);
      return await statusOf(host, socket, backend, server);
    },
  }),
  defineWrite({
    name: 'haproxy.set_weight',
    summary: 'Set the weight of a server.',
    args: z.object({
      name: named('Server.'),
      backend: named('Backend.'),
      weight: z.coerce
        .string()
        .regex(/^\d{1,3}%?$/, 'a number or a percentage')
        .default('0')
        .describe('Number, or percentage of the configured weight.'),
      socket: socketArg,
    }),
    returns: 'The weight now and as configured.',
    examples: [],
    async run({ name, backend, weight, socket }, { host }) {
      await askHaproxy(host, socket, `set server ${backend}/${name} weight ${weight}`);
      return parseWeight(await askHaproxy(host, socket, `get weight ${backend}/${name}`));
    },
  }),
  defineRead({
    name: 'haproxy.get_weight',
    summary: 'Answer the weight of a server.',
    args: z.object({ name: named('Server.'), backend: named('Backend.'), socket: socketArg }),
    returns: 'The weight now and as configured.',
    examples: [],
    run: async ({ name, backend, socket }, { host }) =>
      parseWeight(await askHaproxy(host, socket, `get weight ${backend}/${name}`)),
  }),
  defineRead({
    name: 'haproxy.list_servers',
    summary: 'Answer the servers of a backend.',
    args: z.object({ backend: named('Backend.'), socket: socketArg }),
    returns: 'A list of names.',
    examples: [],
    run: async ({ backend, socket }, { host }) => (await states(host, socket, backend)).map((row) => row.srv_name),
  }),
  ...(['haproxy.list_backends', 'haproxy.get_backends', 'haproxy.show_backends'] as const).map((name) =>
    defineRead({
      name,
      summary: 'Answer the backends.',
      args: z.object({ socket: socketArg }),
      returns: 'A list of names.',
      examples: [],
      run: async ({ socket }, { host }) => await backends(host, socket),
    }),
  ),
  defineRead({
    name: 'haproxy.show_servers',
    summary: 'Answer how the servers of a backend stand.',
    args: z.object({
      backend: z
        .string()
        .regex(/^[\w.:-]*$/)
        .default('')
        .describe('Backend; all where absent.'),
      socket: socketArg,
    }),
    returns: 'A list of mappings as in show servers state.',
    examples: [],
    run: async ({ backend, socket }, { host }) => await states(host, socket, backend),
  }),
  defineRead({
    name: 'haproxy.show_stat',
    summary: 'Answer the statistics of every frontend, backend and server.',
    args: z.object({ socket: socketArg }),
    returns: 'A list of mappings by the names of the CSV header.',
    examples: [],
    run: async ({ socket }, { host }) => parseStat(await askHaproxy(host, socket, 'show stat')),
  }),
  defineRead({
    name: 'haproxy.get_sessions',
    summary: 'Answer how many sessions a server, or a backend, has.',
    args: z.object({ name: one.server, backend: one.backend, socket: socketArg }),
    returns: 'Sessions being served plus those waiting in its queue.',
    examples: [{ title: 'is it drained?', args: { name: 'app1', backend: 'web' } }],
    async run({ name, backend, socket }, { host }) {
      const row = await rowOf(host, socket, backend, name);
      return Number(row.scur) + Number(row.qcur);
    },
  }),
  defineWrite({
    name: 'haproxy.shutdown_sessions',
    summary: 'Cut every session of a server.',
    args: z.object({ name: one.server, backend: one.backend, socket: socketArg }),
    returns: 'True.',
    examples: [],
    async run({ name, backend, socket }, { host }) {
      await askHaproxy(host, socket, `shutdown sessions server ${backend}/${name}`);
      return true;
    },
  }),
  defineRead({
    name: 'haproxy.show_info',
    summary: 'Answer what HAProxy tells about itself.',
    args: z.object({ socket: socketArg }),
    returns: 'A mapping.',
    examples: [],
    async run({ socket }, { host }) {
      const lines = (await askHaproxy(host, socket, 'show info')).split('\n');
      return Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
      );
    },
  }),
  defineWrite({
    name: 'haproxy.command',
    summary: 'Give the socket a command as it stands.',
    args: z.object({ command: z.string().describe('One command.'), socket: socketArg }),
    returns: 'The text of the answer.',
    examples: [{ title: 'errors seen', args: { command: 'show errors' } }],
    run: async ({ command, socket }, { host }) => await askHaproxy(host, socket, command),
  }),
];

async function states(host: HostReader, socket: string, backend: string) {
  return parseServersState(await askHaproxy(host, socket, `show servers state ${backend}`.trim()));
}

async function backends(host: HostReader, socket: string): Promise<string[]> {
  const lines = (await askHaproxy(host, socket, 'show backend')).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

async function backendsOf(host: HostReader, socket: string, server: string, backend: string): Promise<string[]> {
  if (backend !== '*') return [backend];
  const found = (await states(host, socket, '')).filter((row) => row.srv_name === server).map((row) => row.be_name!);
  if (found.length > 0) return found;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `no backend of HAProxy at ${socket} on ${host.id} has a server ${server}`,
    { server },
    {
      hint: 'haproxy.show_servers lists them.',
    },
  );
}

async function rowOf(host: HostReader, socket: string, backend: string, server: string) {
  const row = parseStat(await askHaproxy(host, socket, 'show stat')).find(
    (entry) => entry.pxname === backend && entry.svname === server,
  );
  if (row !== undefined) return row;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `no server ${backend}/${server} in HAProxy at ${socket} on ${host.id}`,
    { backend, server },
    {
      hint: 'haproxy.show_servers lists them.',
    },
  );
}

async function statusOf(host: HostReader, socket: string, backend: string, server: string): Promise<string> {
  return (await rowOf(host, socket, backend, server)).status ?? '';
}
