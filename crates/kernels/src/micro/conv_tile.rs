//! The register tile of convolution: up to `TILE_PX` pixels x 4 or 8 output channels, summed over everything that is staged
//! under the kernel. Not here: staging (`stage.rs`), which rows there are (`ops/conv2d.rs`, `ops/conv_transpose2d.rs`).
//!
//! ```text
//! for kernel row { for tap { for step in 0..run {                // run = kernel columns x channels: contiguous
//!     acc[p][v] += a[p * px_stride + step] * w[v]                // one splat load a pixel, one vector load four outputs
//! } } }
//! y[p][v] = step(acc + bias)                                    // epilogue.rs
//! ```
//! 1. One k step a loop body and a trip count that LLVM can't see: unrolled, it regroups by accumulator and V8 spills.
//! 2. Runs as long as can be: a row of the kernel with all its channels. Leaving a loop of 12 steps costs a sixth of it
//!    (48 GFLOP/s; runs of 48: 54, of 384: 56.5).
//! 3. Sizes are multiplied and checked against overflow once, by `ConvRows::new`; the matrix products of a Winograd algorithm share it. A call
//!    for each, checked in 64 bits, took 1 to 4 % of a layer.
//! 4. What a tile sums is added in the same order for every output element, whatever tile it falls in.
//! 5. Tiles of one width are one call: entering costs as much as some k steps.
//! 6. A matrix product, of one run and nothing after it, has code of its own: 62 GFLOP/s instead of 59 at 128 steps.
//! 7. Weights that have not been read lately are touched a panel ahead (`ahead.rs`).
//! 8. Where multiply and add are two instructions, the front end is the limit: the distance between pixels as a constant saves
//!    the addition before each splat load (41 -> 44 GFLOP/s). Tiles of 6 pixels gain nothing by it (56 either way).

use super::ahead::Ahead;
use super::epilogue::{ChannelStep, RegisterStep};
use super::reach::{reach, span};
use super::widths::widths;
use crate::mem::{Dst, Src};
use crate::simd::{F32x4, LANES, TILE_PX};

/// What a pixel reads, in floats: `rows x taps` runs of `run` consecutive ones.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// Kernel rows
    pub rows: usize,
    /// From one kernel row to the next
    pub row_stride: usize,
    /// Runs in a kernel row: 1, or the kernel's width where dilation sets its columns apart
    pub taps: usize,
    /// From one run to the next
    pub tap_stride: usize,
    /// Floats of a run
    pub run: usize,
    /// From one pixel to the next
    pub px_stride: usize,
    /// From one row of pixels to the next
    pub px_row_stride: usize,
}

/// Pixels that are computed in one call.
#[derive(Clone, Copy, Debug)]
pub struct Pixels {
    /// Rows of them
    pub rows: usize,
    /// Pixels of a row
    pub cols: usize,
}

impl Walk {
    /// Floats that each pixel reads.
    pub fn steps(&self) -> u64 {
        let steps = self.rows.checked_mul(self.taps);
        steps
            .and_then(|runs| runs.checked_mul(self.run))
            .map_or(u64::MAX, |steps| steps as u64)
    }

    /// Floats from the first that the pixels read to one past the last.
    pub fn reach(&self, px: Pixels) -> u64 {
        if self.rows == 0 || self.taps == 0 || px.rows == 0 || px.cols == 0 {
            return 0;
        }
        let spans = [
            span(self.rows, self.row_stride),
            span(self.taps, self.tap_stride),
            span(px.cols, self.px_stride),
            span(px.rows, self.px_row_stride),
        ];
        reach(spans, self.run)
    }
}

/// Where the results go, in floats from the first.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// From one pixel to the next
    pub px_stride: usize,
    /// From one row of pixels to the next
    pub px_row_stride: usize,
    /// From four outputs to the next four
    pub plane: usize,
}

impl Place {
    /// Floats from the first result to one past the last that the pixels of `vectors` times four outputs write.
    pub fn reach(&self, px: Pixels, vectors: usize) -> u64 {
        if px.rows == 0 || px.cols == 0 || vectors == 0 {
            return 0;
        }
        let spans = [
            span(px.cols, self.px_stride),
            span(px.rows, self.px_row_stride),
            span(vectors, self.plane),
        ];
        reach(spans, LANES)
    }
}

/// Whether common distances between pixels are compiled in: 3 channels, 32 to 256, and the same at stride 2; of whole tiles 1024 too.
const CONSTANT_STRIDES: bool = TILE_PX < 6;

/// What rows of pixels read and write.
#[derive(Clone, Copy)]
pub struct Views {
    /// From the first pixel on
    pub a: Src,
    /// From the first panel on: `walk.steps()` times two vectors, the last panel's perhaps one
    pub weights: Src,
    /// Weights that are read after these, unless a cache has both
    pub then: Option<Src>,
    /// From the first output on
    pub bias: Option<Src>,
    /// What results pass, and the channel block of the first output
    pub step: (ChannelStep, usize),
    /// From the first result on
    pub y: Dst,
}

