export {
  type Chain,
  type ChainPlace,
  changeFirewall,
  deleteRule,
  type Family,
  findChain,
  firewallCommand,
  hasRule,
  isSaved,
  printRules,
  programOf,
  readRules,
  readSaved,
  savedFile,
  saveRules,
} from './access.ts';
export { buildRule, type Rule, type RuleOptions, readRule } from './rule.ts';
export { parseSaved, ruleOptions, type SavedChain, type SavedRules, saveSame } from './saved.ts';
