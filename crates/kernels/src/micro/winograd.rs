//! Winograd's F(4x4, 3x3): 36 products give 16 results of a 3x3 convolution, which take 144 directly. The three transforms,
//! each of four channels in the lanes; the products are a matrix product for each of the 36 points (`conv_tile.rs`).
//!
//! ```text
//! y = A' [ (G g G') * (B' d B) ] A        d 6x6 input, g 3x3 weights, y 4x4 results, * by element
//! ```
//! 1. The points are 0, +-3/4, +-3/2 and infinity. The usual 0, +-1, +-2 make twice the error (2.0 to 2.6e-6 of the results'
//!    standard deviation, rms; these 1.0 to 1.3e-6), since their powers spread wider.
//! 2. All constants of B and A are exact in float32. Those of G are not: its rows are split into exact ones and a scale, which is
//!    rounded and applied once.
//! 3. Rows of B and A for points p and -p share their even and odd parts: 12 operations for six results.

use super::activation::Activation;
use crate::mem::{Dst, Src};
use crate::simd::{F32x4, LANES};

/// Side of a tile of results, pixels.
pub const TILE: usize = 4;
/// Side of the input under a tile, pixels.
pub const PATCH: usize = TILE + 2;
/// Products of a tile.
pub const POINTS: usize = PATCH * PATCH;

/// The inner points.
const A: f32 = 0.75;
/// The outer points.
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// `B' d` for one column.
#[inline(always)]
fn input_column(d: [F32x4; PATCH]) -> [F32x4; PATCH] {
    let c = F32x4::splat;
    let (inner_even, inner_odd) = (d[2].mul_add(c(-B2), d[4]), d[1].mul_add(c(-B2), d[3]));
    let (outer_even, outer_odd) = (d[2].mul_add(c(-A2), d[4]), d[1].mul_add(c(-A2), d[3]));
    [
        d[0].mul_add(c(A2 * B2), d[2].mul_add(c(-A2 - B2), d[4])),
        inner_odd.mul_add(c(A), inner_even),
        inner_odd.mul_add(c(-A), inner_even),
        outer_odd.mul_add(c(B), outer_even),
        outer_odd.mul_add(c(-B), outer_even),
        d[1].mul_add(c(A2 * B2), d[3].mul_add(c(-A2 - B2), d[5])),
    ]
}

/// `A' m` for one column.
#[inline(always)]
fn output_column(m: [F32x4; PATCH]) -> [F32x4; TILE] {
    let c = F32x4::splat;
    let (inner_even, inner_odd) = (m[1] + m[2], m[1] - m[2]);
    let (outer_even, outer_odd) = (m[3] + m[4], m[3] - m[4]);
    [
        m[0] + inner_even + outer_even,
        outer_odd.mul_add(c(B), inner_odd * c(A)),
        outer_even.mul_add(c(B2), inner_even * c(A2)),
        outer_odd.mul_add(c(B2 * B), inner_odd.mul_add(c(A2 * A), m[5])),
    ]
}

/// `G g` for one column, without the scale of each row ([`WEIGHT_SCALE`]).
#[inline(always)]
fn weight_column(g: [F32x4; 3]) -> [F32x4; PATCH] {
    let c = F32x4::splat;
    let (inner, outer) = (g[2].mul_add(c(A2), g[0]), g[2].mul_add(c(B2), g[0]));
    [
        g[0],
        g[1].mul_add(c(A), inner),
        g[1].mul_add(c(-A), inner),
        g[1].mul_add(c(B), outer),
        g[1].mul_add(c(-B), outer),
        g[2],
    ]
}

/// 1 over the product of a point's distances from the other points.
const WEIGHT_SCALE: [f64; PATCH] = {
    let (a2, b2) = (A2 as f64, B2 as f64);
    let (inner, outer) = (1.0 / (2.0 * a2 * (a2 - b2)), 1.0 / (2.0 * b2 * (b2 - a2)));
    [1.0 / (a2 * b2), inner, inner, outer, outer, 1.0]
};

/// Transforms 6x6 pixels, rows `row_stride` floats apart and loaded by `load`, to 36 vectors `to_stride` floats apart.
#[inline(always)]
pub fn input_tile(
    x: Src,
    row_stride: usize,
    load: impl Fn(F32x4) -> F32x4,
    to: Dst,
    to_stride: usize,
) {
    assert!(
        row_stride <= x.len() / (PATCH - 1) && (PATCH - 1) * row_stride + PATCH * LANES <= x.len()
    );
    let from = x.as_ptr();
    input_pixels(
        // SAFETY: rows and columns below 6: what the assertion covers.
        |row, col| load(unsafe { F32x4::load(from.add(row * row_stride + col * LANES)) }),
        to,
        to_stride,
    );
}

