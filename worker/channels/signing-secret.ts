/** Secrets of the Standard Webhooks specification: `whsec_` and the base64 of 24 to 64 random bytes. */

const PREFIX = 'whsec_';
const NEW_SECRET_BYTES = 32;

export function newSigningSecret(): string {
  return PREFIX + toBase64(crypto.getRandomValues(new Uint8Array(NEW_SECRET_BYTES)));
}

export function isSigningSecret(text: string): boolean {
  const bytes = text.startsWith(PREFIX) ? fromBase64(text.slice(PREFIX.length)) : null;
  return bytes !== null && bytes.length >= 24 && bytes.length <= 64;
}

/** @throws RangeError where the secret is none */
export async function hmacSha256Base64(secret: string, text: string): Promise<string> {
  const bytes = fromBase64(secret.slice(PREFIX.length));
  if (bytes === null) throw new RangeError('the signing secret is not base64');
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return toBase64(new Uint8Array(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(text))));
}

const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
