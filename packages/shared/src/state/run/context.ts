import type { Host, HostReader } from '../../host/index.ts';
import type { ModuleContext, RequiredState } from '../../modules/contract/index.ts';

/** The host as something that can only be looked at: no method that writes is reachable through it. */
export function readerOf(host: Host): HostReader {
  const { connect, look } = host;
  return {
    id: host.id,
    probe: (command, options) => host.probe(command, options),
    readFile: (path) => host.readFile(path),
    stat: (path) => host.stat(path),
    list: (path) => host.list(path),
    ...(look === undefined ? {} : { look: (path, options) => look.call(host, path, options) }),
    ...(connect === undefined ? {} : { connect: (address) => connect.call(host, address) }),
  };
}

/** The same context with another host and saltenv, and what the state requires. Written out, because a context may be an object of any class. */
export function contextWith<H extends HostReader>(
  ctx: ModuleContext<HostReader>,
  {
    host,
    saltenv,
    required,
  }: { readonly host: H; readonly saltenv: string; readonly required: readonly RequiredState[] },
): ModuleContext<H> {
  return {
    host,
    saltenv,
    required,
    get facts() {
      return ctx.facts;
    },
    get pillar() {
      return ctx.pillar;
    },
    files: ctx.files,
    opts: ctx.opts,
    signal: ctx.signal,
    log: ctx.log,
    events: ctx.events,
    mine: ctx.mine,
    ...(ctx.refreshFacts === undefined ? {} : { refreshFacts: ctx.refreshFacts }),
    ...(ctx.jid === undefined ? {} : { jid: ctx.jid }),
    ...(ctx.jobs === undefined ? {} : { jobs: ctx.jobs }),
    ...(ctx.state === undefined ? {} : { state: ctx.state }),
    ...(ctx.requireAllowed === undefined ? {} : { requireAllowed: (command) => ctx.requireAllowed!(command) }),
    ...(ctx.holdsSecret === undefined ? {} : { holdsSecret: (text: string) => ctx.holdsSecret!(text) }),
    call: (name, args, kwargs) => ctx.call(name, args, kwargs),
    hasFunction: (name) => ctx.hasFunction(name),
    renderTemplate: (request) => ctx.renderTemplate(request),
  };
}
