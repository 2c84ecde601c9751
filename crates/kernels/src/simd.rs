//! `F32x4`, the only vector type: four 32-bit floats, written once and implemented twice (wasm SIMD128, portable arrays).
//!
//! Nothing here knows about layouts or ops. `TILE_PX` is here because how many registers a build has free is a fact of the backend.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use wasm as backend;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use portable as backend;

pub use backend::{F32x4, TILE_PX, sqrt_f64};

/// Bits of sqrt(1/2), where mantissas begin.
const SQRT_HALF_BITS: i32 = 0x3F35_04F3;

/// Floats in a vector, and channels in a block of the NCHW4c layout.
pub const LANES: usize = 4;
