#!/usr/bin/env node
// The bin stays in the repository so that npm can link it before the first build.
import { expectShortLife } from '../../shared/bin/short-life.js';
import { startProgram } from '../../shared/bin/start-program.js';

expectShortLife();
await startProgram(import.meta.url);
