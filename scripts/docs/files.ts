import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Pages } from './pages.ts';

/** Folder that holds generated pages and nothing else. */
const GENERATED = 'docs/reference';

/** What differs between the generated pages and those in a checkout, one line for each file. */
export function differences(root: string, pages: Pages): readonly string[] {
  const wrong = [...pages].flatMap(([path, text]) => {
    const file = join(root, path);
    if (!existsSync(file)) return [`${path} is missing`];
    return readFileSync(file, 'utf8') === text ? [] : [`${path} is out of date`];
  });
  return [...wrong, ...leftOver(root, pages).map((path) => `${path} is about something that is gone`)];
}

/** Makes a checkout's pages the generated ones: writes what differs, removes what is no page any more. */
export function writePages(root: string, pages: Pages): void {
  for (const path of leftOver(root, pages)) rmSync(join(root, path));
  for (const [path, text] of pages) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

function leftOver(root: string, pages: Pages): readonly string[] {
  const folder = join(root, GENERATED);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:md|json)$/.test(name))
    .map((name) => `${GENERATED}/${name}`)
    .filter((path) => !pages.has(path))
    .sort();
}
