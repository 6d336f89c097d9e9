import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadYaml } from '@edge-run/shared/render';
import { toPlain } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { runLine } from '../../support/command-line.ts';

/** A project, what is rendered of it, and all that the person who does sees. */
interface RenderErrorCase {
  readonly files: Readonly<Record<string, string>>;
  readonly render: readonly string[];
  readonly stderr: string;
}

const CASES = fileURLToPath(new URL('../../cases/render-errors/', import.meta.url));
const CONTEXT = '{"grains": {"id": "web1", "os": "Debian"}}';

describe('edge-run render says what is wrong', () => {
  const files = readdirSync(CASES).filter((name) => name.endsWith('.yaml'));
  it('has cases', () => expect(files.length).toBeGreaterThan(40));

  it.each(files.map((file) => basename(file, '.yaml')))('%s', async (name) => {
    const path = join(CASES, `${name}.yaml`);
    const { files, render, stderr } = toPlain(loadYaml(readFileSync(path, 'utf8'), path)) as unknown as RenderErrorCase;
    const cwd = mkdtempSync(join(tmpdir(), 'edge-render-'));
    try {
      for (const [file, text] of Object.entries({ 'edge.yaml': '{}', 'context.json': CONTEXT, ...files })) {
        mkdirSync(dirname(join(cwd, file)), { recursive: true });
        writeFileSync(join(cwd, file), text);
      }
      const answer = await runLine(['render', ...render, '--context', 'context.json'], {}, { cwd });
      expect(answer).toEqual({ exitCode: 2, stdout: '', stderr, asked: [] });
    } finally {
      rmSync(cwd, { recursive: true });
    }
  });
});
