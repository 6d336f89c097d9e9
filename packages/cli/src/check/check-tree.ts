import { resolve } from 'node:path';
import { parseFileUri, slsOfPath } from '@edge-run/shared/files';
import type { Diagnostic } from '@edge-run/shared/kernel';
import { placedSettings } from '@edge-run/shared/project';
import { PyMap } from '@edge-run/shared/values';
import { CallChecker } from './calls.ts';
import { chooseHosts } from './choose-hosts.ts';
import { checkRuleNames, checkSchedules, checkSettings, reactorEntries } from './configuration.ts';
import { type Fixtures, readFixtures } from './fixtures.ts';
import { type Fleet, fleetOf } from './fleet.ts';
import { compileHighstates, type EquippedHost } from './highstates.ts';
import { type CheckHost, hostsOf, masterHost } from './hosts.ts';
import { compileLone, compileOrchestrations, isOrchestration, type LoneFile } from './lone-files.ts';
import { nameProblems } from './orchestration-names.ts';
import { checkPillarFiles } from './pillar-files.ts';
import { checkReactor } from './reactors.ts';
import { relaxed, withoutHost, withRemotes } from './relax.ts';
import { inRoots, settle } from './report.ts';
import { applyRules, type RuleContext } from './rules/index.ts';
import { locate, Sources } from './sources.ts';
import { templateProblems } from './template-files.ts';
import { type CheckedTree, isBelow } from './tree.ts';
import { problemsOf, type Unit } from './unit.ts';
import { createWorkshop, type Workshop } from './workshop.ts';

/** What is known after a check. */
export interface CheckReport {
  /** In the order of files and lines. */
  readonly diagnostics: readonly Diagnostic[];
  /** How many files were read. */
  readonly files: number;
  /** How many hosts they were rendered for, the master in its environments among them. */
  readonly fixtures: number;
}

/** How a check is made. */
export interface CheckOptions {
  readonly cwd: string;
  /** Names no orchestration may have: the commands of `edge-run orch`. */
  readonly reservedNames: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

const CALL_HELP = 'say in the fixtures what it answers: calls.yaml';
const DATA_HELP = 'describe a host that has it in the fixtures: grains/ID.yaml, pillar/ID.yaml';
const ORCHESTRATION_HELP = 'if it comes from the command line, say it in the fixtures: pillar/NAME-OF-THE-SLS.yaml';

/** Checks a tree: everything is rendered and compiled as it would be for its hosts, and held against the rules. */
export async function checkTree(tree: CheckedTree, options: CheckOptions): Promise<CheckReport> {
  const fixtures = readFixtures(resolve(tree.base, tree.settings.check.fixtures));
  const workshop = createWorkshop(tree, fixtures.answers, options.signal);
  return new TreeCheck(tree, fixtures, workshop, options).run();
}

class TreeCheck {
  readonly #tree: CheckedTree;
  readonly #fixtures: Fixtures;
  readonly #workshop: Workshop;
  readonly #options: CheckOptions;
  readonly #sources: Sources;
  readonly #found: Diagnostic[] = [];
  /** Environment → its paths. */
  readonly #paths = new Map<string, ReadonlySet<string>>();

  constructor(tree: CheckedTree, fixtures: Fixtures, workshop: Workshop, options: CheckOptions) {
    this.#tree = tree;
    this.#fixtures = fixtures;
    this.#workshop = workshop;
    this.#options = options;
    this.#sources = new Sources(tree.states);
    this.#found.push(...fixtures.diagnostics);
  }

