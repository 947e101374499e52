/** Asks the person at a terminal. */
import { createInterface } from 'node:readline/promises';
import { CommandError } from '../command-error.ts';
import type { Ask } from './choices.ts';

/** @returns a way to ask that throws `CommandError` where the person ends the input in place of an answer */
export const askIn =
  (input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Ask =>
  async (question) => {
    const terminal = createInterface({ input, output });
    // Else a question that nobody can answer any more would wait for ever.
    const ended = new Promise<never>((_, reject) => terminal.once('close', () => reject(NO_ANSWER)));
    try {
      return (await Promise.race([terminal.question(`${question}: `), ended])).trim() || null;
    } catch {
      throw NO_ANSWER;
    } finally {
      terminal.close();
    }
  };

const NO_ANSWER = new CommandError('stopped without an answer: run it again, it goes on from what is there');
