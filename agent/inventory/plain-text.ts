/**
 * Text of the host as the server takes it: printable ASCII of bounded length, never empty. One odd character in a name
 * would otherwise have every report of this host refused.
 *
 * @param fallback used where nothing printable is left
 */
export function plainText(text: string, maxLength: number, fallback: string): string {
  const plain = text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .replace(/ +/g, ' ')
    .trim();
  return plain.slice(0, maxLength).trimEnd() || fallback;
}
