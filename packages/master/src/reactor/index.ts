export { callOf, type ReactionCall } from './calls.ts';
export { compileReaction, type Reaction, type ReactionChunk, type RenderedReaction } from './chunks.ts';
export type { CallerRequest, ReactionVariables, RenderReaction } from './react.ts';
export { type Reactor, type ReactorOptions, startReactor } from './reactor.ts';
export { checkReactorConfig, matchReactors, type ReactorConfig } from './rules.ts';
