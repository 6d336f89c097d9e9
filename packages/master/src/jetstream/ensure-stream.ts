import { type JetStreamManager, RetentionPolicy, StorageType, type StreamConfig } from '@nats-io/jetstream';
import { isMissing } from './api-errors.ts';

/** Makes a stream on disk where there is none of its name; one that is there stays as it is. */
export async function ensureStream(
  manager: JetStreamManager,
  { name, subjects }: { readonly name: string; readonly subjects: readonly string[] },
  settings: Partial<StreamConfig>,
): Promise<void> {
  try {
    await manager.streams.info(name);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await manager.streams.add({
      name,
      subjects: [...subjects],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      ...settings,
    });
  }
}
