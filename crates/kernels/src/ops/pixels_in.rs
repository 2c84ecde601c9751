//! pixels_in: interleaved 8-bit pixels, extended by reflection, to a blocked tensor: y = u8 * scale + offset.
//!
//! ```text
//! for row of y { source row by reflection; for column { source column by reflection; read a pixel; store a vector } }
//! ```
//! 1. Reflection goes on as often as it must, so a small picture may be extended by more than its size.
//! 2. Grey becomes three equal channels; colour becomes grey by Rec. 601 (0.299 R + 0.587 G + 0.114 B), as Pillow does.
//! 3. Pixels that are all but transparent fade to grey, since their colours mean nothing: encoders leave anything under alpha 0, and a canvas
//!    keeps premultiplied bytes, of which a low alpha leaves few levels. The network would carry it far into what is visible.
//!    Grey, since no picture stands out from it by more than 128 levels. The ramp is short, since nothing takes the grey out of a painting
//!    again: it adds at most 4 levels to a visible edge, and a canvas's rounding changes an input by 4 levels at most. (Up to alpha 255 it
//!    would be 32 levels and half a one.) All of it is exact in float32.
//!    pixels_out copies alpha.

use crate::layout::Blocked;
use crate::mem::{Bytes, Dst, Memory};
use crate::micro::border::{Border, map_index};
use crate::ops::{Fault, Op, dst, product, tile_count, within};
use crate::record::{PixelsIn, field};
use crate::simd::{F32x4, LANES};

/// What transparent pixels look like to the network.
const GREY: f32 = 128.0;
/// Alpha from which a colour is as it stands.
const FADE: u8 = 32;

/// The colours of a pixel as the network sees them; grey is the first of them.
#[inline(always)]
fn visible<const CHANNELS: usize>(pixel: [u8; CHANNELS]) -> [f32; 3] {
    let levels = match CHANNELS {
        1 | 2 => [pixel[0]; 3],
        _ => [pixel[0], pixel[1], pixel[2]],
    }
    .map(f32::from);
    let alpha = pixel[CHANNELS - 1];
    if CHANNELS % 2 == 1 || alpha >= FADE {
        return levels;
    }
    let weight = f32::from(alpha) / f32::from(FADE);
    levels.map(|level| (level - GREY) * weight + GREY)
}

impl PixelsIn {
    fn y_shape(&self) -> Blocked {
        Blocked::new(1, self.out_c, self.out_h, self.out_w)
    }

    fn operands(&self, memory: &Memory) -> Result<(Bytes, Dst), Fault> {
        let index = field!(PixelsIn, src);
        let sizes = [self.h, self.w, self.channels].map(u64::from);
        let src_bytes = product(index, self.src.0, &sizes)?;
        let fault = Fault {
            field: index,
            got: self.src.0,
            wanted: u32::try_from(src_bytes).unwrap_or(u32::MAX),
        };
        Ok((
            memory.bytes(self.src, src_bytes).ok_or(fault)?,
            dst(memory, self.y, field!(PixelsIn, y), self.y_shape())?,
        ))
    }

    #[inline(always)]
    fn row<const CHANNELS: usize>(&self, src: Bytes, first_byte: usize, y: Dst, to_grey: bool) {
        let (scale, offset) = (F32x4::splat(self.scale), F32x4::splat(self.offset));
        for column in 0..y.len() / LANES {
            let from = column as isize - self.left as isize;
            let from = map_index(from, self.w as usize, Border::Reflect) as usize;
            let [r, g, b] = visible(src.array::<CHANNELS>(first_byte + from * CHANNELS));
            let levels = if !to_grey {
                [r, g, b, 0.0]
            } else if CHANNELS < 3 {
                [r, 0.0, 0.0, 0.0]
            } else {
                [0.299 * r + 0.587 * g + 0.114 * b, 0.0, 0.0, 0.0]
            };
            y.store(column * LANES, F32x4::new(levels) * scale + offset);
        }
    }
}

