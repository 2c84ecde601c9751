//! pixels_out: a crop of a blocked tensor to interleaved RGBA bytes: u8 = clamp(floor(x * scale + offset + 0.5), 0, 255).
//!
//! ```text
//! for row of y {
//!     if the source is read at another size { for column of the source { sum of four rows, to scratch } }
//!     for column { load a vector; scale; add the source's colours; store four bytes }
//! }
//! ```
//! 1. Halves round up, as PyTorch's save_image does; NaN becomes 0, infinities the ends.
//! 2. One channel is repeated. Alpha is the source picture's, or 255.
//! 3. Colours are added to luma as R - Y, G - Y and B - Y: they are multiples of Cb and Cr, and interpolation is linear.
//! 4. The source is interpolated down the columns first, once a row of y, so that a pixel takes four taps and not sixteen.

use crate::layout::Blocked;
use crate::mem::{Bytes, Dst, Memory, Src};
use crate::micro::bicubic::Taps;
use crate::micro::pixel::{luma, visible};
use crate::ops::{Fault, Op, product, src, tile_count, within};
use crate::record::{Operand, PixelsOut, field};
use crate::simd::{F32x4, LANES};

/// Channels of the output.
const RGBA: usize = 4;
/// Of a source that is interpolated: so that a row of vectors has fewer than 2^32 bytes.
const MOST_SIDE: u32 = 1 << 27;

struct Operands {
    x: Src,
    /// Absent where nothing reads it.
    source: Option<Bytes>,
    y: Bytes,
}

impl PixelsOut {
    fn x_shape(&self) -> Blocked {
        Blocked::new(1, self.c, self.x_h, self.x_w)
    }

    fn has_alpha(&self) -> bool {
        self.src_channels == 2 || self.src_channels == 4
    }

    /// Whether the source is interpolated to y's size, colours and all.
    fn interpolates(&self) -> bool {
        let is_same = self.src_w == self.w && self.src_h == self.h;
        self.chroma == 1 || (self.has_alpha() && !is_same)
    }

    fn operands(&self, memory: &Memory) -> Result<Operands, Fault> {
        let bytes = |operand: Operand, index, h: u32, w: u32, channels: u32| {
            let sizes = [h, w, channels].map(u64::from);
            let len_bytes = product(index, operand.0, &sizes)?;
            memory.bytes(operand, len_bytes).ok_or(Fault {
                field: index,
                got: operand.0,
                wanted: u32::try_from(len_bytes).unwrap_or(u32::MAX),
            })
        };
        let source = || {
            let index = field!(PixelsOut, src);
            bytes(self.src, index, self.src_h, self.src_w, self.src_channels)
        };
        Ok(Operands {
            x: src(memory, self.x, field!(PixelsOut, x), self.x_shape())?,
            source: match self.has_alpha() || self.chroma == 1 {
                true => Some(source()?),
                false => None,
            },
            y: bytes(self.y, field!(PixelsOut, y), self.h, self.w, RGBA as u32)?,
        })
    }

    /// Interpolates the source down its columns, to what row `row` of y shows: vectors of red, green, blue and alpha.
    fn down_columns(&self, source: Bytes, row: usize, shown: Dst) {
        let w = self.src_w as usize;
        let Taps { at, weights } = Taps::new(row, self.src_h as usize, self.h as usize);
        for column in 0..w {
            let pixel =
                |k: usize| self.pixel(source, at[k] * w + column) * F32x4::splat(weights[k]);
            shown.store(column * LANES, pixel(0) + pixel(1) + pixel(2) + pixel(3));
        }
    }

    /// Not inlined sixteen times, since a page downloads it.
    #[inline(never)]
    fn pixel(&self, source: Bytes, pixel: usize) -> F32x4 {
        F32x4::new(match self.src_channels {
            1 => visible(source.array::<1>(pixel)),
            2 => visible(source.array::<2>(pixel * 2)),
            3 => visible(source.array::<3>(pixel * 3)),
            _ => visible(source.array::<4>(pixel * 4)),
        })
    }

