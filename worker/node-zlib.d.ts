/** What the Worker takes of Node's zlib, which workerd has: all types of Node would stand beside those of Workers. */
declare module 'node:zlib' {
  export function gunzipSync(
    bytes: Uint8Array,
    /** Over it a RangeError is thrown. */
    bounds: { readonly maxOutputLength: number },
  ): Uint8Array;
}
