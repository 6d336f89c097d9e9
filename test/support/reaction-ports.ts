import type { Dispatcher, DispatchRequest } from '@edge-run/master/jobs';
import type { RunnerCalls, RunnerRequest } from '@edge-run/master/orchestration';
import { EdgeError } from '@edge-run/shared/kernel';
import type { JobAnswer } from '@edge-run/shared/modules/contract';

/** Runners that are told apart by name and note every call; a call of a key that ended before answers at once. */
export class RecordedRunners implements RunnerCalls {
  readonly calls: RunnerRequest[] = [];
  readonly #names: ReadonlySet<string>;
  readonly #answer: (request: RunnerRequest) => Promise<boolean>;

  constructor(names: readonly string[], answer: (request: RunnerRequest) => Promise<boolean> = async () => true) {
    this.#names = new Set(names);
    this.#answer = answer;
  }

  /** Keys of the calls, in order. */
  get keys(): readonly string[] {
    return this.calls.map(({ key }) => key);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  names(): Iterable<string> {
    return this.#names;
  }

  async call(request: RunnerRequest): Promise<{ readonly answer: null; readonly result: boolean }> {
    this.calls.push(request);
    return { answer: null, result: await this.#answer(request) };
  }
}

/** Takes jobs, notes them, and ends each on `hosts` at once. */
export class RecordedJobs implements Pick<Dispatcher, 'run'> {
  readonly requests: DispatchRequest[] = [];
  readonly #hosts: readonly string[];

  constructor(hosts: readonly string[] = ['web1']) {
    this.#hosts = hosts;
  }

  async run(request: DispatchRequest): Promise<JobAnswer> {
    this.requests.push(request);
    if (request.target === 'bad[') throw new EdgeError('EDGE_TARGET_SYNTAX', 'bad target');
    const jid = request.jid ?? '';
    request.onStarted?.(jid);
    const end = { outcome: 'succeeded', retcode: 0 } as const;
    return { jid, targets: new Map(this.#hosts.map((id) => [id, end])) };
  }
}