    /// The source at a pixel of y.
    #[inline(always)]
    fn along_row(&self, shown: Dst, column: usize) -> [f32; 4] {
        let taps = Taps::new(column, self.src_w as usize, self.w as usize);
        let [a, b, c, d] = taps.at.map(|at| shown.load(at * LANES));
        let weights = taps.weights.map(F32x4::splat);
        (a * weights[0] + b * weights[1] + c * weights[2] + d * weights[3]).to_array()
    }
}

impl Op for PixelsOut {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(PixelsOut, src_channels), self.src_channels, 1..=4)?;
        if self.c != 1 {
            within(field!(PixelsOut, c), self.c, 3..=3)?;
        }
        within(field!(PixelsOut, w), self.w, 1..=u32::MAX)?;
        within(field!(PixelsOut, h), self.h, 1..=u32::MAX)?;
        within(field!(PixelsOut, bgr), self.bgr, 0..=1)?;
        // Colours are added to luma alone.
        let most = u32::from(self.c == 1);
        within(field!(PixelsOut, chroma), self.chroma, 0..=most)?;
        for (index, first, size, whole) in [
            (field!(PixelsOut, left), self.left, self.w, self.x_w),
            (field!(PixelsOut, top), self.top, self.h, self.x_h),
        ] {
            if u64::from(first) + u64::from(size) > u64::from(whole) {
                return Err(Fault {
                    field: index,
                    got: first,
                    wanted: whole.saturating_sub(size),
                });
            }
        }
        self.operands(memory)?;
        if self.interpolates() {
            within(field!(PixelsOut, src_w), self.src_w, 1..=MOST_SIDE)?;
            within(field!(PixelsOut, src_h), self.src_h, 1..=MOST_SIDE)?;
            let row_bytes = self.src_w * (LANES * size_of::<f32>()) as u32;
            if self.scratch_bytes < row_bytes {
                return Err(Fault::plan(self.scratch_bytes, row_bytes));
            }
        }
        let rows = u64::from(self.h);
        tile_count(field!(PixelsOut, tile_rows), rows, self.tile_rows)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, scratch: Dst) -> Result<(), Fault> {
        let Operands { x, source, y } = self.operands(memory)?;
        let (w, src_channels) = (self.w as usize, self.src_channels as usize);
        let scale = F32x4::new([self.scale0, self.scale1, self.scale2, 0.0]);
        let offset = F32x4::new([self.offset0, self.offset1, self.offset2, 0.0]);
        let half = F32x4::splat(0.5);
        let interpolated = source.filter(|_| self.interpolates());
        let first = tile as usize * self.tile_rows as usize;
        let end = (self.h as usize).min(first.saturating_add(self.tile_rows as usize));
        for row in first..end {
            let at = self
                .x_shape()
                .at(0, 0, self.top as usize + row, self.left as usize);
            let x = x.slice(at, w * LANES);
            if let Some(source) = interpolated {
                self.down_columns(source, row, scratch);
            }
            for column in 0..w {
                let levels = x.load(column * LANES) * scale + offset + half;
                let pixel = row * w + column;
                let [mut r, mut g, mut b, _] = levels.to_array();
                if self.c == 1 {
                    (g, b) = (r, r);
                } else if self.bgr == 1 {
                    (r, b) = (b, r);
                }
                let mut alpha = 255;
                if interpolated.is_some() {
                    let [red, green, blue, a] = self.along_row(scratch, column);
                    if self.chroma == 1 {
                        let grey = luma([red, green, blue]);
                        (r, g, b) = (r + (red - grey), g + (green - grey), b + (blue - grey));
                    }
                    alpha = (a + 0.5) as u8;
                } else if let Some(source) = source {
                    alpha = source.get((pixel + 1) * src_channels - 1);
                }
                // The casts truncate and saturate: NaN is 0.
                y.set_array(pixel * RGBA, [r as u8, g as u8, b as u8, alpha]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
