export {
  findRecipe,
  generateLocale,
  hasLocales,
  isAvailable,
  listLocales,
  setSystemLocale,
  systemLocale,
} from './access.ts';
export { enableLocale, normalLocale, parseLocale, parseVariables, setLang, supportedLine } from './names.ts';