/// Rows of pixels by `vectors` times four output channels.
pub struct ConvRows {
    walk: Walk,
    place: Place,
    px: Pixels,
    vectors: usize,
    panel_stride: usize,
    /// Floats that are read and written from where the views begin
    a_len: usize,
    weights_len: usize,
    y_len: usize,
    /// Floats of a whole panel
    panel_len: usize,
    /// How often weights are touched while a panel is used
    rounds: usize,
}

impl ConvRows {
    /// Panels lie `panel_stride` floats apart.
    pub fn new(
        walk: &Walk,
        place: &Place,
        px: Pixels,
        vectors: usize,
        panel_stride: usize,
    ) -> Self {
        assert!(vectors > 0);
        let panel_len = walk.steps().saturating_mul(2 * LANES as u64);
        let last = span(vectors.div_ceil(2), panel_stride);
        let last_len = ((vectors - 1) % 2 + 1) as u64 * LANES as u64;
        // Panels before the last are whole.
        assert!(vectors <= 2 || panel_len <= panel_stride as u64);
        // More than there is memory where it is too much to be counted: no view is so long.
        let [a_len, weights_len, y_len, panel_len] = [
            walk.reach(px),
            last.saturating_add(walk.steps().saturating_mul(last_len)),
            place.reach(px, vectors),
            panel_len,
        ]
        .map(|len| usize::try_from(len).unwrap_or(usize::MAX));
        Self {
            walk: *walk,
            place: *place,
            px,
            vectors,
            panel_stride,
            a_len,
            weights_len,
            y_len,
            panel_len,
            rounds: Ahead::rounds(panel_len, px.rows.saturating_mul(px.cols.div_ceil(TILE_PX))),
        }
    }

    /// What is to be read ahead while panel `panel` is used.
    fn after(&self, views: &Views, panel: usize) -> Option<Src> {
        let then = views.then?;
        if panel + 1 >= self.vectors.div_ceil(2) {
            return Some(then);
        }
        let from = (panel + 1) * self.panel_stride;
        let len = self.panel_len.min(views.weights.len() - from);
        Some(views.weights.slice(from, len))
    }

    /// Computes them.
    pub fn run(&self, views: &Views) {
        assert!(self.a_len <= views.a.len());
        assert!(self.weights_len <= views.weights.len());
        assert!(self.y_len <= views.y.len());
        let (walk, place, px) = (&self.walk, &self.place, self.px);
        let (step, first_block) = views.step;
        let has_step = !step.is_nothing();
        let product = walk.rows == 1 && walk.taps == 1 && views.bias.is_none() && !has_step;
        for first in (0..self.vectors).step_by(2) {
            let in_panel = 2.min(self.vectors - first);
            let bias = core::array::from_fn(|v| match views.bias {
                Some(bias) if v < in_panel => bias.load((first + v) * LANES),
                _ => F32x4::splat(0.0),
            });
            let step = step.of(first_block + first, in_panel);
            let mut ahead = Ahead::new(self.after(views, first / 2), self.rounds);
            let w = views.weights.as_ptr();
            let w = w.wrapping_add(first / 2 * self.panel_stride);
            for row in 0..px.rows {
                // The last increments may pass a view's end, so they wrap rather than asserting to stay inside. A walk of no rows reads
                // nothing and reaches nowhere, whatever lies between its pixels.
                let a = views.a.as_ptr();
                let mut a = a.wrapping_add(row.wrapping_mul(walk.px_row_stride));
                let y = views.y.as_mut_ptr();
                let mut y = y.wrapping_add(first * place.plane + row * place.px_row_stride);
                for (width, tiles) in widths(px.cols, TILE_PX) {
                    let tiles = Tiles {
                        a,
                        w,
                        bias,
                        step: &step,
                        has_step,
                        y,
                        walk,
                        place,
                        tiles,
                    };
                    // SAFETY: pixels of a row and a panel of those that the assertions above cover.
                    unsafe {
                        if in_panel == 1 {
                            tiles_of_width::<1, 0, false>(width, &tiles, &mut ahead);
                        } else if CONSTANT_STRIDES && width >= TILE_PX - 1 {
                            match walk.px_stride {
                                3 => tiles_of_width::<2, 3, false>(width, &tiles, &mut ahead),
                                32 => tiles_of_width::<2, 32, false>(width, &tiles, &mut ahead),
                                64 => tiles_of_width::<2, 64, false>(width, &tiles, &mut ahead),
                                128 => tiles_of_width::<2, 128, false>(width, &tiles, &mut ahead),
                                256 => tiles_of_width::<2, 256, false>(width, &tiles, &mut ahead),
                                1024 if width == TILE_PX => {
                                    self::tiles::<TILE_PX, 2, 1024, false>(&tiles, &mut ahead);
                                }
                                _ => tiles_of_width::<2, 0, false>(width, &tiles, &mut ahead),
                            }
                        } else if product {
                            tiles_of_width::<2, 0, true>(width, &tiles, &mut ahead);
                        } else {
                            tiles_of_width::<2, 0, false>(width, &tiles, &mut ahead);
                        }
                    }
                    let done = width * tiles.tiles;
                    a = a.wrapping_add(done.wrapping_mul(walk.px_stride));
                    y = y.wrapping_add(done.wrapping_mul(place.px_stride));
                }
            }
        }
    }
}

