import { dirname } from 'node:path/posix';
import type { Host, HostReader } from '../../../host/index.ts';
import { asText, makeDirectories, mustProbe, mustRun, readIfPresent, writeText } from '../../operations/index.ts';
import { dropModule, keepModule, type LoadedModule, moduleName, parseLoaded, parseModuleFiles } from './names.ts';

const LOADED = '/proc/modules';
/** What is loaded at boot: with systemd in Salt's file, else in everybody's (Salt 3006 modules/kmod.py). */
const SYSTEMD_FILE = '/etc/modules-load.d/salt_managed.conf';
const PLAIN_FILE = '/etc/modules';

/** The modules the kernel has loaded; none where it cannot load any. */
export async function loadedModules(host: HostReader): Promise<readonly LoadedModule[]> {
  return parseLoaded(await textOf(host, LOADED));
}

/** The modules that are part of the kernel itself. */
export async function builtinModules(host: HostReader): Promise<readonly string[]> {
  return parseModuleFiles(await textOf(host, `${await modulesFolder(host)}/modules.builtin`));
}

/** The modules that could be loaded, and those that are part of the kernel. */
export async function availableModules(host: HostReader): Promise<readonly string[]> {
  const files = parseModuleFiles(await textOf(host, `${await modulesFolder(host)}/modules.dep`));
  return [...new Set([...files, ...(await builtinModules(host))])].sort();
}

/** Loads a module with those it needs. @throws EdgeError `EDGE_COMMAND_FAILED` */
export async function loadModule(host: Host, module: string): Promise<void> {
  await mustRun(host, ['modprobe', '--', module], {}, 'The kernel log says more: run `dmesg` on the host.');
}

/** Unloads a module with those that only it needed. @throws EdgeError `EDGE_COMMAND_FAILED` when it is in use */
export async function unloadModule(host: Host, module: string): Promise<void> {
  await mustRun(host, ['modprobe', '-r', '--', module], {}, 'What uses it must go first: see `lsmod` on the host.');
}

/** The file of what is loaded at boot, and its text. */
export async function readKeptFile(host: HostReader): Promise<{ readonly path: string; readonly text: string }> {
  const path = (await host.stat('/run/systemd/system')) === undefined ? PLAIN_FILE : SYSTEMD_FILE;
  return { path, text: await textOf(host, path) };
}

/** Has a module loaded at boot; answers whether it was not yet. */
export async function keepForBoot(host: Host, module: string): Promise<boolean> {
  return await editKept(host, (text) => keepModule(text, module));
}

/** Has a module no longer loaded at boot; answers whether it was. */
export async function dropFromBoot(
  host: Host,
  module: string,
  options: { readonly comment: boolean },
): Promise<boolean> {
  return await editKept(host, (text) => dropModule(text, module, options));
}

/** Whether a module is loaded, or part of the kernel. */
export async function isLoaded(host: HostReader, module: string): Promise<boolean> {
  const name = moduleName(module);
  return (await loadedModules(host)).some((one) => one.module === name) || (await builtinModules(host)).includes(name);
}

async function editKept(host: Host, edit: (text: string) => string): Promise<boolean> {
  const { path, text } = await readKeptFile(host);
  const after = edit(text);
  if (after === text) return false;
  await makeDirectories(host, dirname(path), { mode: 0o755 });
  await writeText(host, path, after);
  return true;
}

async function modulesFolder(host: HostReader): Promise<string> {
  return `/lib/modules/${(await mustProbe(host, ['uname', '-r'])).stdout.trim()}`;
}

async function textOf(host: HostReader, path: string): Promise<string> {
  const content = await readIfPresent(host, path);
  return content === undefined ? '' : asText(host, path, content);
}
