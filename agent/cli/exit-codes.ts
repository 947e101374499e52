/** What `wattshed` exits with. Listed in docs/agent.md; a test holds them together. */
export const EXIT = {
  ok: 0,
  /** It could not be done; the message says why. `doctor`: something needs a hand. */
  failed: 1,
  /** Unknown command or option, or a setting that cannot be used. */
  usage: 2,
  /** This host is not enrolled, or the server refused the key. */
  notEnrolled: 3,
  /** No usable reply from the server. */
  unreachable: 4,
  /** Another agent runs on the same state directory. */
  busy: 5,
  /** `when-green` did not begin the command: these three as `env`, `timeout` and shells have them. */
  notBegun: 125,
  commandNotRunnable: 126,
  commandMissing: 127,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An end with one clear line for people. */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
