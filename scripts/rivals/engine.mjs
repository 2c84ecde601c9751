// What a rival's file gives the benchmark: how it is set up, and how it runs one model. Types only.

/**
 * @typedef {object} Task
 * @property {string} model path of the model file
 * @property {Float32Array} input NCHW
 * @property {readonly number[]} shape NCHW
 * @property {number} threads
 */

/**
 * A model that is ready to run.
 * @typedef {object} Runner
 * @property {() => Promise<unknown>} run one inference, from the input's numbers to the output's
 * @property {(output: unknown) => Float32Array} values of what `run` gave, NCHW; not timed
 */

/**
 * An engine's runtime, loaded.
 * @typedef {object} Runtime
 * @property {string} version
 * @property {string} settings in words
 * @property {() => { threads: number, reason: string }} [threads] what it computes with; without it, what was asked for
 * @property {() => Promise<void>} start compiles whatever all models need
 * @property {() => Promise<Runner>} prepare
 */

/**
 * What a rival's file exports.
 * @typedef {object} Rival
 * @property {(task: Task) => Promise<Runtime>} load imports the engine
 * @property {readonly string[]} downloads the files that a page fetches for one thread's or more threads' use, whichever is more
 */

export {};