/// Neighbouring register tiles of one width, and what they read and write.
struct Tiles<'a> {
    /// The first tile's first pixel
    a: *const f32,
    w: *const f32,
    bias: [F32x4; 2],
    step: &'a RegisterStep<2>,
    /// Whether it is one: asked before the step is looked at, which took 4 % of a layer of 128 channels that has none
    has_step: bool,
    y: *mut f32,
    walk: &'a Walk,
    place: &'a Place,
    tiles: usize,
}

/// # Safety
/// - As of `tiles`.
#[inline(always)]
unsafe fn tiles_of_width<const VECTORS: usize, const STRIDE: usize, const PRODUCT: bool>(
    width: usize,
    of: &Tiles,
    ahead: &mut Ahead,
) {
    // SAFETY: the caller's obligation.
    unsafe {
        match width {
            1 if STRIDE == 0 => tiles::<1, VECTORS, STRIDE, PRODUCT>(of, ahead),
            2 if STRIDE == 0 => tiles::<2, VECTORS, STRIDE, PRODUCT>(of, ahead),
            3 => tiles::<3, VECTORS, STRIDE, PRODUCT>(of, ahead),
            4 => tiles::<4, VECTORS, STRIDE, PRODUCT>(of, ahead),
            5 if TILE_PX >= 5 => tiles::<5, VECTORS, STRIDE, PRODUCT>(of, ahead),
            6 if TILE_PX >= 6 => tiles::<6, VECTORS, STRIDE, PRODUCT>(of, ahead),
            _ => unreachable!(),
        }
    }
}

/// `STRIDE` is the distance between pixels, or 0: then the walk has it.
///
/// # Safety
/// - `STRIDE` is 0 or the walk's `px_stride`.
/// - With `PRODUCT`, the walk is one run, and there is neither bias nor step.
/// - `of.a` is valid for reading `walk.reach(PX * of.tiles)` floats, `of.w` for `walk.steps() * VECTORS` vectors.
/// - `of.y` is valid for writing `place.reach(PX * of.tiles, VECTORS)` floats.
#[inline(never)]
unsafe fn tiles<const PX: usize, const VECTORS: usize, const STRIDE: usize, const PRODUCT: bool>(
    of: &Tiles,
    ahead: &mut Ahead,
) {
    let (walk, place) = (of.walk, of.place);
    let (rows, taps) = if PRODUCT {
        (1, 1)
    } else {
        (walk.rows, walk.taps)
    };
    let px_stride = if STRIDE == 0 { walk.px_stride } else { STRIDE };
    let (mut first, mut to) = (of.a, of.y);
    for _ in 0..of.tiles {
        ahead.step();
        let mut acc = [[F32x4::splat(0.0); VECTORS]; PX];
        let mut w = of.w;
        let mut row_start = first;
        for _ in 0..rows {
            let mut tap_start = row_start;
            for _ in 0..taps {
                // SAFETY: `a` walks a run and `w` the panel; the caller answers for both.
                unsafe {
                    let mut a = tap_start;
                    let end = a.add(walk.run);
                    while a != end {
                        let weights: [F32x4; VECTORS] =
                            core::array::from_fn(|v| F32x4::load(w.add(v * LANES)));
                        for (p, sums) in acc.iter_mut().enumerate() {
                            let x = F32x4::load_splat(a.add(p * px_stride));
                            for (sum, weights) in sums.iter_mut().zip(weights) {
                                *sum = x.mul_add(weights, *sum);
                            }
                        }
                        a = a.add(1);
                        w = w.add(VECTORS * LANES);
                    }
                }
                tap_start = tap_start.wrapping_add(walk.tap_stride);
            }
            row_start = row_start.wrapping_add(walk.row_stride);
        }
        if !PRODUCT {
            for sums in &mut acc {
                for (sum, bias) in sums.iter_mut().zip(of.bias) {
                    *sum = *sum + bias;
                }
            }
            if of.has_step {
                of.step.apply(&mut acc);
            }
        }
        for (p, sums) in acc.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                // SAFETY: within the reach of `place`; the caller answers for it.
                unsafe { sum.store(to.add(p * place.px_stride + v * place.plane)) };
            }
        }
        // As in `ConvRows::run`.
        first = first.wrapping_add(px_stride.wrapping_mul(PX));
        to = to.wrapping_add(place.px_stride.wrapping_mul(PX));
    }
}

#[cfg(test)]
mod tests;
