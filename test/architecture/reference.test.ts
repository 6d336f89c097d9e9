import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createProgram, dispatch, groupsFor } from '@edge-run/cli/shell';
import { createCatalog } from '@edge-run/shared/execute';
import type { Declaration } from '@edge-run/shared/schema';
import { describe, expect, it } from 'vitest';
import { argumentRows, inputSchema, type Schema, settingRows } from '../../scripts/docs/arguments.ts';
import { collectDeclarations } from '../../scripts/docs/declarations.ts';
import { differences } from '../../scripts/docs/files.ts';
import { createPages } from '../../scripts/docs/pages.ts';
import { repositoryRoot } from '../conformance/runner.ts';
import { filesBelow, literalsOf, packageSources } from './source-text.ts';

const declared = await collectDeclarations(createCatalog());
const modules: readonly Declaration[] = [
  ...declared.catalog.functions.values(),
  ...declared.catalog.states.values(),
  ...declared.steps,
  ...declared.runners,
];
const pages = filesBelow('docs', (path) => path.endsWith('.md') && !path.startsWith('docs/reference/'));

describe('the reference', () => {
  it('is what the declarations say; `npm run docs` makes it so', () => {
    const generated = createPages(declared);
    expect(generated.size).toBeGreaterThan(40);
    expect(differences(repositoryRoot(), generated)).toEqual([]);
  });

  it('describes every argument of every module, operation and setting', () => {
    const all = [
      ...modules,
      ...declared.operations,
      { name: 'edge-master', args: declared.masterConfig },
      { name: 'edge-minion', args: declared.minionConfig },
    ];
    const undescribed = all.flatMap(({ name, args }) =>
      argumentRows(inputSchema(args))
        .filter((row) => row.description === '' && !row.name.includes('.'))
        .map((row) => `${name}: ${row.name}`),
    );
    expect(modules.length).toBeGreaterThan(30);
    expect(undescribed).toEqual([]);
  });

  it('shows the settings below every section of a configuration', () => {
    const names = new Set(settingRows(inputSchema(declared.masterConfig)).map(({ name }) => name));
    for (const name of ['returners.NAME.secret_file', 'roster.ec2.region', 'command_policy.rules[].allow', 'api.port'])
      expect(names, name).toContain(name);
  });

  it('has the schema that the edge.yaml of the project names, and it knows its settings', () => {
    const text = readFileSync(join(repositoryRoot(), 'edge.yaml'), 'utf8');
    const named = /^# yaml-language-server: \$schema=(\S+)$/m.exec(text)?.[1];
    const schema = JSON.parse(readFileSync(join(repositoryRoot(), named!), 'utf8')) as Schema;
    const settings = [...text.matchAll(/^([a-z_]+):/gm)].map(([, name]) => name!);
    expect(settings.length).toBeGreaterThan(4);
    expect(settings.filter((name) => schema.properties?.[name] === undefined)).toEqual([]);
    const sources = (schema.properties?.ext_pillar?.items as Schema | undefined)?.oneOf ?? [];
    expect(sources.flatMap(({ properties = {} }) => Object.keys(properties))).toContain('vault');
  });

  it('has examples that their declarations accept', () => {
    const refused = modules.flatMap(({ name, args, examples }) =>
      examples.flatMap((example) => {
        const result = args.safeParse(example.args);
        return result.success ? [] : [`${name}, ${example.title}: ${result.error.issues[0]!.message}`];
      }),
    );
    expect(refused).toEqual([]);
  });

  it('has the commands that hints and messages name', async () => {
    const program = await createProgram('0.0.0', (command) => command);
    const runners = new Set(declared.runners.map(({ name }) => name));
    const hints = packageSources().flatMap((file) =>
      literalsOf(file).flatMap((literal) => [...literal.matchAll(/\bedge-run ([a-z][\w.]*)(?: ([a-z-]+))?/g)]),
    );
    const wrong = hints.filter(([, first = '', second]) => {
      const command = program.commands.find((candidate) => candidate.name() === first);
      if (command === undefined) return !runners.has(first.replace(/\.$/, ''));
      // `orch NAME` runs one; the other groups have nothing but their commands.
      const isGroup = command.commands.length > 0 && first !== 'orch';
      return isGroup && second !== undefined && !command.commands.some((child) => child.name() === second);
    });
    expect(hints.length).toBeGreaterThan(20);
    expect(wrong.map(([text]) => text)).toEqual([]);
  });

  it('lists every tag the sources send', () => {
    const shape = (tag: string): string => tag.replaceAll(/<[^>]*>/g, '<>');
    const known = new Set([...declared.eventTags.map(({ tag }) => shape(tag)), 'run/<>/<>']);
    const sent = packageSources()
      .filter(({ path }) => /^packages\/(master\/src\/(jobs|compose|events)|minion\/src\/agent)\//.test(path))
      .flatMap((file) => literalsOf(file))
      .filter((literal) => /^(salt|run|edge)\/[\w<>/-]+$/.test(literal));
    expect(sent.length).toBeGreaterThan(3);
    expect(sent.filter((literal) => !known.has(shape(literal)))).toEqual([]);
  });
});

describe('the guides', () => {
  it('name only commands and options that exist', async () => {
    const lines = pages.flatMap(({ path, text }) =>
      [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) =>
        block!
          .split('\n')
          // What the shell does with the output is its own business.
          .map((line) => line.replace(/^npx /, '').replace(/ > \S+$/, ''))
          .filter((line) => /^edge-run( |$)/.test(line))
          .map((line) => ({ path, line })),
      ),
    );
    expect(lines.length).toBeGreaterThan(10);
    const wrong: string[] = [];
    for (const { path, line } of lines) {
      const problem = await lineProblem(shellWords(line).slice(1));
      if (problem !== undefined) wrong.push(`${path}: ${line}: ${problem}`);
    }
    expect(wrong).toEqual([]);
  });

  it('name only functions, states, steps, runners and settings that exist', () => {
    const called = [...modules, ...declared.operations].map(({ name }) => name);
    const settings = [declared.masterConfig, declared.minionConfig].flatMap((args) => settingRows(inputSchema(args)));
    const known = new Set([...called, ...settings.map(({ name }) => name)]);
    const prefixes = new Set(called.filter((name) => name.includes('.')).map((name) => name.split('.')[0]));
    const wrong = pages.flatMap(({ path, text }) =>
      [...text.matchAll(/`([a-z_]+)\.([a-z_]+)`/g)]
        .filter(([, module, fun]) => prefixes.has(module) && !known.has(`${module}.${fun}`))
        .map(([name]) => `${path}: ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('name only files that are there', () => {
    const wrong = pages.flatMap(({ path, text }) =>
      [...text.matchAll(/`((?:packages|orch|states|pillars|test|docs|scripts|bench|example)\/[\w./-]*)`/g)]
        .map(([, file]) => file!)
        .filter((file) => !existsSync(join(repositoryRoot(), file)))
        .map((file) => `${path}: ${file}`),
    );
    expect(wrong).toEqual([]);
  });

  it('link only to pages that are there', () => {
    const wrong = pages.flatMap(({ path, text }) =>
      [...withoutCode(text).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)]
        .map(([, target]) => target!)
        .filter((target) => !existsSync(join(repositoryRoot(), path, '..', target)))
        .map((target) => `${path}: ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('the check itself finds a wrong command and a wrong option', async () => {
    expect(await lineProblem(['orch', 'ls', '--no-such-option'])).toContain('--no-such-option');
    expect(await lineProblem(['jobs', 'frobnicate', 'x'])).toBeDefined();
    expect(await lineProblem(['nonsense'])).toBeDefined();
    expect(await lineProblem(['web*', 'test.ping'])).toBeUndefined();
  });
});

/** Why `edge-run` would not take the words; undefined when it does. Nothing is asked of any master. */
async function lineProblem(words: readonly string[]): Promise<string | undefined> {
  const program = await createProgram('0.0.0', (command) => command.action(() => {}), groupsFor(words));
  const quiet = (command: typeof program): void => {
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {}, outputError: () => {} });
    for (const child of command.commands) quiet(child);
  };
  quiet(program);
  const line = dispatch(words, program);
  if (line.unknown !== undefined) return `${line.unknown} is no command`;
  try {
    await program.parseAsync([...line.argv], { from: 'user' });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** A page without its code, in blocks and in lines. */
function withoutCode(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, '').replaceAll(/`[^`\n]*`/g, '');
}

/** The words of a shell line with simple quotes, up to a pipe or a comment. */
function shellWords(line: string): readonly string[] {
  const words: string[] = [];
  for (const [whole] of line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)) {
    if (whole.startsWith('#') || whole === '|') break;
    words.push(
      whole.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''),
    );
  }
  return words;
}
