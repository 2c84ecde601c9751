/** What the command tells: news on stdout, complaints on stderr. Every line goes through here, so that no name of a file or a tensor steers the terminal. */
import { fileError } from './failure.js';

/** What moves the cursor, colours, ends a line or turns the direction of reading. */
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The text with its control characters spelled out, on one line. */
export function visible(text: string): string {
  return text.replace(STEERING, (character) =>
    character === '\n' ? '\\n' : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** Prints lines on stdout. */
export function say(...lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${visible(line)}\n`).join(''));
}

/** Prints a line on stderr. */
export function complain(line: string): void {
  process.stderr.write(`gouache: ${visible(line)}\n`);
}

/**
 * Keeps a run alive whatever becomes of stdout and stderr: the painting is the work. A reader that has left (`| head -0`) has seen enough;
 * `onError` gets any other reason, once, such as a full disk under a log.
 */
export function outliveStreams(onError: (error: Error) => void): void {
  let told = false;
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (told || error.code === 'EPIPE') return;
    told = true;
    onError(fileError('cannot write to', 'stdout', error));
  });
}
