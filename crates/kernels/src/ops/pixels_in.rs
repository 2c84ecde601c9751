//! pixels_in: interleaved 8-bit pixels, extended by reflection, to a blocked tensor: y = u8 * scale + offset.
//!
//! ```text
//! for row of y { source row by reflection; for column { source column by reflection; read a pixel; store a vector } }
//! ```
//! 1. Reflection goes on as often as it must, so a small picture may be extended by more than its size.
//! 2. Grey becomes three equal channels; colour becomes grey by Rec. 601 (0.299 R + 0.587 G + 0.114 B), as Pillow does.
//! 3. Pixels that are all but transparent fade to grey (`micro/pixel.rs`); pixels_out copies alpha.

use crate::layout::Blocked;
use crate::mem::{Bytes, Dst, Memory};
use crate::micro::border::{Border, map_index};
use crate::micro::pixel::{luma, visible};
use crate::ops::{Fault, Op, dst, product, tile_count, within};
use crate::record::{PixelsIn, field};
use crate::simd::{F32x4, LANES};

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
        let scale = F32x4::new([self.scale0, self.scale1, self.scale2, 0.0]);
        let offset = F32x4::new([self.offset0, self.offset1, self.offset2, 0.0]);
        for column in 0..y.len() / LANES {
            let from = column as isize - self.left as isize;
            let from = map_index(from, self.w as usize, Border::Reflect) as usize;
            let [r, g, b, _] = visible(src.array::<CHANNELS>(first_byte + from * CHANNELS));
            let levels = if !to_grey {
                match self.bgr {
                    0 => [r, g, b, 0.0],
                    _ => [b, g, r, 0.0],
                }
            } else if CHANNELS < 3 {
                [r, 0.0, 0.0, 0.0]
            } else {
                [luma([r, g, b]), 0.0, 0.0, 0.0]
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
        within(field!(PixelsIn, bgr), self.bgr, 0..=1)?;
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
    use crate::layout::Blocked;
    use crate::record::{Operand, PixelsIn};
    use crate::testing::{Random, TestPlan, assert_close};
    use std::vec::Vec;

    /// One a channel.
    const SCALES: [f32; 3] = [2.0 / 255.0, 1.0 / 255.0, 0.017];
    const OFFSETS: [f32; 3] = [-1.0, 0.25, -2.1];

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
            for (out_c, bgr) in [(1, 0), (3, 0), (3, 1)] {
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
                        bgr,
                        scale0: SCALES[0],
                        scale1: SCALES[1],
                        scale2: SCALES[2],
                        offset0: OFFSETS[0],
                        offset1: OFFSETS[1],
                        offset2: OFFSETS[2],
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
                                    (_, 3) if bgr == 1 => level(2 - c),
                                    (_, 3) => level(c),
                                    _ => 0.299 * level(0) + 0.587 * level(1) + 0.114 * level(2),
                                };
                                wanted.push(x * f64::from(SCALES[c]) + f64::from(OFFSETS[c]));
                            }
                        }
                    }
                    let got = plan.run_everywhere().blocked(y, shape);
                    let what = std::format!("{channels} channels {h}x{w} to {out_c}, bgr {bgr}");
                    assert_close(&got, &wanted, 3e-7, &what);
                }
            }
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
            bgr: 0,
            scale0: 1.0,
            scale1: 1.0,
            scale2: 1.0,
            offset0: 0.0,
            offset1: 0.0,
            offset2: 0.0,
            tile_rows: 1,
        });
        let fault = plan.load().unwrap_err();
        assert_eq!((fault.field, fault.got, fault.wanted), (8, 4, 5));
    }
}
