/** One way of writing the name of a module: for the kernel, `snd-pcm` is `snd_pcm`. */
export function moduleName(name: string): string {
  return name.replaceAll('-', '_');
}

/** A module that the kernel has loaded. */
export interface LoadedModule {
  readonly module: string;
  readonly sizeBytes: number;
  /** How much holds it: modules, and what has no name. */
  readonly uses: number;
  /** Modules that need it. */
  readonly users: readonly string[];
}

/** Reads `/proc/modules`: `nf_nat 49152 2 nft_nat,nft_chain_nat, Live 0x0`. */
export function parseLoaded(text: string): readonly LoadedModule[] {
  return [...text.matchAll(/^(\S+) (\d+) (\S+) (\S+)/gm)].map(([, module, size, uses, users]) => ({
    module: module!,
    sizeBytes: Number(size),
    uses: Number(uses) || 0,
    users: users === '-' ? [] : users!.split(',').filter((user) => user !== ''),
  }));
}

/** The names of the modules whose files `modules.dep` or `modules.builtin` list. */
export function parseModuleFiles(text: string): readonly string[] {
  const files = text.matchAll(/^(?:[^:\n]*\/)?([^/:\n]+?)\.ko(?:\.\w+)?(?::|$)/gm);
  return [...files].map(([, name]) => moduleName(name!));
}

/** The modules that a file such as `/etc/modules` has loaded at boot. */
export function parseKept(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const name = keptName(line);
    return name === undefined ? [] : [name];
  });
}

/** The text of such a file with a module in it; a line that was commented out is switched on. */
export function keepModule(text: string, module: string): string {
  const wanted = moduleName(module);
  if (parseKept(text).includes(wanted)) return text;
  const lines = text.split('\n');
  const at = lines.findIndex((line) => /^\s*#/.test(line) && isOnly(line.replace(/^\s*#+/, ''), wanted));
  if (at >= 0) return lines.with(at, module).join('\n');
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${module}\n`;
}

/** The text of such a file without a module; `comment`: its line stays, commented out. */
export function dropModule(text: string, module: string, { comment }: { readonly comment: boolean }): string {
  const wanted = moduleName(module);
  return text
    .split('\n')
    .flatMap((line) => (keptName(line) !== wanted ? [line] : comment ? [`#${line}`] : []))
    .join('\n');
}

/** Debian lets arguments of the module follow its name. */
function keptName(line: string): string | undefined {
  const [name = ''] = line.trim().split(/\s+/);
  return name === '' || /^[#;]/.test(name) ? undefined : moduleName(name);
}

/** A sentence that begins with the name of a module is a comment. */
function isOnly(line: string, wanted: string): boolean {
  return moduleName(line.trim()) === wanted;
}
