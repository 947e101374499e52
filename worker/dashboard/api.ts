/** Reads from the API with the reader's token. */

/** Why there is no answer, in words that the Worker chose. */
export class ApiError extends Error {
  /** HTTP status; 0 where the server was not reached. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  /** Another token would help. */
  get isRefusal(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

export type Get = <T>(path: string, query?: Readonly<Record<string, string>>) => Promise<T>;

export function apiWith(token: string): Get {
  return async <T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T> => {
    const search = new URLSearchParams(query).toString();
    const response = await request(search === '' ? path : `${path}?${search}`, token);
    if (!response.ok) throw new ApiError(response.status, await problemOf(response));
    return (await response.json()) as T;
  };
}

async function request(path: string, token: string): Promise<Response> {
  try {
    return await fetch(path, { headers: { Authorization: `Bearer ${token}` }, cache: 'no-store' });
  } catch {
    throw new ApiError(0, 'The server does not answer. Is it still running?');
  }
}

async function problemOf(response: Response): Promise<string> {
  try {
    const { detail } = (await response.json()) as { detail?: unknown };
    if (typeof detail === 'string') return detail;
  } catch {
    // Not a problem document: the status has to do.
  }
  return `The server answered ${response.status}.`;
}
