//! The register tile of convolution in groups of four channels: neighbouring pixels of one channel block, by a kernel of three columns
//! that are neighbours too. Not here: staging (`stage.rs`), which rows there are (`ops/conv2d.rs`).
//!
//! ```text
//! for kernel row { for channel { for column {
//!     acc[p] += a[(p + column) * 4 + channel] * w[column][channel]
//! } } }
//! y[p] = acc + bias
//! ```
//! 1. With one vector of outputs `conv_tile.rs` loads a splat for every product, and loads are its limit. Here a splat serves the three
//!    pixels whose window it is in: groups of 4 of 64 channels at 128x128 reach 49 GFLOP/s instead of 37 (plain SIMD), 55 instead of 41.
//! 2. The last tile of a row ends with the row: pixels that two tiles have are computed twice, to the same bits. So there are two
//!    widths, and all sums are made in the same order.
//! 3. The loop over channels has to stay a loop (`conv_tile.rs`, 1). LLVM unrolls it in narrower tiles, and V8 spills: 28 GFLOP/s with
//!    4 pixels of plain SIMD, 35 with 6 of relaxed SIMD.

use super::conv_tile::{Pixels, Walk};
use crate::mem::{Dst, Src};
use crate::simd::{F32x4, LANES, TILE_PX};

/// Columns of the kernel.
const COLUMNS: usize = 3;
/// Pixels of a register tile. V8 may load all splats before the first product: 5 sums, 7 splats and 3 vectors of weights are its 15
/// registers. Where multiply and add are one instruction, its latency asks for 8 sums: three products in a row add to the same.
const PX: usize = if TILE_PX < 6 { 5 } else { 8 };

/// Whether pixels and the columns of their kernel are neighbours in one channel block.
pub fn is_group(walk: &Walk) -> bool {
    walk.taps == 1 && walk.px_stride == LANES && walk.run == COLUMNS * LANES
}

/// A row of `y.len() / 4` pixels by up to four output channels, of a walk that `is_group`.
///
/// `a` starts at the first pixel, `w` holds a vector for every step of the walk, `bias` one.
pub fn group_row(a: Src, w: Src, bias: Option<Src>, y: Dst, walk: &Walk) {
    let cols = y.len() / LANES;
    let px = Pixels { rows: 1, cols };
    assert!(is_group(walk) && y.len().is_multiple_of(LANES));
    assert!(walk.reach(px) <= a.len() as u64);
    assert!(walk.steps().saturating_mul(LANES as u64) <= w.len() as u64);
    let bias = bias.map_or(F32x4::splat(0.0), |bias| bias.load(0));
    let at = |first: usize| {
        let at = first * LANES;
        (a.as_ptr().wrapping_add(at), y.as_mut_ptr().wrapping_add(at))
    };
    let w = w.as_ptr();
    // SAFETY: pixels of the row, which the assertions cover.
    unsafe {
        match cols.checked_sub(PX) {
            None => (0..cols).for_each(|first| tile::<1>(at(first), w, bias, walk)),
            Some(last) => {
                for first in (0..last).step_by(PX) {
                    tile::<PX>(at(first), w, bias, walk);
                }
                tile::<PX>(at(last), w, bias, walk);
            }
        }
    }
}

/// # Safety
/// - `from` is valid for reading what `WIDTH` pixels of the walk read, `w` a vector for each of its steps.
/// - `to` is valid for writing `WIDTH` vectors.
#[inline(never)]
unsafe fn tile<const WIDTH: usize>(
    (from, to): (*const f32, *mut f32),
    mut w: *const f32,
    bias: F32x4,
    walk: &Walk,
) {
    let mut acc = [F32x4::splat(0.0); WIDTH];
    let mut row = from;
    for _ in 0..walk.rows {
        for channel in 0..LANES {
            // SAFETY: a row of the walk; the caller answers for it.
            unsafe {
                let weights: [F32x4; COLUMNS] = core::array::from_fn(|column| {
                    F32x4::load(w.add((column * LANES + channel) * LANES))
                });
                for at in 0..WIDTH + COLUMNS - 1 {
                    let x = F32x4::load_splat(row.add(at * LANES + channel));
                    for (column, &weights) in weights.iter().enumerate() {
                        if let Some(sum) = at.checked_sub(column).and_then(|p| acc.get_mut(p)) {
                            *sum = x.mul_add(weights, *sum);
                        }
                    }
                }
            }
        }
        // As in `ConvRows::run`.
        row = row.wrapping_add(walk.row_stride);
        w = w.wrapping_add(COLUMNS * LANES * LANES);
    }
    for (p, sum) in acc.into_iter().enumerate() {
        // SAFETY: the caller's obligation.
        unsafe { (sum + bias).store(to.add(p * LANES)) };
    }
}

#[cfg(test)]
mod tests {
    use super::{Walk, group_row};
    use crate::testing::with_view;

    const WALK: Walk = Walk {
        rows: 2,
        row_stride: 24,
        taps: 1,
        tap_stride: 0,
        run: 12,
        px_stride: 4,
        px_row_stride: 0,
    };

    /// A row of two pixels, whose operands lie in one view.
    fn row(walk: &Walk, a: usize, weights: usize, y: usize) {
        with_view(96, |all| {
            let [a, weights] = [a, weights].map(|len| all.as_src().slice(0, len));
            group_row(a, weights, None, all.slice(0, y), walk);
        });
    }

    #[test]
    fn views_that_just_hold_a_row_do() {
        row(&WALK, 40, 96, 8);
    }

    #[test]
    #[should_panic(expected = "assertion failed: is_group(walk)")]
    fn another_walk_is_refused() {
        row(&Walk { run: 16, ..WALK }, 96, 96, 8);
    }

    #[test]
    #[should_panic(expected = "assertion failed: is_group(walk)")]
    fn half_a_pixel_is_refused() {
        row(&WALK, 96, 96, 6);
    }

    #[test]
    #[should_panic(expected = "assertion failed: walk.reach(px)")]
    fn pixels_past_the_end_are_refused() {
        row(&WALK, 39, 96, 8);
    }

    #[test]
    #[should_panic(expected = "assertion failed: walk.steps()")]
    fn weights_past_the_end_are_refused() {
        row(&WALK, 40, 95, 8);
    }
}
