import ssh2, {
  type BaseAgent,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';

/** An agent of which only some keys are offered. */
export class NarrowedAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: BaseAgent;
  readonly #publicKeys: readonly Buffer[];

  /** `publicKeys`: those that may be offered. */
  constructor(agent: BaseAgent, publicKeys: readonly Buffer[]) {
    super();
    this.#agent = agent;
    this.#publicKeys = publicKeys;
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    agentKeys(this.#agent).then(
      (keys) =>
        done(
          undefined,
          keys.filter((key) => this.#publicKeys.some((known) => known.equals(key.getPublicSSH()))),
        ),
      (error: Error) => done(error),
    );
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    if (typeof options === 'function') this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, done);
  }
}

/** The keys of an agent. */
export function agentKeys(agent: BaseAgent): Promise<ParsedKey[]> {
  return new Promise((resolve, reject) => {
    agent.getIdentities((error, keys) => {
      if (error != null) return reject(error);
      resolve(
        (keys ?? []).flatMap((key) => {
          const parsed =
            typeof key === 'string' || Buffer.isBuffer(key) ? ssh2.utils.parseKey(key) : (key as ParsedKey);
          return parsed instanceof Error ? [] : [parsed];
        }),
      );
    });
  });
}
