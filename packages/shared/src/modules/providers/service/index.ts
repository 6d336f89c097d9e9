import type { ModuleContext } from '../../contract/index.ts';
import { hasProgram } from '../../operations/index.ts';
import { findDefinition } from './definition.ts';
import { openrcProvider, sysvProvider } from './init-scripts.ts';
import { pidFileProvider } from './pid-file.ts';
import type { ServiceProvider } from './provider.ts';
import { isRunit, runitProvider } from './runit.ts';
import { systemdProvider } from './systemd.ts';

export { serviceDefinitionSchema } from './definition.ts';
export { type ProcessEntry, parseProcesses, pidFileProvider } from './pid-file.ts';
export type { ServiceAction, ServiceLook, ServiceMask, ServiceProvider } from './provider.ts';
export { parseUnit } from './systemd.ts';

/** The provider that keeps a service: a definition of Edge's own wins, then whatever the host was booted with. */
export async function serviceProvider(ctx: ModuleContext, name: string): Promise<ServiceProvider> {
  return (await findDefinition(ctx, name)) === undefined ? await hostProvider(ctx) : pidFileProvider;
}

/** Every provider that is in use on a host. */
export async function serviceProviders(ctx: ModuleContext): Promise<readonly ServiceProvider[]> {
  const own = await hostProvider(ctx);
  return own === pidFileProvider ? [own] : [own, pidFileProvider];
}

async function hostProvider(ctx: ModuleContext): Promise<ServiceProvider> {
  // What a host was booted with, not what is installed: systemctl is there in many containers.
  if ((await ctx.host.stat('/run/systemd/system')) !== undefined) return systemdProvider;
  if (isRunit(ctx)) return runitProvider;
  if (await hasProgram(ctx.host, 'rc-service')) return openrcProvider;
  return (await ctx.host.stat('/etc/init.d')) === undefined ? pidFileProvider : sysvProvider;
}
