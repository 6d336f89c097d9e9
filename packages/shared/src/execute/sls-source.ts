import { type FileSource, findSls } from '../files/index.ts';
import type { RenderData } from '../render/index.ts';
import type { SlsSource } from '../state/index.ts';
import type { Workplace } from './runtime.ts';

/** The SLS files of a source, rendered as a workplace renders them. */
export function slsSource(
  files: FileSource,
  renderData: RenderData,
  workplaceOf: (saltenv: string) => Promise<Workplace>,
): SlsSource {
  return {
    async renderSls(sls, saltenv) {
      const found = await findSls(files, saltenv, sls.replaceAll('/', '.'));
      if (found.kind === 'missing') return undefined;
      const text = new TextDecoder().decode(await found.file.read());
      const { renderRequest } = await workplaceOf(saltenv);
      return renderData({ ...renderRequest(text, found.file.path), sls });
    },
    listSls: (saltenv) => listWithInits(files, saltenv),
    environments: () => files.environments(),
  };
}

/** SLS name → whether it is `FOLDER/init.sls` and no `FOLDER.sls` stands beside it. */
async function listWithInits(files: FileSource, saltenv: string): Promise<ReadonlyMap<string, boolean>> {
  const names = new Map<string, boolean>();
  for await (const { path } of files.list('', saltenv)) {
    const match = /^(.+?)(\/init)?\.sls$/.exec(path);
    if (match === null || match[1]!.includes('.')) continue;
    const name = match[1]!.replaceAll('/', '.');
    const isInit = match[2] !== undefined;
    names.set(name, isInit && names.get(name) !== false);
  }
  return new Map([...names].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
