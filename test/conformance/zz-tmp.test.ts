import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { repositoryRoot, runGroup } from './runner.ts';
it('x', { timeout: 120_000 }, async () => {
  const name = process.env['GROUP']!;
  const { group } = await import(`./groups/${name}.ts`);
  const s = await runGroup(group, join(repositoryRoot(), `test/conformance/cases/${name}`));
  writeFileSync('/tmp/state-conf.out', `${s.failures.map((f) => `FAILED ${f.name}\n${f.difference}`).join('\n')}\n${s.passed} passed ${s.failures.length} failed ${s.ignored} ignored\n`);
});
