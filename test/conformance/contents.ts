import { createHash, randomBytes } from 'node:crypto';
import type { Contents } from '@edge-run/master/bundles';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Contents to be tested, and a way to open the same ones anew, as another master would. */
export interface ContentsUnderTest {
  open(): Promise<Contents>;
  /** Undefined where they live in one process only. */
  readonly reopen?: () => Promise<Contents>;
  close(): Promise<void>;
}

/** What every Contents promises. */
export function describeContents(name: string, create: () => Promise<ContentsUnderTest>): void {
  describe(name, () => {
    let subject: ContentsUnderTest;
    let contents: Contents;
    beforeAll(async () => {
      subject = await create();
      contents = await subject.open();
    });
    afterAll(() => subject?.close());

    it.each([0, 1, 524_287, 524_288, 524_289, 1_048_576, 3_000_001])('gives %d bytes back', async (sizeBytes) => {
      const bytes = randomBytes(sizeBytes);
      await contents.keep(digestOf(bytes), async () => bytes);
      expect(Buffer.compare((await contents.read(digestOf(bytes)))!, bytes)).toBe(0);
    });

    it('has nothing for a digest that nobody kept', async () => {
      expect(await contents.read(digestOf(Buffer.from('nobody')))).toBeUndefined();
    });

    it('does not ask for a content that it has', async () => {
      const bytes = Buffer.from('once');
      await contents.keep(digestOf(bytes), async () => bytes);
      const again = async (): Promise<Uint8Array> => {
        throw new Error('asked again');
      };
      await contents.keep(digestOf(bytes), again);
      if (subject.reopen !== undefined) await (await subject.reopen()).keep(digestOf(bytes), again);
    });

    it('keeps nothing of a content that could not be had', async () => {
      const digest = digestOf(Buffer.from('gone'));
      await expect(contents.keep(digest, () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
      expect(await contents.read(digest)).toBeUndefined();
    });

    it('is there for who opens it anew', async () => {
      const bytes = randomBytes(700_000);
      await contents.keep(digestOf(bytes), async () => bytes);
      const reopened = subject.reopen === undefined ? contents : await subject.reopen();
      expect(Buffer.compare((await reopened.read(digestOf(bytes)))!, bytes)).toBe(0);
    });
  });
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
