/// <reference path="../../worker/node-zlib.d.ts" />
/** What tests in workerd take of Node's zlib: all types of Node would stand beside those of Workers. */
declare module 'node:zlib' {
  export const constants: Readonly<
    Record<'Z_DEFAULT_STRATEGY' | 'Z_FIXED' | 'Z_HUFFMAN_ONLY' | 'Z_RLE', number>
  >;
  export function deflateRawSync(
    bytes: Uint8Array,
    options?: { readonly level?: number; readonly strategy?: number; readonly memLevel?: number },
  ): Uint8Array;
}
