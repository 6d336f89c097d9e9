import type { FileSource } from '../../files/index.ts';
import type { HostReader } from '../../host/index.ts';
import type { ErrorRecord, InstantMs, Logger } from '../../kernel/index.ts';
import type { CommandRequest } from '../../policy/index.ts';
import type { PyMap, Value } from '../../values/index.ts';

/** What Salt calls grains: facts of the host, top-level names as in Salt (`os`, `os_family`, `ipv4`, …). */
export type Facts = PyMap;

/** The compiled pillar of the host. */
export interface PillarView {
  readonly data: PyMap;
  /** Value at a colon path (`a:b:0`), as `pillar.get`; `fallback` where the path leads nowhere. */
  get(path: string, fallback?: Value): Value;
}

/** Sends events of this host onto the bus. */
export interface EventSink {
  send(tag: string, data: Value): Promise<void>;
}

/** One value a host publishes in the mine. */
export interface MineEntry {
  /** What it is asked for by: the name of a function or an alias. */
  readonly name: string;
  readonly value: Value;
  /** Who may read it; everybody when absent. */
  readonly allow?: { readonly target: string | readonly string[]; readonly targetType: string };
}

/** Data the hosts publish for each other, kept by the master. */
export interface Mine {
  /** id → value of `name` for the hosts that match, published it and let this host read it. */
  get(target: string | readonly string[], name: string, targetType: string): Promise<PyMap>;
  /** Publishes values of this host beside those it published before, or instead of them. */
  update(entries: readonly MineEntry[], options: { readonly replaceAll: boolean }): Promise<void>;
  /** Takes back values of this host; all of them when no names are given. What is not there is fine. */
  remove(names?: readonly string[]): Promise<void>;
}

/** Publishing jobs to other hosts; exists on the master only. */
export interface Jobs {
  /**
   * Runs `fun` on the targets and waits: id → {`ret`, `retcode`, `jid`, `success`, `outcome`}. A target that gave no
   * return is absent, as in `saltutil.cmd`; the outcome of each expected target is in `outcomes`.
   */
  run(request: JobRequest, signal: AbortSignal): Promise<JobAnswer>;
}

/** Functions of the master; exists on the master only. */
export interface Runners {
  /** Calls a runner or a wheel function and answers what it answers. @throws EdgeError for one that nobody knows */
  call(request: RunnerCall, signal: AbortSignal): Promise<Value>;
}

/** A call of a function of the master. */
export interface RunnerCall {
  readonly kind: 'runner' | 'wheel';
  readonly name: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
}

/** What a host proves itself with; exists on minions that knocked to be let in. */
export interface HostKeys {
  /** Puts a new key in the place of the present one; answers once it is in use. @throws EdgeError `EDGE_NOT_ALLOWED` */
  rotate(): Promise<{ readonly publicKey: string }>;
}

/** A job this host has in hand. */
export interface LocalJob {
  readonly jid: string;
  readonly fun: string;
  /** Who asked for it. */
  readonly by: string;
  readonly startedAt: InstantMs;
  /** True while it waits for others to end. */
  readonly queued?: true;
}

/** The jobs this host has in hand; exists on minions. */
export interface LocalJobs {
  running(): readonly LocalJob[];
  /** Tells a job to end; false when it is not in hand. */
  end(jid: string, by: string): boolean;
}

/** A job for other hosts. */
export interface JobRequest {
  readonly target: string;
  /** `glob list pcre grain grain_pcre pillar pillar_pcre pillar_exact ipcidr nodegroup range compound`. Default glob. */
  readonly targetType?: string;
  readonly fun: string;
  readonly args?: readonly Value[];
  readonly kwargs?: ReadonlyMap<string, Value>;
  readonly timeoutMs?: number;
  /** Job id to use; a repeated id answers with the stored returns instead of running again. */
  readonly jid?: string;
}

/** How a job ended on each of its targets. */
export interface JobAnswer {
  readonly jid: string;
  /** Host id → its end. Every expected host is here. */
  readonly targets: ReadonlyMap<string, JobTargetAnswer>;
  /** Why a job that goes through its targets a few at a time did not go on, or what its last gate found. */
  readonly stopped?: string;
}

/** How one target of a job ended. */
export type TargetOutcome = 'succeeded' | 'failed' | 'unreachable' | 'no-return' | 'timed-out' | 'cancelled';

/** The end of a job on one target, with its return where one came. */
export interface JobTargetAnswer {
  readonly outcome: TargetOutcome;
  readonly ret?: Value;
  readonly retcode: number;
  /** Why, for every outcome but `succeeded`. */
  readonly evidence?: string;
  /** What the function threw, or kept it from running. */
  readonly error?: ErrorRecord;
}

/** The `state.*` functions, callable from modules. */
export interface StateCalls {
  /** Runs `state.<fun>` with the arguments as given and answers Salt's return. */
  run(fun: string, args: readonly Value[], kwargs: ReadonlyMap<string, Value>): Promise<Value>;
}

/** A state that another one requires: what it is called with, before slots are filled in. */
export interface RequiredState {
  /** `file` of `file.managed`. */
  readonly state: string;
  /** `managed` of `file.managed`. */
  readonly fun: string;
  readonly name: Value;
  /** File environment it takes its files from. */
  readonly env: string;
  readonly args: PyMap;
}

/** Everything a module may use; nothing else is in reach. */
export interface ModuleContext<H extends HostReader = HostReader> {
  readonly host: H;
  readonly facts: Facts;
  readonly files: FileSource;
  /** saltenv of the job; `base` unless told. */
  readonly saltenv: string;
  readonly pillar: PillarView;
  /** Daemon configuration as templates see it (`opts`). */
  readonly opts: PyMap;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly events: EventSink;
  readonly mine: Mine;
  /** Gathers the facts of the host anew and tells the master; this job sees them too. Absent where they are fixed. */
  readonly refreshFacts?: () => Promise<void>;
  /** Whether a text holds a secret of the pillar; absent where templates are shown none. */
  holdsSecret?(text: string): boolean;
  /**
   * Asks whether a command that people wrote may be run here; absent where nobody judges.
   * @throws EdgeError `EDGE_COMMAND_REFUSED`
   */
  requireAllowed?(command: CommandRequest): void;
  /** Id of the job this is done for, where it is one. */
  readonly jid?: string;
  /** On the master only. */
  readonly jobs?: Jobs;
  /** On the master only. */
  readonly runners?: Runners;
  /** On minions only. */
  readonly keys?: HostKeys;
  /** On minions only. */
  readonly localJobs?: LocalJobs;
  /** Compiles the pillar of the host anew for the jobs that come. @throws DiagnosticsError when it does not compile */
  readonly refreshPillar?: () => Promise<void>;
  readonly state?: StateCalls;
  /** The states this one has as `require`, for one that leaves alone what they manage; absent outside of a run of states. */
  readonly required?: readonly RequiredState[];
  /** Calls another execution module by name; positional arguments first. */
  call(name: string, args?: readonly Value[], kwargs?: Readonly<Record<string, unknown>>): Promise<Value>;
  /** True when an execution module of that name exists. */
  hasFunction(name: string): boolean;
  /** Renders a template of `files` or a given text as `file.managed` does. */
  renderTemplate(request: TemplateRequest): Promise<string>;
}

/** A template that a module wants rendered. */
export interface TemplateRequest {
  readonly text: string;
  readonly path: string;
  /** Only `jinja` today. */
  readonly engine: string;
  readonly variables: ReadonlyMap<string, Value>;
}
