import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileOperations } from '@edge-run/master/gateway';
import { BlobStore, CachedFiles } from '@edge-run/minion/cache';
import { ChainedFiles, type FileSource, GitSource, LocalRoots } from '@edge-run/shared/files';
import { type JsonValue, systemClock } from '@edge-run/shared/kernel';
import { commandProbe } from '../support/command-probe.ts';
import { describeFileSource, type TreeFile, type Trees } from './file-source.ts';

function write(root: string, files: Trees[string]): void {
  for (const [path, file] of Object.entries(files)) writeOne(join(root, path), file);
}

function writeOne(path: string, file: TreeFile): void {
  mkdirSync(dirname(path), { recursive: true });
  if (typeof file === 'object' && 'link' in file) symlinkSync(file.link, path);
  else writeFileSync(path, typeof file === 'string' ? file : file.text);
  if (typeof file === 'object' && 'mode' in file) chmodSync(path, file.mode);
}

/** Local roots, seen through something else. */
function describeOverRoots(name: string, over: (roots: FileSource, dir: string) => FileSource): void {
  describeFileSource(name, async (trees, dir) => {
    for (const [env, files] of Object.entries(trees)) write(join(dir, env), files);
    const roots = Object.fromEntries(Object.keys(trees).map((env) => [env, [{ directory: join(dir, env) }]]));
    return {
      source: over(new LocalRoots(roots), dir),
      change: async (path, text) => writeFileSync(join(dir, 'base', path), text),
    };
  });
}

describeOverRoots('LocalRoots', (roots) => roots);
describeOverRoots('ChainedFiles', (roots) => new ChainedFiles([roots, new LocalRoots({}), roots]));
describeOverRoots('CachedFiles', (roots, dir) => {
  const operations = fileOperations(roots);
  const answerTo = (name: string, question: object): Promise<unknown> => {
    const { question: schema, answer } = operations[name]!;
    return answer(schema.parse(question), { kind: 'minion', id: 'web1' }, new AbortController().signal);
  };
  const rpc = {
    ask: async (name: string, question: object): Promise<JsonValue> =>
      JSON.parse(JSON.stringify(await answerTo(name, question))),
    askBytes: async (name: string, question: object): Promise<Uint8Array> =>
      (await answerTo(name, question)) as Uint8Array,
  };
  const store = new BlobStore({ directory: join(dir, 'cache'), maxBytes: 1024 ** 2, clock: systemClock });
  return new CachedFiles(rpc, store);
});

describeFileSource('GitSource', async (trees, dir) => {
  const work = join(dir, 'work');
  const bare = join(dir, 'bare.git');
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false'];
  const git = (...args: string[]): void => {
    execFileSync('git', [...identity, ...args], { cwd: work, stdio: 'pipe' });
  };
  const commit = (): void => {
    git('add', '-A');
    git('commit', '-qm', 'x');
    git('push', '-q', bare, 'HEAD');
  };
  mkdirSync(work);
  execFileSync('git', ['init', '-q', '--bare', bare]);
  git('init', '-q', '-b', 'main');
  for (const [env, files] of Object.entries(trees)) {
    if (env !== 'base') git('checkout', '-q', '--orphan', env);
    for (const path of Object.keys(trees.base!)) rmSync(join(work, path), { recursive: true, force: true });
    write(work, files);
    commit();
  }
  git('checkout', '-q', 'main');
  return {
    source: new GitSource({ host: commandProbe, repository: bare }),
    change: async (path, text) => {
      writeFileSync(join(work, path), text);
      commit();
    },
  };
});
