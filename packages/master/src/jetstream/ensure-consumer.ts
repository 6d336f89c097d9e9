import {
  AckPolicy,
  type Consumer,
  type ConsumerConfig,
  type ConsumerUpdateConfig,
  DeliverPolicy,
  type JetStreamManager,
} from '@nats-io/jetstream';
import { isMissing } from './api-errors.ts';

/** Makes a durable consumer of what comes from now on; one that is there goes on where it was, with these settings. */
export async function ensureConsumer(
  manager: JetStreamManager,
  stream: string,
  name: string,
  settings: Partial<ConsumerUpdateConfig>,
): Promise<Consumer> {
  const exists = await manager.consumers.info(stream, name).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
  if (exists) await manager.consumers.update(stream, name, settings);
  else {
    const first: Partial<ConsumerConfig> = {
      durable_name: name,
      deliver_policy: DeliverPolicy.New,
      ack_policy: AckPolicy.Explicit,
    };
    await manager.consumers.add(stream, { ...first, ...settings });
  }
  return manager.jetstream().consumers.get(stream, name);
}
