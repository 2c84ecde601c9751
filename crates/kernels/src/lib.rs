//! gouache's arithmetic: ops over blocked tensors in a memory that somebody else owns, and the executor that walks a plan of them.
//!
//! No std, no alloc, no dependency. The layout is NCHW4c: `((((n * CB + c / 4) * H + h) * W + w) * 4 + c % 4` with
//! `CB = ceil(C / 4)`. Lanes past C hold anything; no op lets them influence a result.
#![no_std]
// Waiting and waking, in the threads builds; only a crate's top can ask for it.
#![cfg_attr(target_feature = "atomics", feature(stdarch_wasm_atomic_wait))]

#[cfg(test)]
extern crate std;

pub mod layout;
#[allow(unsafe_code, reason = "views on memory are made here, checked")]
pub mod mem;
#[allow(
    unsafe_code,
    reason = "inner loops assert their walk once, then load unchecked"
)]
pub mod micro;
pub mod ops;
pub mod plan;
pub mod record;
#[allow(unsafe_code, reason = "vector loads and stores")]
pub mod simd;
mod sync;
#[cfg(test)]
#[allow(
    unsafe_code,
    reason = "plays the host that owns the memory, threads included"
)]
mod testing;