impl Op for PixelsIn {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(PixelsIn, channels), self.channels, 1..=4)?;
        within(field!(PixelsIn, w), self.w, 1..=u32::MAX)?;
        within(field!(PixelsIn, h), self.h, 1..=u32::MAX)?;
        if self.out_c != 1 {
            within(field!(PixelsIn, out_c), self.out_c, 3..=3)?;
        }
        for (index, got, size, before) in [
            (field!(PixelsIn, out_w), self.out_w, self.w, self.left),
            (field!(PixelsIn, out_h), self.out_h, self.h, self.top),
        ] {
            if u64::from(size) + u64::from(before) > u64::from(got) {
                return Err(Fault {
                    field: index,
                    got,
                    wanted: size.saturating_add(before),
                });
            }
        }
        self.operands(memory)?;
        let rows = u64::from(self.out_h);
        tile_count(field!(PixelsIn, tile_rows), rows, self.tile_rows)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let (src, y) = self.operands(memory)?;
        let shape = self.y_shape();
        for span in shape.spans(tile, self.tile_rows) {
            for row in span.first..span.first + span.rows {
                let from = row as isize - self.top as isize;
                let from = map_index(from, self.h as usize, Border::Reflect) as usize;
                let first_byte = from * self.w as usize * self.channels as usize;
                let out = y.slice(shape.at(0, 0, row, 0), shape.w * LANES);
                let to_grey = self.out_c == 1;
                match self.channels {
                    1 => self.row::<1>(src, first_byte, out, to_grey),
                    2 => self.row::<2>(src, first_byte, out, to_grey),
                    3 => self.row::<3>(src, first_byte, out, to_grey),
                    _ => self.row::<4>(src, first_byte, out, to_grey),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::visible;
    use crate::layout::Blocked;
    use crate::record::{Operand, PixelsIn};
    use crate::testing::{Random, TestPlan, assert_close};
    use std::vec::Vec;

    /// Mirrored at 0 and size - 1 until it is inside.
    fn mirrored(mut i: i64, size: i64) -> usize {
        while size > 1 && (i < 0 || i >= size) {
            i = if i < 0 { -i } else { 2 * (size - 1) - i };
        }
        if size == 1 { 0 } else { i as usize }
    }

    #[test]
    fn every_kind_of_picture_is_extended_and_converted() {
        let mut random = Random::new(41);
        for channels in 1..=4usize {
            for out_c in [1, 3] {
                for (h, w, top, left, out_h, out_w) in [
                    (1, 1, 0, 0, 1, 1),
                    (5, 3, 2, 1, 9, 6),
                    (2, 2, 7, 9, 16, 20),
                    (4, 7, 0, 0, 4, 7),
                ] {
                    // A third is small: alphas on the ramp.
                    let bytes: Vec<u8> = (0..h * w * channels)
                        .map(|_| random.word() as u8)
                        .map(|byte| if byte % 3 == 0 { byte / 6 } else { byte })
                        .collect();
                    let shape = Blocked::new(1, out_c, out_h, out_w);
                    let mut plan = TestPlan::new();
                    let src = plan.bytes(&bytes);
                    let y = plan.room_blocked(shape);
                    plan.push(PixelsIn {
                        scratch: Operand::ABSENT,
                        scratch_bytes: 0,
                        src,
                        y,
                        channels: channels as u32,
                        w: w as u32,
                        h: h as u32,
                        left,
                        top,
                        out_c,
                        out_w,
                        out_h,
                        scale: 2.0 / 255.0,
                        offset: -1.0,
                        tile_rows: 2,
                    });
                    let mut wanted = Vec::new();
                    for c in 0..out_c as usize {
                        for row in 0..i64::from(out_h) {
                            for column in 0..i64::from(out_w) {
                                let row = mirrored(row - i64::from(top), h as i64);
                                let column = mirrored(column - i64::from(left), w as i64);
                                let byte =
                                    |k: usize| f64::from(bytes[(row * w + column) * channels + k]);
                                let seen = match channels {
                                    2 | 4 => (byte(channels - 1) / 32.0).min(1.0),
                                    _ => 1.0,
                                };
                                let level = |k: usize| byte(k) * seen + 128.0 * (1.0 - seen);
                                let x = match (channels, out_c) {
                                    (1 | 2, _) => level(0),
                                    (_, 3) => level(c),
                                    _ => 0.299 * level(0) + 0.587 * level(1) + 0.114 * level(2),
                                };
                                wanted.push(x * 2.0 / 255.0 - 1.0);
                            }
                        }
                    }
                    let got = plan.run_everywhere().blocked(y, shape);
                    let what = std::format!("{channels} channels {h}x{w} to {out_c}");
                    assert_close(&got, &wanted, 3e-7, &what);
                }
            }
        }
    }

    #[test]
    fn opaque_pixels_have_the_bits_of_those_without_alpha() {
        for pixel in 0..=255u8 {
            let [r, g, b] = [pixel, pixel.wrapping_mul(7), pixel ^ 90];
            for alpha in [32, 33, 128, 255] {
                assert_eq!(visible([r, g, b, alpha]), visible([r, g, b]));
                assert_eq!(visible([r, alpha]), visible([r]));
            }
            assert_eq!(visible([r, g, b, 0]), [128.0; 3]);
        }
    }

    #[test]
    fn an_output_smaller_than_the_picture_is_a_fault() {
        let mut plan = TestPlan::new();
        let src = plan.bytes(&[0; 64]);
        plan.push(PixelsIn {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            src,
            y: src,
            channels: 1,
            w: 4,
            h: 1,
            left: 1,
            top: 0,
            out_c: 1,
            out_w: 4,
            out_h: 1,
            scale: 1.0,
            offset: 0.0,
            tile_rows: 1,
        });
        let fault = plan.load().unwrap_err();
        assert_eq!((fault.field, fault.got, fault.wanted), (8, 4, 5));
    }
}
