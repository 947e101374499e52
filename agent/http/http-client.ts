/** What the agent needs of HTTP: one request, one bounded reply. Redirects are never followed; the caller sees them. */

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface HttpReply {
  readonly status: number;
  /** Names in lower case; of repeated headers the first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface HttpClient {
  /** Throws an `HttpError` when no complete reply came; any status is a reply. */
  request(request: HttpRequest): Promise<HttpReply>;
}
