/** What the Worker takes of Node's zlib, which workerd has: all types of Node would stand beside those of Workers. */
declare module 'node:zlib' {
  interface Bounds {
    /** Over it a RangeError is thrown. */
    readonly maxOutputLength: number;
    readonly chunkSize?: number;
    readonly info?: boolean;
  }
  export function inflateRawSync(bytes: Uint8Array, bounds: Bounds): Uint8Array;
  export function gunzipSync(bytes: Uint8Array, bounds: Bounds): Uint8Array;
}
