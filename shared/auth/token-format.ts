/**
 * Tokens: `wsk_<id>_<secret>`. The id is public (logs, look-up, revocation); of the secret only its SHA-256 is stored.
 * The secret is 28 random characters of base62 (166 bits) and 6 of a CRC-32 over everything before it, so that a typo, a
 * truncation or a changed case is caught without a look-up and secret scanners can tell a real token from a sample.
 */
export interface TokenCrypto {
  randomBytes(count: number): Uint8Array;
  sha256(bytes: Uint8Array): Promise<Uint8Array>;
}

export interface NewToken {
  readonly id: string;
  /** Shown once to whoever asked for it, never stored. */
  readonly token: string;
  /** Hex; what is stored. */
  readonly secretSha256: string;
}

export interface ParsedToken {
  readonly id: string;
  readonly secret: string;
}

/** Id of the operator's token, whose hash is a setting of the Worker, not a row. */
export const ADMIN_TOKEN_ID = 'admin';
/** Enrolment keys can be told from tokens by their id. */
export const ENROLMENT_KEY_PREFIX = 'enroll';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE36 = '0123456789abcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 12;
const RANDOM_LENGTH = 28;
const CHECKSUM_LENGTH = 6;
const TOKEN_PATTERN = /^wsk_([a-z0-9]{1,32})_([0-9A-Za-z]{28})([0-9A-Za-z]{6})$/;

/**
 * A new token with the given id, or with a random one that starts with `idPrefix`.
 */
export async function createToken(
  crypto: TokenCrypto,
  options: { readonly id?: string; readonly idPrefix?: string } = {},
): Promise<NewToken> {
  const idPrefix = options.idPrefix ?? '';
  const id = options.id ?? idPrefix + randomText(BASE36, ID_LENGTH, crypto);
  const random = randomText(BASE62, RANDOM_LENGTH, crypto);
  const secret = random + checksum(id, random);
  return { id, token: `wsk_${id}_${secret}`, secretSha256: await hashSecret(secret, crypto) };
}

/** Null for anything that cannot be a token: wrong shape or wrong checksum. */
export function parseToken(text: string): ParsedToken | null {
  const match = TOKEN_PATTERN.exec(text);
  if (match === null) return null;
  const [, id = '', random = '', sum = ''] = match;
  return sum === checksum(id, random) ? { id, secret: random + sum } : null;
}

/** SHA-256 of the secret part, hex. The secret is random, so no slow hash is needed. */
export async function hashSecret(secret: string, crypto: Pick<TokenCrypto, 'sha256'>): Promise<string> {
  const digest = await crypto.sha256(asciiBytes(secret));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function randomText(alphabet: string, length: number, crypto: Pick<TokenCrypto, 'randomBytes'>): string {
  // Bytes past the last whole multiple of the alphabet would favour its first letters.
  const limit = 256 - (256 % alphabet.length);
  let text = '';
  while (text.length < length) {
    for (const byte of crypto.randomBytes(length)) {
      if (byte < limit && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}

function checksum(id: string, random: string): string {
  let rest = crc32(asciiBytes(`wsk_${id}_${random}`));
  let text = '';
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    text = BASE62[rest % 62] + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** CRC-32 (ISO-HDLC, polynomial 0xEDB88320 reflected). */
function crc32(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
  }
  return (remainder ^ 0xffffffff) >>> 0;
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
