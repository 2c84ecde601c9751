// Types of the generated module dist/platform/worker_source.js (scripts/build_ts.mjs): the bundled worker as text.
/** The text of dist/platform/gouache_worker.js: one module without imports. */
export declare const workerSource: string;
