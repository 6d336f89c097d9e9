/** Something that reads one kind of encrypted text; the key stays on the machine it runs on. */
export interface Decryptor {
  /** As `#!yaml|gpg` and `decrypt_pillar` name it. */
  readonly name: string;
  /** Finds encrypted texts inside a value; global. */
  readonly armor: RegExp;
  /** The plain bytes of one armored text. @throws EdgeError `EDGE_DECRYPT_FAILED`, never with a part of either text */
  decrypt(armored: string, signal?: AbortSignal): Promise<Uint8Array>;
}

/** What encrypted pillars are read with. */
export interface Decryption {
  /** By name. */
  readonly decryptors: ReadonlyMap<string, Decryptor>;
  /** False leaves what cannot be decrypted as it is, with a warning (`gpg_decrypt_must_succeed`). */
  readonly mustSucceed: boolean;
}