/// As [`input_tile`], of 6x6 pixels `get(row, column)`.
#[allow(
    clippy::needless_range_loop,
    reason = "the index unrolls; it is that of the inner array"
)]
#[inline(always)]
pub fn input_pixels(get: impl Fn(usize, usize) -> F32x4, to: Dst, to_stride: usize) {
    assert!(to_stride <= to.len() / (POINTS - 1) && (POINTS - 1) * to_stride + LANES <= to.len());
    let columns: [[F32x4; PATCH]; PATCH] =
        core::array::from_fn(|col| input_column(core::array::from_fn(|row| get(row, col))));
    for row in 0..PATCH {
        let points = input_column(core::array::from_fn(|col| columns[col][row]));
        for (col, point) in points.into_iter().enumerate() {
            // SAFETY: points below 36: what the assertion covers.
            unsafe { point.store(to.as_mut_ptr().add((row * PATCH + col) * to_stride)) };
        }
    }
}

/// Outside the picture: no offset.
pub const OUTSIDE: usize = usize::MAX;

/// The 6x6 pixels at the sums of row and column offsets, loaded by `load`; those that are `OUTSIDE` are zeros.
#[inline(always)]
pub fn gather(
    x: Src,
    rows: &[usize; PATCH],
    cols: &[usize; PATCH],
    load: impl Fn(F32x4) -> F32x4,
) -> [F32x4; POINTS] {
    let most = |offsets: &[usize; PATCH]| {
        let there = offsets.iter().filter(|&&offset| offset != OUTSIDE);
        there.fold(0, |most, &offset| most.max(offset))
    };
    let (row, col) = (most(rows), most(cols));
    assert!(row <= x.len() && col <= x.len() - row && LANES <= x.len() - row - col);
    let mut pixels = [F32x4::splat(0.0); POINTS];
    for (pixels, &row) in pixels.chunks_exact_mut(PATCH).zip(rows) {
        if row == OUTSIDE {
            continue;
        }
        for (pixel, &col) in pixels.iter_mut().zip(cols) {
            if col != OUTSIDE {
                // SAFETY: neither offset is larger than the one that the assertion covers.
                *pixel = load(unsafe { F32x4::load(x.as_ptr().add(row + col)) });
            }
        }
    }
    pixels
}

/// Transforms 36 vectors, `stride` floats apart, to 4x4 results and stores the first `rows` x `cols` of them.
#[inline(always)]
#[allow(
    clippy::needless_range_loop,
    reason = "the index unrolls; it is that of the inner array"
)]
#[allow(
    clippy::too_many_arguments,
    reason = "operands, and how they are walked"
)]
pub fn output_tile(
    m: Src,
    stride: usize,
    bias: F32x4,
    activation: Activation,
    y: Dst,
    row_stride: usize,
    rows: usize,
    cols: usize,
) {
    assert!(stride <= m.len() / (POINTS - 1) && (POINTS - 1) * stride + LANES <= m.len());
    assert!(rows <= TILE && cols <= TILE && (rows <= 1 || row_stride <= y.len()));
    assert!(rows.saturating_sub(1) * row_stride + cols * LANES <= y.len());
    let (from, to) = (m.as_ptr(), y.as_mut_ptr());
    // SAFETY: points below 36, rows and columns within the bounds: what the assertions cover.
    unsafe {
        let columns: [[F32x4; TILE]; PATCH] = core::array::from_fn(|col| {
            output_column(core::array::from_fn(|row| {
                F32x4::load(from.add((row * PATCH + col) * stride))
            }))
        });
        for row in 0..rows {
            let results = output_column(core::array::from_fn(|col| columns[col][row]));
            for (col, result) in results.into_iter().enumerate().take(cols) {
                activation
                    .apply(result + bias)
                    .store(to.add(row * row_stride + col * LANES));
            }
        }
    }
}

/// Transforms 3x3 weights of four outputs, `get(kernel row, kernel column)`, to 36 vectors `to_stride` floats apart.
#[inline(always)]
pub fn weight_tile(get: impl Fn(usize, usize) -> F32x4, to: Dst, to_stride: usize) {
    let columns: [[F32x4; PATCH]; 3] =
        core::array::from_fn(|col| weight_column(core::array::from_fn(|row| get(row, col))));
    for row in 0..PATCH {
        let points = weight_column(core::array::from_fn(|col| columns[col][row]));
        for (col, point) in points.into_iter().enumerate() {
            let scale = (WEIGHT_SCALE[row] * WEIGHT_SCALE[col]) as f32;
            to.store((row * PATCH + col) * to_stride, point * F32x4::splat(scale));
        }
    }
}
