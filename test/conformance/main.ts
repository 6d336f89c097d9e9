import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type CaseResult, type ConformanceGroup, runGroup } from './runner.ts';

/** `npm run conformance -- GROUP DIR`: names each failed case and ends with `N passed, M failed`. */
async function main(argv: readonly string[]): Promise<number> {
  const [name, dir] = argv;
  const groupFile = new URL(`./groups/${name}.js`, import.meta.url);
  if (name === undefined || dir === undefined || !existsSync(groupFile)) {
    process.stderr.write('usage: npm run conformance -- GROUP DIR   (groups: the files of test/conformance/groups)\n');
    return 2;
  }
  const { group } = (await import(groupFile.href)) as { group: ConformanceGroup };
  const report = (result: CaseResult): void => {
    if (result.outcome === 'failed')
      process.stdout.write(`FAILED ${result.name}\n${indent(result.difference ?? '')}\n`);
  };
  const summary = await runGroup(group, resolve(dir), report);
  process.stdout.write(`${summary.passed} passed, ${summary.failures.length} failed\n`);
  return summary.failures.length === 0 ? 0 : 1;
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}

process.exitCode = await main(process.argv.slice(2));