  async run(): Promise<CheckReport> {
    const workshop = this.#workshop;
    const masters = await this.#masters();
    const byEnv = new Map(masters.map(({ host, pillar }) => [host.pillarenv, pillar]));
    const hosts = hostsOf(this.#tree, this.#fixtures, byEnv);
    const equipped = await this.#equip(await chooseHosts(workshop, hosts));
    const fleet = fleetOf(hosts, this.#tree.settings.nodegroups);
    const slsNames = await this.#slsNames();
    const context = this.#ruleContext(fleet, slsNames);
    const { units, diagnostics, representatives } = await compileHighstates(workshop, equipped);
    this.#inStates(diagnostics);
    const config = placedSettings(this.#tree.configFile);
    const reactors = reactorEntries(config);
    const reacting = new Set(reactors.entries.map(({ uri }) => uri.replace(/^\w+:\/\//, '')));
    const lone = await this.#compileLone(reacting, representatives, masters);
    for (const unit of [...units, ...lone]) await this.#take(unit, context);
    const calls = new CallChecker(workshop, slsNames.get('base') ?? []);
    const [master] = masters;
    for (const entry of master === undefined ? [] : reactors.entries) {
      const { host, pillar } = master!;
      this.#inStates(
        await checkReactor(entry, { workshop, master: host, pillar, events: this.#fixtures.events, calls }),
      );
    }
    this.#found.push(...reactors.diagnostics, ...checkSchedules(config, calls), ...checkRuleNames(this.#tree, config));
    this.#found.push(...checkSettings(this.#tree));
    for (const env of await workshop.pillars.environments()) {
      this.#inPillars(await checkPillarFiles(workshop, hosts[0]!, env));
    }
    return {
      diagnostics: settle(this.#found, this.#tree, this.#sources, this.#options.cwd),
      files:
        workshop.states.read.size +
        workshop.pillars.read.size +
        this.#fixtures.files.length +
        (this.#tree.configFile ? 1 : 0),
      fixtures: equipped.length + masters.length,
    };
  }

  /** The master in each pillar environment, as orchestrations see it. */
  async #masters(): Promise<readonly EquippedHost[]> {
    const environments = Object.keys(this.#tree.settings.pillar_roots);
    const wanted = environments.length > 1 ? environments : [undefined];
    return Promise.all(wanted.map((pillarenv) => this.#withPillar(masterHost(this.#tree, pillarenv))));
  }

  async #equip(hosts: readonly CheckHost[]): Promise<readonly EquippedHost[]> {
    const equipped: EquippedHost[] = [];
    for (const host of hosts) equipped.push(await this.#withPillar(host));
    return equipped;
  }

  async #withPillar(host: CheckHost): Promise<EquippedHost> {
    const { value, diagnostics } = await this.#workshop.compilePillar(host);
    const told = diagnostics.map((diagnostic) =>
      host.isKnown ? withoutHost(diagnostic, CALL_HELP) : relaxed(diagnostic, DATA_HELP),
    );
    this.#inPillars(told);
    // With a broken pillar, what else can be seen is seen; that data is missing then is no wonder.
    if (value === undefined) return { host: { ...host, isKnown: false }, pillar: new PyMap() };
    // Sources beyond the files are not asked: what the pillar lacks, they may have.
    const { ext_pillar: external } = this.#tree.config;
    const isWhole = host.pillar !== undefined || !Array.isArray(external) || external.length === 0;
    return { host: isWhole ? host : { ...host, isKnown: false }, pillar: value };
  }

  async #slsNames(): Promise<ReadonlyMap<string, readonly string[]>> {
    const { states } = this.#workshop;
    const names = new Map<string, readonly string[]>();
    for (const env of await states.environments()) {
      const paths = await this.#pathsOf(env);
      names.set(
        env,
        paths.flatMap((path) => (path.endsWith('.sls') ? (slsOfPath(path) ?? []) : [])),
      );
    }
    return names;
  }

  #ruleContext(fleet: Fleet, slsNames: RuleContext['slsNames']): RuleContext {
    const { catalog } = this.#workshop;
    return {
      workshop: { catalog },
      sources: this.#sources,
      fleet,
      slsNames,
      hasFile: async (uri, env) => {
        const place = parseFileUri(uri, env);
        return (await this.#pathSetOf(place.env)).has(place.path);
      },
      filesOf: (env) => this.#pathsOf(env),
    };
  }

  /** Every SLS that was not read so far, by itself. */
  async #compileLone(
    reacting: ReadonlySet<string>,
    hosts: readonly EquippedHost[],
    masters: readonly EquippedHost[],
  ): Promise<readonly Unit[]> {
    const { states } = this.#workshop;
    const given = new Set(states.read);
    const units: Unit[] = [];
    for (const env of await states.environments()) {
      for (const path of await this.#pathsOf(env)) {
        const sls = path.endsWith('.sls') ? slsOfPath(path) : undefined;
        if (sls === undefined || sls === 'top' || given.has(`${env}\0${path}`) || reacting.has(path)) continue;
        if (!this.#isAsked(path)) continue;
        const lone = await this.#read(path, env, sls);
        if (lone === undefined) continue;
        if (isOrchestration(lone)) {
          this.#inStates(nameProblems(lone, this.#options.reservedNames));
          units.push(...(await compileOrchestrations(this.#workshop, lone, masters, this.#fixtures.pillars.get(sls))));
        } else {
          const unit = await compileLone(this.#workshop, lone, hosts);
          if (unit !== undefined) units.push(unit);
        }
      }
    }
    return units;
  }

  /** False for files beyond what is asked for. */
  #isAsked(path: string): boolean {
    const { scope, states } = this.#tree;
    const file = scope === undefined ? undefined : locate(path, states);
    return file === undefined || isBelow(file, scope!);
  }

  /** Paths of an environment; none, and the reason, where its folders cannot be read. */
  async #pathsOf(env: string): Promise<readonly string[]> {
    const paths: string[] = [];
    try {
      for await (const { path } of this.#workshop.states.list('', env)) paths.push(path);
    } catch (error) {
      this.#found.push(...problemsOf(error));
    }
    return paths;
  }

  async #pathSetOf(env: string): Promise<ReadonlySet<string>> {
    const known = this.#paths.get(env) ?? new Set(await this.#pathsOf(env));
    this.#paths.set(env, known);
    return known;
  }

  async #read(path: string, env: string, sls: string): Promise<LoneFile | undefined> {
    try {
      const file = await this.#workshop.states.open(path, env);
      return file === undefined ? undefined : { sls, env, path, text: new TextDecoder().decode(await file.read()) };
    } catch (error) {
      this.#inStates(problemsOf(error, { file: path, line: 1 }));
      return undefined;
    }
  }

  /** Takes a unit's own problems, as far as they are certain, and what the rules find. */
  async #take(unit: Unit, context: RuleContext): Promise<void> {
    const isCertain = unit.kind === 'highstate' && unit.host.isKnown;
    const help = unit.kind === 'orchestration' ? ORCHESTRATION_HELP : DATA_HELP;
    const own = [...unit.diagnostics, ...(await templateProblems(this.#workshop, unit))]
      .map((diagnostic) => withoutHost(diagnostic, CALL_HELP))
      .map((diagnostic) => (isCertain ? diagnostic : relaxed(diagnostic, help)))
      .map((diagnostic) => (unit.kind === 'sls' ? asOthersMayHelp(diagnostic) : diagnostic));
    this.#inStates([...own, ...(await applyRules(unit, context))]);
  }

  #inStates(diagnostics: readonly Diagnostic[]): void {
    const { config, states } = this.#tree;
    const remotes = Array.isArray(config.gitfs_remotes) && config.gitfs_remotes.length > 0;
    const told = remotes ? diagnostics.map(withRemotes) : diagnostics;
    this.#found.push(...told.map((diagnostic) => inRoots(diagnostic, states)));
  }

  #inPillars(diagnostics: readonly Diagnostic[]): void {
    this.#found.push(...diagnostics.map((diagnostic) => inRoots(diagnostic, this.#tree.pillars)));
  }
}

/** What a file by itself lacks may stand in another that its hosts are given too. */
function asOthersMayHelp(diagnostic: Diagnostic): Diagnostic {
  const { code } = diagnostic;
  return code === 'EDGE_STATE_REQUISITE_MISSING' || code === 'EDGE_STATE_EXTEND'
    ? { ...diagnostic, severity: 'warning' }
    : diagnostic;
}
