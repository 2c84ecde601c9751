//! Convolution to 1, 2 or 3 output channels: lanes hold input channels, and are summed at the end. The register tile of
//! `conv_tile.rs` would leave half of its vectors or more to channels that aren't there. Same staging, same walk.
//!
//! ```text
//! for kernel row {
//!     for tap { for step in 0..run / 4 { acc[p][o] += a[p * px_stride + step] * w[o] } }     // vectors of four input channels
//!     totals[p][o] += acc[p][o]
//! }
//! y[p] = sum of lanes of totals[p] + bias
//! ```
//! Rows are summed apart because a long sum rounds its small terms away: four lanes, and rows of them, let F(4x4, 4x4) be used where
//! one sum would break what conv_winograd promises.
//!
//! 3 pixels x 3 outputs are the most that doesn't spill: nine sums, three weights, one pixel, one product (plain build).

use super::conv_tile::{Pixels, Place, Walk};
use super::widths::widths;
use crate::mem::{Dst, Src};
use crate::simd::{F32x4, LANES};

/// The most outputs there can be.
pub const MOST_OUTPUTS: usize = 3;

/// Rows of pixels by `outputs` (1 to 3) channels; the result's other lanes become 0.
///
/// `a` starts at the first pixel, `y` at the first result, `w` holds `outputs` vectors for every four steps of the walk, `bias` a vector.
#[allow(
    clippy::too_many_arguments,
    reason = "operands, and how they are walked"
)]
pub fn dot_rows(
    a: Src,
    w: Src,
    bias: Option<Src>,
    y: Dst,
    walk: &Walk,
    place: &Place,
    px: Pixels,
    outputs: usize,
) {
    assert!(walk.run.is_multiple_of(LANES) && walk.reach(px) <= a.len() as u64);
    assert!(walk.steps().saturating_mul(outputs as u64) <= w.len() as u64);
    assert!(place.reach(px, 1) <= y.len() as u64);
    let bias = bias.map_or(F32x4::splat(0.0), |bias| bias.load(0));
    let most = match outputs {
        1 => 6,
        2 => 4,
        _ => 3,
    };
    let w = w.as_ptr();
    for row in 0..px.rows {
        // As in `ConvRows::run`.
        let mut from = a
            .as_ptr()
            .wrapping_add(row.wrapping_mul(walk.px_row_stride));
        let mut to = y.as_mut_ptr().wrapping_add(row * place.px_row_stride);
        for (width, tiles) in widths(px.cols, most) {
            // SAFETY: pixels of a row of those that the assertions above cover.
            unsafe {
                match (outputs, width) {
                    (1, 1) => tiles_of::<1, 1>(from, w, bias, to, walk, place, tiles),
                    (1, 2) => tiles_of::<2, 1>(from, w, bias, to, walk, place, tiles),
                    (1, 3) => tiles_of::<3, 1>(from, w, bias, to, walk, place, tiles),
                    (1, 4) => tiles_of::<4, 1>(from, w, bias, to, walk, place, tiles),
                    (1, 5) => tiles_of::<5, 1>(from, w, bias, to, walk, place, tiles),
                    (1, 6) => tiles_of::<6, 1>(from, w, bias, to, walk, place, tiles),
                    (2, 1) => tiles_of::<1, 2>(from, w, bias, to, walk, place, tiles),
                    (2, 2) => tiles_of::<2, 2>(from, w, bias, to, walk, place, tiles),
                    (2, 3) => tiles_of::<3, 2>(from, w, bias, to, walk, place, tiles),
                    (2, 4) => tiles_of::<4, 2>(from, w, bias, to, walk, place, tiles),
                    (3, 1) => tiles_of::<1, 3>(from, w, bias, to, walk, place, tiles),
                    (3, 2) => tiles_of::<2, 3>(from, w, bias, to, walk, place, tiles),
                    (3, 3) => tiles_of::<3, 3>(from, w, bias, to, walk, place, tiles),
                    _ => unreachable!(),
                }
            }
            from = from.wrapping_add((width * tiles).wrapping_mul(walk.px_stride));
            to = to.wrapping_add((width * tiles).wrapping_mul(place.px_stride));
        }
    }
}

/// Neighbouring register tiles.
///
/// # Safety
/// - `a` is valid for reading `walk.reach(PX * tiles)` floats, `w` for `walk.steps() * OUTPUTS`.
/// - `y` is valid for writing `place.reach(PX * tiles, 1)` floats.
#[inline(never)]
unsafe fn tiles_of<const PX: usize, const OUTPUTS: usize>(
    a: *const f32,
    w: *const f32,
    bias: F32x4,
    y: *mut f32,
    walk: &Walk,
    place: &Place,
    tiles: usize,
) {
    let px_stride = walk.px_stride;
    let (mut first, mut to) = (a, y);
    for _ in 0..tiles {
        let mut totals = [[F32x4::splat(0.0); OUTPUTS]; PX];
        let mut w = w;
        for row in 0..walk.rows {
            let mut acc = [[F32x4::splat(0.0); OUTPUTS]; PX];
            for tap in 0..walk.taps {
                // SAFETY: `a` walks a run and `w` the panel; the caller answers for both.
                unsafe {
                    let mut a = first.add(row * walk.row_stride + tap * walk.tap_stride);
                    let end = a.add(walk.run);
                    while a != end {
                        let weights: [F32x4; OUTPUTS] =
                            core::array::from_fn(|o| F32x4::load(w.add(o * LANES)));
                        for (p, sums) in acc.iter_mut().enumerate() {
                            let x = F32x4::load(a.add(p * px_stride));
                            for (sum, weights) in sums.iter_mut().zip(weights) {
                                *sum = x.mul_add(weights, *sum);
                            }
                        }
                        a = a.add(LANES);
                        w = w.add(OUTPUTS * LANES);
                    }
                }
            }
            for (totals, sums) in totals.iter_mut().zip(acc) {
                for (total, sum) in totals.iter_mut().zip(sums) {
                    *total = *total + sum;
                }
            }
        }
        for (p, sums) in totals.iter().enumerate() {
            let rows = core::array::from_fn(|o| sums.get(o).copied().unwrap_or(F32x4::splat(0.0)));
            let [a, b, c, d] = F32x4::transpose(rows);
            let result = (a + b) + (c + d) + bias;
            // SAFETY: within the reach of `place`; the caller answers for it.
            unsafe { result.store(to.add(p * place.px_stride)) };
        }
        // As in `ConvRows::run`.
        first = first.wrapping_add(px_stride.wrapping_mul(PX));
        to = to.wrapping_add(place.px_stride.wrapping_mul(PX));
    }
}
