/** Contents by digest, kept for those who come later: another master, or the same one after a crash. */
export interface Contents {
  /** Stores a content unless it is there and stays for a while yet; resolves once it is stored for good. */
  keep(digest: string, content: () => Promise<Uint8Array>): Promise<void>;
  /** Undefined where it is not there, or not as a whole. */
  read(digest: string): Promise<Uint8Array | undefined>;
}
