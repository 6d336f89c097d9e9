import { spawnSync } from 'node:child_process';
import type { HostReader } from '@edge-run/shared/host';

/** Runs commands on this machine for tests that need a real program and no host around it. */
export const commandProbe: Pick<HostReader, 'probe'> = {
  probe: async ([program, ...args], options = {}) => {
    const env: NodeJS.ProcessEnv = { ...process.env };
    for (const [name, value] of Object.entries(options.env ?? {})) env[name] = value ?? undefined;
    const maxBuffer = options.maxOutputBytes ?? 16 * 1024 * 1024;
    const result = spawnSync(program, args, { env, input: options.stdin ?? '', maxBuffer, timeout: 30_000 });
    const stdoutBytes = result.stdout ?? Buffer.alloc(0);
    return {
      exitCode: result.status ?? 1,
      stdout: stdoutBytes.toString(),
      stderr: (result.stderr ?? Buffer.alloc(0)).toString(),
      stdoutBytes,
      truncated: (result.error as NodeJS.ErrnoException | undefined)?.code === 'ENOBUFS',
    };
  },
};
