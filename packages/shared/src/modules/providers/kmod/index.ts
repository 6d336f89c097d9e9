export {
  availableModules,
  builtinModules,
  dropFromBoot,
  isLoaded,
  keepForBoot,
  loadedModules,
  loadModule,
  readKeptFile,
  unloadModule,
} from './access.ts';
export {
  dropModule,
  keepModule,
  type LoadedModule,
  moduleName,
  parseKept,
  parseLoaded,
  parseModuleFiles,
} from './names.ts';
