/** How `edge-run up` is to start the embedded stack. */
export interface StackOptions {
  /** `<state dir>/dev`: where data, token and `context.json` are kept. */
  readonly dir: string;
  /** Keep nothing after `down`. */
  readonly ephemeral: boolean;
  /** Use this NATS server instead of an embedded one. */
  readonly natsUrl?: string;
  /** Directory with `states/`, `pillars/` and `orch/`; found from the working directory when absent. */
  readonly project?: string;
  /** Stay in this process; otherwise the stack goes on when the command has ended. */
  readonly foreground: boolean;
  readonly cwd: string;
}

/** What is there once the stack is ready. */
export interface StackReport {
  readonly version: string;
  readonly dir: string;
  readonly nats: { readonly url: string; readonly detail: string };
  readonly minions: readonly { readonly id: string; readonly detail: string }[];
  readonly api?: { readonly url: string; readonly tokenFile: string };
  readonly console?: { readonly url: string; readonly tokenFile: string };
  readonly project?: string;
  /** Milliseconds it took to get ready; absent for a stack that was there before. */
  readonly readyMs?: number;
}

/** An embedded master, local fleet, NATS and console. */
export interface Stack {
  /** Resolves once it is ready. `ended` is there in the foreground: it resolves when the stack has stopped. */
  up(options: StackOptions): Promise<{ readonly report: StackReport; readonly ended?: Promise<void> }>;
  /** Stops it; false when none was running. */
  down(options: { readonly dir: string }): Promise<boolean>;
  /** The stack that runs from `dir`, if any. */
  status(options: { readonly dir: string }): Promise<StackReport | undefined>;
}
