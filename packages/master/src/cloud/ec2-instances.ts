import { EdgeError, errorMessage } from '@edge-run/shared/kernel';

/** A virtual machine that runs. */
export interface CloudInstance {
  readonly instanceId: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly addresses: Readonly<Partial<Record<'private' | 'public' | 'private_dns' | 'public_dns', string>>>;
}

/** Which instances are asked for, and whom. */
export interface Ec2Query {
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
  readonly endpoint?: string | undefined;
  /** Names of DescribeInstances filters → their values. */
  readonly filters: Readonly<Record<string, readonly string[]>>;
}

/** Attempts at one question, with growing pauses. */
const MAX_ATTEMPTS = 5;

/** The running instances of AWS EC2 that pass the filters, sorted by id. @throws EdgeError `EDGE_CLOUD_FAILED` */
export async function listEc2Instances(query: Ec2Query, signal: AbortSignal): Promise<readonly CloudInstance[]> {
  const { region, profile, endpoint, filters } = query;
  // Large, and wanted by few.
  const { EC2Client, paginateDescribeInstances } = await import('@aws-sdk/client-ec2');
  const client = new EC2Client({
    maxAttempts: MAX_ATTEMPTS,
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  const asked = { ...filters, 'instance-state-name': ['running'] };
  const found: CloudInstance[] = [];
  try {
    const pages = paginateDescribeInstances(
      { client },
      { Filters: Object.entries(asked).map(([Name, Values]) => ({ Name, Values: [...Values] })) },
      { abortSignal: signal },
    );
    for await (const { Reservations = [] } of pages) {
      for (const { Instances = [] } of Reservations) {
        for (const instance of Instances) {
          const addresses = {
            private: instance.PrivateIpAddress,
            public: instance.PublicIpAddress,
            private_dns: instance.PrivateDnsName,
            public_dns: instance.PublicDnsName,
          };
          found.push({
            instanceId: instance.InstanceId ?? '',
            tags: Object.fromEntries((instance.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
            addresses: Object.fromEntries(Object.entries(addresses).filter(([, address]) => address)),
          });
        }
      }
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw new EdgeError(
      'EDGE_CLOUD_FAILED',
      `EC2${region === undefined ? '' : ` in ${region}`} does not tell its instances: ${errorMessage(error)}`,
      { region: region ?? null, error: error instanceof Error ? error.name : 'unknown' },
      { cause: error, hint: 'Check the credentials, the region and the right ec2:DescribeInstances.' },
    );
  } finally {
    client.destroy();
  }
  return found.sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
}
