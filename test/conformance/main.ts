import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startSshMachine } from '../support/ssh-machine.ts';
import {
  type CaseFile,
  type CaseResult,
  type ConformanceGroup,
  type Fixtures,
  type ManifestGroup,
  readCases,
  summarise,
} from './runner.ts';

const USAGE = `usage: npm run conformance -- GROUP DIR
       npm run conformance -- run DIR --over ssh
       npm run conformance -- tree MANIFEST --root DIR
GROUP is a file of test/conformance/groups
`;

/** Names each failed case and ends with `N passed, M failed`; the exit code is 1 if any failed. */
async function main(argv: readonly string[]): Promise<number> {
  const results = await resultsOf(argv);
  if (results === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const summary = await summarise(results, (result) => {
    if (result.outcome === 'failed')
      process.stdout.write(`FAILED ${result.name}\n${indent(result.difference ?? '')}\n`);
  });
  process.stdout.write(`${summary.passed} passed, ${summary.failures.length} failed\n`);
  return summary.failures.length === 0 ? 0 : 1;
}

/** The results of the group and cases a command line names; undefined when it cannot be understood. */
async function resultsOf(argv: readonly string[]): Promise<AsyncIterable<CaseResult> | undefined> {
  const { positionals, values } = parseArgs({
    args: [...argv],
    options: { root: { type: 'string' }, over: { type: 'string' } },
    allowPositionals: true,
    strict: false,
  });
  const [name, path] = positionals;
  const groupFile = new URL(`./groups/${name}.js`, import.meta.url);
  if (name === undefined || path === undefined || !existsSync(groupFile)) return undefined;
  const { group } = (await import(groupFile.href)) as { group: ConformanceGroup | ManifestGroup };
  if ('runManifest' in group)
    return typeof values.root === 'string' ? group.runManifest(resolve(path), resolve(values.root)) : undefined;
  const { files, fixtures } = readCases(resolve(path));
  if (values.over === undefined) return group.run(files, fixtures);
  return values.over === 'ssh' ? overSsh(group, files, fixtures) : undefined;
}

async function* overSsh(
  group: ConformanceGroup,
  files: readonly CaseFile[],
  fixtures: Fixtures,
): AsyncIterable<CaseResult> {
  const machine = await startSshMachine();
  try {
    yield* group.run(files, { ...fixtures, hostOf: (id) => machine.hostOf(id) });
  } finally {
    await machine.stop();
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}

process.exitCode = await main(process.argv.slice(2));
