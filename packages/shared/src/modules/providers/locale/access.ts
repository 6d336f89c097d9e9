import { join } from 'node:path/posix';
import type { Host, HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import type { Facts } from '../../contract/index.ts';
import { asText, hasProgram, mustProbe, mustRun, readIfPresent, writeText } from '../../operations/index.ts';
import { enableLocale, normalLocale, parseLocale, parseVariables, setLang, supportedLine } from './names.ts';

const SOURCES = '/usr/share/i18n';
const SUPPORTED = join(SOURCES, 'SUPPORTED');
const WANTED = '/etc/locale.gen';
/** Where the locale of the system is kept, the first that is there; the last one is made where there is none. */
const DEBIAN_FILES = ['/etc/default/locale', '/etc/locale.conf', '/etc/default/locale'] as const;
const OTHER_FILES = ['/etc/locale.conf', '/etc/sysconfig/i18n', '/etc/locale.conf'] as const;

/** True, or why hosts of this kind have no locales that could be made or set. */
export function hasLocales(facts: Facts): true | string {
  if (facts.get('os_family') !== 'Alpine') return true;
  return 'Alpine is built on musl, which has no locales to generate or to set for the system; set LANG where it is needed';
}

/** The locales that programs on the host can use, as `locale -a` has them. */
export async function listLocales(host: HostReader): Promise<readonly string[]> {
  const { stdout } = await mustProbe(host, ['locale', '-a']);
  return stdout.split('\n').filter((line) => line !== '');
}

/** Whether programs on the host can use a locale, however it is written. */
export async function isAvailable(host: HostReader, name: string): Promise<boolean> {
  const wanted = normalLocale(name);
  return (await listLocales(host)).some((one) => normalLocale(one) === wanted);
}

/** How a locale is made on the host. */
export type Recipe =
  | { readonly kind: 'locale-gen'; readonly line: string }
  | { readonly kind: 'localedef'; readonly source: string; readonly charmap: string; readonly name: string }
  | { readonly kind: 'unknown'; readonly reason: string; readonly isListed: boolean };

/** Finds out how a locale is made; `isListed` of what is unknown: the host lists locales, and this is none of them. */
export async function findRecipe(host: HostReader, name: string): Promise<Recipe> {
  const supported = await readIfPresent(host, SUPPORTED);
  const { language, territory, codeset, modifier, charmap } = parseLocale(name);
  if (supported !== undefined && (await hasProgram(host, 'locale-gen'))) {
    const line = supportedLine(asText(host, SUPPORTED, supported), name);
    if (line !== undefined) return { kind: 'locale-gen', line };
    return { kind: 'unknown', reason: `the locale ${name} is not found in ${SUPPORTED} of ${host.id}`, isListed: true };
  }
  const folder = join(SOURCES, 'locales');
  if (!(await hasProgram(host, 'localedef')) || (await host.stat(folder)) === undefined)
    return {
      kind: 'unknown',
      reason: `${host.id} lacks what locales are generated from: locale-gen with ${SUPPORTED}, or localedef with ${folder}`,
      isListed: false,
    };
  const place = `${language}${territory === '' ? '' : `_${territory}`}`;
  const source = `${place}${modifier === '' ? '' : `@${modifier}`}`;
  if ((await host.stat(join(folder, source))) === undefined)
    return { kind: 'unknown', reason: `there is no locale ${source} in ${folder} of ${host.id}`, isListed: true };
  const map = codeset || charmap;
  if (map === '')
    return { kind: 'unknown', reason: `${name} does not say its codeset; write ${name}.UTF-8`, isListed: true };
  const full = `${place}.${map}${modifier === '' ? '' : `@${modifier}`}`;
  return { kind: 'localedef', source, charmap: charmap || map, name: full };
}

/** Makes a locale. @throws EdgeError `EDGE_NOT_SUPPORTED` where it cannot be made, `EDGE_COMMAND_FAILED` */
export async function generateLocale(host: Host, facts: Facts, name: string): Promise<void> {
  const recipe = await findRecipe(host, name);
  switch (recipe.kind) {
    case 'unknown':
      throw new EdgeError(
        'EDGE_NOT_SUPPORTED',
        recipe.reason,
        { name },
        {
          hint: 'Debian has them in the package locales, hosts like RedHat in glibc-locale-source or glibc-langpack-*.',
        },
      );
    case 'locale-gen': {
      const before = await readIfPresent(host, WANTED);
      const text = before === undefined ? '' : asText(host, WANTED, before);
      const after = enableLocale(text, recipe.line);
      if (after !== text) await writeText(host, WANTED, after);
      // Without it, Debian removes the locales there are before it makes those of the list.
      const keep = facts.get('os_family') === 'Debian' ? ['--keep-existing'] : [];
      await mustRun(host, ['locale-gen', ...keep], { timeoutMs: GENERATED_WITHIN_MS });
      return;
    }
    case 'localedef': {
      const words = ['--force', '--quiet', '-i', recipe.source, '-f', recipe.charmap, recipe.name] as const;
      const result = await host.exec(['localedef', ...words], { timeoutMs: GENERATED_WITHIN_MS });
      // 1 is for warnings: the locale was made all the same.
      if (result.exitCode > 1)
        throw new EdgeError(
          'EDGE_COMMAND_FAILED',
          `localedef ${words.join(' ')} exited ${result.exitCode} on ${host.id}: ${result.stderr.trim().slice(-2000)}`,
          { exitCode: result.exitCode, stderr: result.stderr.slice(-2000) },
        );
    }
  }
}

/** A locale takes seconds, and a list may name hundreds. */
const GENERATED_WITHIN_MS = 1_200_000;

/** The locale of the system; empty where none is set. */
export async function systemLocale(host: HostReader, facts: Facts): Promise<string> {
  return (await readSystem(host, facts)).variables.get('LANG') ?? '';
}

/** Sets the locale of the system and leaves the other variables as they are; programs see it when they start. */
export async function setSystemLocale(host: Host, facts: Facts, locale: string): Promise<void> {
  const { path, text, variables } = await readSystem(host, facts);
  if ((await host.stat('/run/systemd/system')) !== undefined && (await hasProgram(host, 'localectl'))) {
    const all = new Map(variables).set('LANG', locale);
    const command = ['localectl', 'set-locale', ...[...all].map(([name, value]) => `${name}=${value}`)] as const;
    const { exitCode, stderr } = await host.exec(command);
    if (exitCode === 0 && (await systemLocale(host, facts)) === locale) return;
    // Where nobody answers, the file is what counts; what is refused is refused.
    if (exitCode !== 0 && !/bus|activat|timed out/i.test(stderr)) await mustRun(host, command);
  }
  const after = setLang(text, locale);
  if (after !== text) await writeText(host, path, after);
}

async function readSystem(
  host: HostReader,
  facts: Facts,
): Promise<{ path: string; text: string; variables: ReadonlyMap<string, string> }> {
  const [first, second, made] = facts.get('os_family') === 'Debian' ? DEBIAN_FILES : OTHER_FILES;
  for (const path of [first, second]) {
    const content = await readIfPresent(host, path);
    if (content === undefined) continue;
    const text = asText(host, path, content);
    return { path, text, variables: parseVariables(text) };
  }
  return { path: made, text: '', variables: new Map() };
}
