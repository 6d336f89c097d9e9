import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Diagnostic, DiagnosticsError, errorMessage } from '@edge-run/shared/kernel';
import { loadYaml } from '@edge-run/shared/render';
import { PyMap, toPlain, type Value } from '@edge-run/shared/values';
import type { FunctionAnswer, FunctionAnswers } from './offline-functions.ts';

/** An event as a reactor file may get it. */
export interface EventFixture {
  readonly tag: string;
  readonly data: Value;
}

/** What a project says of hosts that are not there during a check. */
export interface Fixtures {
  /** Id → grains. */
  readonly grains: ReadonlyMap<string, PyMap>;
  /** Id of a host, or name of an orchestration → its whole pillar, or what is laid over it. */
  readonly pillars: ReadonlyMap<string, PyMap>;
  readonly events: readonly EventFixture[];
  readonly answers: FunctionAnswers;
  /** Files that were read. */
  readonly files: readonly string[];
  /** What is wrong with them; such files are left out. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads `grains/`, `pillar/`, `events/` and `calls.yaml` of a folder; what is not there is empty. */
export function readFixtures(folder: string): Fixtures {
  const reader = new FixtureReader();
  const grains = reader.folder(join(folder, 'grains'));
  const pillars = reader.folder(join(folder, 'pillar'));
  const events = [...reader.folder(join(folder, 'events')).values()].flatMap(eventOf);
  const calls = ['calls.yaml', 'calls.yml'].map((name) => join(folder, name)).find((file) => existsSync(file));
  const answers = calls === undefined ? new Map() : answersOf(reader.file(calls) ?? new PyMap());
  return { grains, pillars, events, answers, files: reader.files, diagnostics: reader.diagnostics };
}

class FixtureReader {
  readonly files: string[] = [];
  readonly diagnostics: Diagnostic[] = [];

  /** Name without its ending → content. */
  folder(folder: string): ReadonlyMap<string, PyMap> {
    if (!existsSync(folder)) return new Map();
    const names = readdirSync(folder)
      .filter((name) => /\.ya?ml$|\.json$/.test(name))
      .sort();
    return new Map(
      names.flatMap((name): [string, PyMap][] => {
        const content = this.file(join(folder, name));
        return content === undefined ? [] : [[basename(name).replace(/\.(ya?ml|json)$/, ''), content]];
      }),
    );
  }

  file(path: string): PyMap | undefined {
    this.files.push(path);
    try {
      const content = loadYaml(readFileSync(path, 'utf8'), path);
      if (content instanceof PyMap) return content;
      if (content === null) return new PyMap();
      this.#report(problem(path, 'the fixture is not a mapping'));
    } catch (error) {
      if (error instanceof DiagnosticsError) for (const diagnostic of error.diagnostics) this.#report(diagnostic);
      else this.#report(problem(path, `the fixture cannot be read: ${errorMessage(error)}`));
    }
    return undefined;
  }

  #report(diagnostic: Diagnostic): void {
    this.diagnostics.push(diagnostic);
  }
}

function problem(file: string, summary: string): Diagnostic {
  return { severity: 'error', code: 'EDGE_CONFIG_INVALID', summary, detail: '', source: { file, line: 1 } };
}

function eventOf(content: PyMap): readonly EventFixture[] {
  const tag = content.get('tag');
  return typeof tag === 'string' ? [{ tag, data: content.get('data') ?? new PyMap() }] : [];
}

/** A list of `when` and `returns` are several answers; anything else is the one answer to every call. */
function answersOf(content: PyMap): FunctionAnswers {
  return new Map([...content].map(([name, value]) => [String(name), casesOf(value) ?? [{ when: {}, returns: value }]]));
}

function casesOf(value: Value): readonly FunctionAnswer[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const cases = value.filter((item): item is PyMap => item instanceof PyMap && item.has('returns'));
  if (cases.length < value.length) return undefined;
  return cases.map((item) => {
    const when = item.get('when');
    return {
      when: when instanceof PyMap ? (toPlain(when) as object as Record<string, unknown>) : {},
      returns: item.get('returns'),
    };
  });
}
