export { readHosts, writeHosts } from './access.ts';
export {
  addName,
  type HostsEntry,
  type HostsLine,
  namesOf,
  parseHosts,
  removeName,
  setComment,
  setNames,
} from './lines.ts';
