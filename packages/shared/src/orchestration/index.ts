export { callProblems, checkSteps, type StepChecks } from './check-steps.ts';
export { destinationProblem } from './destinations.ts';
export { STEPS_NAME } from './late.ts';
export { callOf, type ReactionCall } from './reaction-calls.ts';
export { compileReaction, type Reaction, type ReactionChunk, type RenderedReaction } from './reaction-chunks.ts';
export {
  checkReactorConfig,
  compileReactors,
  matchReactors,
  type ReactorConfig,
  type ReactorRule,
  reactorRules,
} from './reactor-rules.ts';
export { RUN_KEY, type RunOptionsContext, readRunOptions } from './run-options.ts';
export { keywords, keywordsOf, positional, positionalOf, targetOf } from './step-arguments.ts';
export { planSteps, STEP_WORDS, type StepPlan, type StepSettings } from './step-settings.ts';
