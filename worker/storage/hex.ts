/**
 * D1 gives a BLOB as an array of numbers; reading 2,000 rows that way takes as long as 12,000 through `hex()`. It takes one
 * within JSON as hex alone.
 */

export const toHex = (bytes: Uint8Array): string => bytes.toHex();

/** @throws SyntaxError where it is not hexadecimal */
export const fromHex = (hex: string): Uint8Array => Uint8Array.fromHex(hex);
