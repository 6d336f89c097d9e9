import { EdgeError } from '../kernel/index.ts';
import type { Catalog, ExecutionModule, StateModule } from '../modules/contract/index.ts';
import {
  alternativesFunctions,
  cmdFunctions,
  configFunctions,
  cpCacheFunctions,
  cpFunctions,
  cronFunctions,
  environFunctions,
  eventFunctions,
  fileFunctions,
  gitFunctions,
  grainsFunctions,
  grainsWriteFunctions,
  haproxyFunctions,
  hashutilFunctions,
  hostsFunctions,
  httpFunctions,
  logFunctions,
  matchFunctions,
  mergingFunctions,
  mineFunctions,
  mountFunctions,
  networkAddressFunctions,
  networkFunctions,
  npmFunctions,
  pillarFunctions,
  pkgFunctions,
  pkgRepoFunctions,
  postgresFunctions,
  rsyncFunctions,
  saltutilFunctions,
  saltutilJobFunctions,
  serviceFunctions,
  slsutilFunctions,
  sshFunctions,
  sshKnownHostsFunctions,
  supervisordFunctions,
  systemFunctions,
  testFunctions,
  timezoneFunctions,
  userFunctions,
} from '../modules/execution/index.ts';
import {
  actionStates,
  alternativesStates,
  cmdStates,
  cronStates,
  fileStates,
  gitStates,
  grainsStates,
  hostStates,
  httpStates,
  moduleStates,
  mountStates,
  npmStates,
  pkgrepoStates,
  pkgStates,
  postgresStates,
  serviceStates,
  sshAuthStates,
  sshKnownHostsStates,
  supervisordStates,
  testStates,
  timezoneStates,
  userStates,
} from '../modules/states/index.ts';
import { catalogFunctions } from './catalog-functions.ts';

/** Modules a process offers besides those every process does. */
export interface CatalogAdditions {
  readonly functions?: readonly ExecutionModule[];
  readonly states?: readonly StateModule[];
}

/** Every module there is, by name. @throws EdgeError `EDGE_DUPLICATE_MODULE` when two have the same. */
export function createCatalog({ functions = [], states = [] }: CatalogAdditions = {}): Catalog {
  const catalog: Catalog = {
    functions: byName([
      ...testFunctions,
      ...alternativesFunctions,
      ...cmdFunctions,
      ...configFunctions,
      ...cronFunctions,
      ...cpCacheFunctions,
      ...cpFunctions,
      ...environFunctions,
      ...eventFunctions,
      ...fileFunctions,
      ...gitFunctions,
      ...grainsFunctions,
      ...grainsWriteFunctions,
      ...haproxyFunctions,
      ...hashutilFunctions,
      ...hostsFunctions,
      ...httpFunctions,
      ...logFunctions,
      ...matchFunctions,
      ...mergingFunctions,
      ...mountFunctions,
      ...mineFunctions,
      ...networkAddressFunctions,
      ...networkFunctions,
      ...npmFunctions,
      ...pillarFunctions,
      ...pkgFunctions,
      ...pkgRepoFunctions,
      ...postgresFunctions,
      ...rsyncFunctions,
      ...saltutilFunctions,
      ...saltutilJobFunctions,
      ...serviceFunctions,
      ...slsutilFunctions,
      ...sshFunctions,
      ...sshKnownHostsFunctions,
      ...supervisordFunctions,
      ...systemFunctions,
      ...timezoneFunctions,
      ...userFunctions,
      ...catalogFunctions(() => catalog),
      ...functions,
    ]),
    states: byName([
      ...actionStates,
      ...alternativesStates,
      ...cmdStates,
      ...cronStates,
      ...fileStates,
      ...gitStates,
      ...grainsStates,
      ...hostStates,
      ...httpStates,
      ...moduleStates,
      ...mountStates,
      ...npmStates,
      ...pkgStates,
      ...pkgrepoStates,
      ...postgresStates,
      ...serviceStates,
      ...sshAuthStates,
      ...sshKnownHostsStates,
      ...supervisordStates,
      ...testStates,
      ...timezoneStates,
      ...userStates,
      ...states,
    ]),
  };
  return catalog;
}

function byName<M extends { readonly name: string }>(modules: readonly M[]): ReadonlyMap<string, M> {
  const map = new Map<string, M>();
  for (const module of modules) {
    if (map.has(module.name))
      throw new EdgeError(
        'EDGE_DUPLICATE_MODULE',
        `two modules are called ${module.name}`,
        { name: module.name },
        {
          hint: 'Give one of them another name.',
        },
      );
    map.set(module.name, module);
  }
  return map;
}
