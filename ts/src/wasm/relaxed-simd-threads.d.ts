// Types of the generated module dist/wasm/relaxed-simd-threads.js (scripts/build_wasm.mjs): the build's bytes, and the memory it asks for.
/** The WebAssembly binary, in base64. */
export declare const wasmBase64: string;
/** Pages of 64 KiB that the imported memory must have at least. */
export declare const initialPages: number;
/** Pages of 64 KiB that the imported memory must declare as its maximum. */
export declare const maximumPages: number;
/** Whether the imported memory must be shared. */
export declare const shared: boolean;
