/** A line that shows how far a run is, on a terminal only; pipes and logs see nothing of it. */
import { visible } from './terminal.js';

const ERASE_LINE = '\r\u001b[2K';
const SHORTEST_GAP_MS = 50;

export interface Progress {
  show(phase: string, done: number, total: number): void;
  /** Erases the line. */
  end(): void;
}

/** A progress line on stderr; one that does nothing where stderr is not a terminal. */
export function progressLine(stream: NodeJS.WriteStream = process.stderr): Progress {
  if (!stream.isTTY) return { show: () => {}, end: () => {} };
  let lastMs = Number.NEGATIVE_INFINITY;
  let shown = false;
  return {
    show(phase, done, total) {
      const nowMs = performance.now();
      if (nowMs - lastMs < SHORTEST_GAP_MS) return;
      lastMs = nowMs;
      shown = true;
      stream.write(`${ERASE_LINE}${visible(phase)} ${Math.round((100 * done) / Math.max(total, 1))} %`);
    },
    end() {
      if (shown) stream.write(ERASE_LINE);
      shown = false;
    },
  };
}
