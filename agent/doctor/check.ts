/** One finding of the doctor. */
export interface Check {
  readonly area: 'sensors' | 'jobs' | 'server' | 'clock' | 'state' | 'host';
  readonly name: string;
  /** `note` needs no hand: hardware that is not there, a sensor that stands by. */
  readonly result: 'ok' | 'note' | 'problem';
  readonly detail: string;
  /** The exact command or setting that mends it. */
  readonly fix?: string;
}
