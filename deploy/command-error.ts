/** What keeps `npm start` or `npm run deploy` from its work: one clear line for the person, no stack. */
export class CommandError extends Error {
  readonly exitCode: 1 | 2;

  /** `exitCode` 2 is for a wrong command line, 1 for everything else. */
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The `code` of a system error (`EADDRINUSE`), or its text where it has none. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error) return (error as NodeJS.ErrnoException).code ?? error.message;
  return String(error);
}
