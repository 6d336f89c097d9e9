export { chainLength, reactionKey } from './keys.ts';
export { type CallerRequest, type ReactionPorts, type ReactionVariables, type RenderReaction, react } from './react.ts';
export { type Reactor, type ReactorOptions, startReactor } from './reactor.ts';
