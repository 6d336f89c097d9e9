export { callOf, type ReactionCall } from './calls.ts';
export { compileReaction, type Reaction, type ReactionChunk, type RenderedReaction } from './chunks.ts';
export { chainLength, reactionKey } from './keys.ts';
export { type CallerRequest, type ReactionPorts, type ReactionVariables, type RenderReaction, react } from './react.ts';
export { type Reactor, type ReactorOptions, startReactor } from './reactor.ts';
export { checkReactorConfig, matchReactors, type ReactorConfig } from './rules.ts';
