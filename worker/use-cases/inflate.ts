/** Unpacks deflate-raw on the stream and gives up as soon as it is over the bound. @throws RangeError, TypeError */
export async function inflate(deflated: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const reader = new Blob([deflated])
    .stream()
    .pipeThrough(new DecompressionStream('deflate-raw'))
    .getReader();
  const bytes = new Uint8Array(maxBytes);
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes.subarray(0, length);
    if (length + value.length > maxBytes) {
      await reader.cancel();
      throw new RangeError(`it unpacks to over ${maxBytes} bytes`);
    }
    bytes.set(value, length);
    length += value.length;
  }
}
