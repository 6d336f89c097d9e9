import type { RosterFiles } from '@edge-run/shared/roster';

/** Files and an environment that exist only for a test: path → text. */
export function memoryRosterFiles(
  files: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>> = {},
): RosterFiles {
  const paths = Object.keys(files);
  return {
    read: (path) => files[path],
    list: (folder) => {
      const below = paths.filter((path) => path.startsWith(`${folder.replace(/\/$/, '')}/`));
      const names = below.map((path) => path.slice(folder.replace(/\/$/, '').length + 1).split('/')[0]!);
      return names.length === 0 ? undefined : [...new Set(names)].sort();
    },
    variable: (name) => variables[name],
  };
}
