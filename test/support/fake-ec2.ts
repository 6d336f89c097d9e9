import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';

/** An instance as the fake keeps it. */
export interface FakeInstance {
  readonly id: string;
  readonly state?: 'pending' | 'running' | 'stopped';
  readonly tags?: Readonly<Record<string, string>>;
  readonly privateAddress?: string;
  readonly publicAddress?: string;
}

/** A server that speaks the query API of EC2, as far as DescribeInstances, and refuses everything else. */
export interface FakeEc2 {
  readonly url: string;
  instances: readonly FakeInstance[];
  /** Error codes answered to the next questions. */
  readonly faults: string[];
  /** Questions that were answered, without those that met a fault. */
  readonly questions: URLSearchParams[];
  stop(): Promise<void>;
}

const PAGE_SIZE = 2;
const VERSION = '2016-11-15';

/** Starts it on a free port of this machine. */
export async function startFakeEc2(instances: readonly FakeInstance[] = []): Promise<FakeEc2> {
  const fake = { instances, faults: [] as string[], questions: [] as URLSearchParams[] };
  const server = createServer((request, response) => {
    bodyOf(request).then(
      (body) => {
        const [status, xml] = answer(request, new URLSearchParams(body), fake);
        response.writeHead(status, { 'content-type': 'text/xml;charset=UTF-8' }).end(xml);
      },
      (error: unknown) => response.destroy(error as Error),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return Object.assign(fake, {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function answer(
  { headers }: IncomingMessage,
  query: URLSearchParams,
  { instances, faults, questions }: Pick<FakeEc2, 'instances' | 'faults' | 'questions'>,
): readonly [number, string] {
  if (!/^AWS4-HMAC-SHA256 Credential=\S+\/ec2\/aws4_request, /.test(headers.authorization ?? '')) {
    return failure(401, 'AuthFailure', 'not signed for ec2');
  }
  if (query.get('Version') !== VERSION) return failure(400, 'NoSuchVersion', `not ${VERSION}`);
  if (query.get('Action') !== 'DescribeInstances') return failure(400, 'InvalidAction', String(query.get('Action')));
  const fault = faults.shift();
  if (fault !== undefined) return failure(fault === 'RequestLimitExceeded' ? 503 : 403, fault, 'as told');
  const filters = filtersOf(query);
  const unknown = Object.keys(filters).find((name) => name !== 'instance-state-name' && !/^tag:.+/.test(name));
  if (unknown !== undefined) return failure(400, 'InvalidParameterValue', `The filter '${unknown}' is invalid`);
  questions.push(query);
  const matching = instances.filter((instance) =>
    Object.entries(filters).every(([name, values]) => values.includes(filteredValue(instance, name) ?? '')),
  );
  const start = Number(query.get('NextToken') ?? 0);
  if (query.has('NextToken') && !(start > 0 && start < matching.length)) {
    return failure(400, 'InvalidParameterValue', 'unknown NextToken');
  }
  const page = matching.slice(start, start + PAGE_SIZE);
  const next = start + PAGE_SIZE < matching.length ? `<nextToken>${start + PAGE_SIZE}</nextToken>` : '';
  const items = page.map((instance) => `<item><instancesSet><item>${xmlOf(instance)}</item></instancesSet></item>`);
  return [
    200,
    `<DescribeInstancesResponse><reservationSet>${items.join('')}</reservationSet>${next}</DescribeInstancesResponse>`,
  ];
}

function filtersOf(query: URLSearchParams): Readonly<Record<string, readonly string[]>> {
  const filters: Record<string, string[]> = {};
  for (let at = 1; query.has(`Filter.${at}.Name`); at += 1) {
    const values: string[] = [];
    for (let index = 1; query.has(`Filter.${at}.Value.${index}`); index += 1)
      values.push(query.get(`Filter.${at}.Value.${index}`)!);
    filters[query.get(`Filter.${at}.Name`)!] = values;
  }
  return filters;
}

function filteredValue({ state = 'running', tags = {} }: FakeInstance, filter: string): string | undefined {
  return filter === 'instance-state-name' ? state : tags[filter.slice('tag:'.length)];
}

function xmlOf({ id, state = 'running', tags = {}, privateAddress, publicAddress }: FakeInstance): string {
  const tagSet = Object.entries(tags).map(([key, value]) => `<item><key>${key}</key><value>${value}</value></item>`);
  return [
    `<instanceId>${id}</instanceId><instanceState><name>${state}</name></instanceState>`,
    privateAddress === undefined ? '' : `<privateIpAddress>${privateAddress}</privateIpAddress>`,
    publicAddress === undefined ? '' : `<ipAddress>${publicAddress}</ipAddress>`,
    `<tagSet>${tagSet.join('')}</tagSet>`,
  ].join('');
}

function failure(status: number, code: string, message: string): readonly [number, string] {
  return [
    status,
    `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors></Response>`,
  ];
}
