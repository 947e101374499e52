import { EnrollError, serverUrl } from '../enroll/enroll.ts';
import { CliError, EXIT } from './exit-codes.ts';

/** The address in its one form. @throws CliError with exit code `usage` */
export function checkedUrl(text: string): string {
  try {
    return serverUrl(text);
  } catch (error) {
    if (error instanceof EnrollError) throw new CliError(EXIT.usage, error.message);
    throw error;
  }
}
