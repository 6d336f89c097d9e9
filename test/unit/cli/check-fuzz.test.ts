import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CheckReport, checkPath } from '@edge-run/cli/check';
import { formatDiagnostic } from '@edge-run/shared/kernel';
import { loadYaml } from '@edge-run/shared/render';
import { toPlain } from '@edge-run/shared/values';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** Texts of states, templates and settings, whole and broken. */
const TEXTS = ['check', 'render-errors'].flatMap((folder) => {
  const cases = fileURLToPath(new URL(`../../cases/${folder}/`, import.meta.url));
  return readdirSync(cases).flatMap((name) => {
    const { files } = toPlain(loadYaml(readFileSync(join(cases, name), 'utf8'), name)) as unknown as {
      files: Record<string, string>;
    };
    return Object.values(files);
  });
});

/** Pieces that mean something to one of the readers. */
const PIECES = [
  '{{',
  '}}',
  '{% for x in [1] %}',
  '{% endfor %}',
  '- ',
  ':',
  '\t',
  '[',
  '}',
  '"',
  "'",
  '&a ',
  '*a',
  '!!set ',
  '\0',
  '\ufffd',
  '__slot__:',
  'None',
  '0123',
  '1e10',
  '|',
  '>',
  '# noqa',
  'include:\n',
  'extend:\n',
  '{{ pillar.a.b }}',
  '~',
  '\n',
];

const edit = fc.record({ at: fc.nat(), drop: fc.nat(12), piece: fc.constantFrom(...PIECES) });
const text = fc.tuple(fc.constantFrom(...TEXTS), fc.array(edit, { maxLength: 4 })).map(([whole, edits]) =>
  edits.reduce((so, { at, drop, piece }) => {
    const index = so.length === 0 ? 0 : at % so.length;
    return so.slice(0, index) + piece + so.slice(index + drop);
  }, whole),
);

const tree = fc.record({
  'edge.yaml': fc.oneof({ weight: 3, arbitrary: fc.constant('{}') }, { weight: 1, arbitrary: text }),
  'states/top.sls': fc.oneof(fc.constant("base:\n  '*': [web, x]\n"), text),
  'states/web/init.sls': text,
  'states/x.sls': text,
  'pillars/top.sls': fc.oneof(fc.constant("base:\n  '*': [web]\n"), text),
  'pillars/web.sls': text,
  'orch/deploy.sls': text,
  'tests/grains/web1.yaml': fc.oneof(fc.constant('role: web'), text),
  'tests/calls.yaml': fc.oneof(fc.constant('cmd.run: x'), text),
});

async function check(files: Readonly<Record<string, string>>): Promise<CheckReport | { readonly refused: string }> {
  const cwd = mkdtempSync(join(tmpdir(), 'edge-fuzz-'));
  try {
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(dirname(join(cwd, file)), { recursive: true });
      writeFileSync(join(cwd, file), content);
    }
    const options = { cwd, reservedNames: new Set<string>(), signal: new AbortController().signal };
    return await checkPath({ cwd, path: undefined, config: undefined }, options).catch((error: { code?: string }) => ({
      refused: error.code ?? String(error),
    }));
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

describe('edge-run check', () => {
  it('tells of a broken tree, whatever is in it, and never ends in a fault of its own', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        const report = await check(files);
        if ('refused' in report) expect(report.refused).toBe('EDGE_CONFIG_INVALID');
        else {
          expect(report.diagnostics.filter(({ code }) => code === 'EDGE_INTERNAL')).toEqual([]);
          for (const diagnostic of report.diagnostics) expect(formatDiagnostic(diagnostic)).toContain(diagnostic.code);
        }
      }),
      { numRuns: Number(process.env.EDGE_FUZZ_RUNS ?? 60) },
    );
  }, 120_000);
});
