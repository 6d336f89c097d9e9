import { readdirSync, readFileSync } from 'node:fs';
import type { RosterFiles } from './host.ts';

/** The files and the environment of this machine. */
export const localRosterFiles: RosterFiles = {
  read: (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // Missing, a folder, or not ours to read: who asks knows whether it had to be there.
      return undefined;
    }
  },
  list: (path) => {
    try {
      return readdirSync(path).sort();
    } catch {
      return undefined;
    }
  },
  variable: (name) => process.env[name],
};
