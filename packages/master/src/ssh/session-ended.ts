/** Says that a shell ended before it told how a command ended. */
export class SessionEnded extends Error {
  /** True when the command may have begun. */
  readonly wasRunning: boolean;

  constructor(message: string, wasRunning: boolean) {
    super(message);
    this.wasRunning = wasRunning;
  }
}
