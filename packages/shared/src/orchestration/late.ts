/** What templates know a step's result by. */
export const STEPS_NAME = 'steps';
