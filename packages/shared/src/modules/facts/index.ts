export { FACTS_COMMAND, gatherFacts, parseFacts } from './gather.ts';
