#!/usr/bin/env node
// The bin stays in the repository so that npm can link it before the first build.
import { expectShortLife } from '../../shared/bin/short-life.js';
import { expectIdleness } from '../../shared/bin/small-heap.js';
import { startProgram } from '../../shared/bin/start-program.js';

if (process.argv[2] === 'call') expectShortLife();
if (process.argv[2] === 'run') expectIdleness();
await startProgram(import.meta.url);
