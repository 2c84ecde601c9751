// vitest's global setup: one empty folder outside the repository that all test files share, removed at the end.
//
// Only made here; the first file that needs the installed package fills it (installed.ts), so that runs of other tests don't wait.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A folder with nothing of the repository above it: what lies in it resolves packages as a user's project does. */
    scratch: string;
  }
}

let scratch = '';

export function setup(project: TestProject): void {
  scratch = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'gouache-test-')));
  project.provide('scratch', scratch);
}

export function teardown(): void {
  fs.rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
