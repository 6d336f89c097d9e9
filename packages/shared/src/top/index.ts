export { expandSlsNames, type MatchTopOptions, matchTop, type TopMatches } from './match-top.ts';
export { type MergedTop, type MergeTopsOptions, mergeTops, orderEnvironments, type TopStrategy } from './merge-tops.ts';
export { type ReadTopsOptions, readTops } from './read-tops.ts';
export { parseTop, type TopEntry, type TopFile } from './top-file.ts';
