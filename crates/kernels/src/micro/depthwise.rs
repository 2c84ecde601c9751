//! The register tile of depthwise convolution: neighbouring pixels of one channel block, each pixel's vector times the tap's.
//! Not here: staging (`stage.rs`), which rows there are (`ops/conv_depthwise.rs`).
//!
//! ```text
//! for kernel row { for tap { acc[p] += a[p * px_stride + tap] * w } }
//! y[p] = step(acc + bias)
//! ```
//! 1. Of a kernel of 3 columns whose pixels and taps are neighbours, each input is loaded once a kernel row and serves the three
//!    pixels whose window it is in; the row's weights stay in registers.
//! 2. Sums are made in the order of the taps, whatever the tile.
//!
//! Of 2.6 ms for 3x3 of 64 channels at 256x256 (plain SIMD; memory.copy: 0.65) staging takes 0.8, and products alone would take 1.25 at
//! the rate of the dense kernel: a copy's time cannot be had. Dropped: 8 pixels a register tile, 2.9 ms; tiles of fewer rows, whose
//! staged input stays in L1, 3.2.

use super::epilogue::RegisterStep;
use super::reach::{reach, span};
use crate::mem::{Dst, Src};
use crate::simd::{F32x4, LANES};

/// Pixels of a register tile: their sums, the inputs of a kernel row and its weights fit the 15 registers that V8 hands out.
const PX: usize = 4;
/// Columns of the kernel whose inputs are shared.
const SHARED: usize = 3;

/// What a pixel reads, in floats.
#[derive(Clone, Copy)]
pub struct Taps {
    /// Kernel rows
    pub rows: usize,
    /// From one kernel row to the next
    pub row_stride: usize,
    /// Kernel columns
    pub cols: usize,
    /// From one tap to the next
    pub tap_stride: usize,
    /// From one pixel to the next
    pub px_stride: usize,
    /// From the weights of one tap to those of the next
    pub weight_stride: usize,
}

/// A row of `y.len() / 4` pixels.
pub fn depthwise_row(
    taps: &Taps,
    a: Src,
    weights: Src,
    (bias, after): (F32x4, &RegisterStep<1>),
    y: Dst,
) {
    let px = y.len() / LANES;
    let read = [
        span(taps.rows, taps.row_stride),
        span(taps.cols, taps.tap_stride),
        span(px, taps.px_stride),
    ];
    assert!(y.len().is_multiple_of(LANES) && taps.rows > 0 && taps.cols > 0);
    assert!(reach(read, LANES) <= a.len() as u64);
    let all = taps.rows.saturating_mul(taps.cols);
    assert!(reach([span(all, taps.weight_stride)], LANES) <= weights.len() as u64);
    let shared = taps.cols == SHARED && taps.tap_stride == LANES && taps.px_stride == LANES;
    let (w, mut from, mut to) = (weights.as_ptr(), a.as_ptr(), y.as_mut_ptr());
    let mut step = |px: usize| {
        let at = (from, to);
        // The last increments may pass a view's end, so they wrap.
        from = from.wrapping_add(px.wrapping_mul(taps.px_stride));
        to = to.wrapping_add(px * LANES);
        at
    };
    // SAFETY: pixels of the row, which the assertions cover.
    unsafe {
        if shared {
            for _ in 0..px / PX {
                let (from, to) = step(PX);
                store(shared_tile(taps, from, w), bias, after, to);
            }
        } else {
            for _ in 0..px / PX {
                let (from, to) = step(PX);
                store(tile::<PX>(taps, from, w), bias, after, to);
            }
        }
        for _ in 0..px % PX {
            let (from, to) = step(1);
            store(tile::<1>(taps, from, w), bias, after, to);
        }
    }
}

/// # Safety
/// - `to` is valid for writing `WIDTH` vectors.
#[inline(always)]
unsafe fn store<const WIDTH: usize>(
    sums: [F32x4; WIDTH],
    bias: F32x4,
    after: &RegisterStep<1>,
    to: *mut f32,
) {
    let mut results = sums.map(|sum| [sum + bias]);
    after.apply(&mut results);
    for (p, [result]) in results.into_iter().enumerate() {
        // SAFETY: the caller's obligation.
        unsafe { result.store(to.add(p * LANES)) };
    }
}

/// # Safety
/// - `a` is valid for reading what `WIDTH` pixels read, `w` the weights of all taps.
#[inline(always)]
unsafe fn tile<const WIDTH: usize>(
    taps: &Taps,
    a: *const f32,
    mut w: *const f32,
) -> [F32x4; WIDTH] {
    let mut sums = [F32x4::splat(0.0); WIDTH];
    let mut row = a;
    for _ in 0..taps.rows {
        let mut tap = row;
        for _ in 0..taps.cols {
            // SAFETY: the caller's obligation; the last increments may pass a view's end, so they wrap.
            unsafe {
                let weight = F32x4::load(w);
                for (p, sum) in sums.iter_mut().enumerate() {
                    *sum = F32x4::load(tap.add(p * taps.px_stride)).mul_add(weight, *sum);
                }
            }
            tap = tap.wrapping_add(taps.tap_stride);
            w = w.wrapping_add(taps.weight_stride);
        }
        row = row.wrapping_add(taps.row_stride);
    }
    sums
}

/// # Safety
/// - As of `tile`, of `PX` pixels; pixels and taps are neighbours, and a row has `SHARED` taps.
#[inline(always)]
unsafe fn shared_tile(taps: &Taps, a: *const f32, mut w: *const f32) -> [F32x4; PX] {
    let mut sums = [F32x4::splat(0.0); PX];
    let mut row = a;
    for _ in 0..taps.rows {
        // SAFETY: the caller's obligation; the last increments may pass a view's end, so they wrap.
        unsafe {
            let weights: [F32x4; SHARED] =
                core::array::from_fn(|tap| F32x4::load(w.add(tap * taps.weight_stride)));
            for at in 0..PX + SHARED - 1 {
                let x = F32x4::load(row.add(at * LANES));
                for (tap, &weight) in weights.iter().enumerate() {
                    if let Some(sum) = at.checked_sub(tap).and_then(|p| sums.get_mut(p)) {
                        *sum = x.mul_add(weight, *sum);
                    }
                }
            }
        }
        w = w.wrapping_add(SHARED * taps.weight_stride);
        row = row.wrapping_add(taps.row_stride);
    }
    sums
}
