import { createHash, createHmac } from 'node:crypto';
import type { Clock, Secret } from '@edge-run/shared/kernel';
import { groupsOf, post } from './http.ts';
import type { HistoryRecord, RefusedRecord, Returner } from './returner.ts';

/** Where records are posted, and how the receiver knows that they are ours. */
export interface WebhookOptions {
  readonly url: string;
  /** Shared with the receiver. */
  readonly secret: Secret;
  readonly clock: Clock;
  /** Limit of one request. Default 30,000. */
  readonly timeoutMs?: number;
}

const BODY_BYTES = 1_000_000;

/**
 * Posts `{"records": […]}`. `X-Edge-Signature: sha256=<hex>` is the HMAC of `<X-Edge-Timestamp>.<body>` with the shared
 * secret: a receiver that also looks at the time cannot be told old news again. `X-Edge-Delivery` is the same for the
 * same records.
 */
export function createWebhookReturner(options: WebhookOptions): Returner {
  return {
    kind: 'webhook',
    async deliver(records, signal) {
      const refused: RefusedRecord[] = [];
      for (const group of groupsOf(records, (record) => JSON.stringify(record), BODY_BYTES)) {
        const { status, text } = await send(group, signal, options);
        if (status < 400) continue;
        // One of them is at fault: alone it shows which.
        if (group.length === 1) refused.push({ record: group[0]!, reason: `${status}: ${text.slice(0, 300)}` });
        else for (const record of group) refused.push(...(await this.deliver([record], signal)));
      }
      return refused;
    },
    close: async () => {},
  };
}

function send(
  records: readonly HistoryRecord[],
  signal: AbortSignal,
  { url, secret, clock, timeoutMs = 30_000 }: WebhookOptions,
): ReturnType<typeof post> {
  const body = JSON.stringify({ records });
  const timestamp = String(Math.floor(clock.now() / 1000));
  const signature = createHmac('sha256', secret.reveal()).update(`${timestamp}.${body}`).digest('hex');
  const headers = {
    'content-type': 'application/json',
    'x-edge-timestamp': timestamp,
    'x-edge-signature': `sha256=${signature}`,
    'x-edge-delivery': createHash('sha256')
      .update(records.map(({ id }) => id).join('\n'))
      .digest('hex'),
  };
  return post({ url, headers, body, timeoutMs, signal });
}
