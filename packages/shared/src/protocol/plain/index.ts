/*
 * The part of the protocol without schemas: what a command line may load before it knows that it will ask anything.
 */
export { EXIT, type ExitCode } from '../exit-codes.ts';
export { FAILURE_CHOICES, type FailureChoice } from '../failure-choices.ts';
export { RENDER_STAGES, type RenderStage } from '../render-stages.ts';
export { STATE_NOTES, type StateCause, type StateNotes, type StateVerb } from '../state-notes.ts';
export { eventSubject, idFromToken, idToken, SUBJECTS } from '../subjects.ts';
export { TARGET_TYPES, type TargetType } from '../target-types.ts';
