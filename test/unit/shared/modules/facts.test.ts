import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseFacts } from '@edge-run/shared/modules/facts';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../../conformance/runner.ts';

interface FactsCase {
  /** Section → recorded output. */
  readonly sections: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, unknown>>;
}

const dir = join(repositoryRoot(), 'test/cases/facts');

describe('facts read from recorded output', () => {
  for (const file of readdirSync(dir).filter((name) => name.endsWith('.json'))) {
    it(file.replace('.json', ''), () => {
      const { sections, expected } = JSON.parse(readFileSync(join(dir, file), 'utf8')) as FactsCase;
      const output = Object.entries(sections)
        .map(([name, text]) => `@@edge-fact ${name}\n${text}\n`)
        .join('');
      expect(parseFacts(`some banner of a log-in shell\n${output}`, 'web1')).toMatchObject(expected);
    });
  }
});
