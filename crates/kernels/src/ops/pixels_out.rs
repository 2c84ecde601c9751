//! pixels_out: a crop of a blocked tensor to interleaved RGBA bytes: u8 = clamp(floor(x * scale + offset + 0.5), 0, 255).
//!
//! 1. Halves round up, as PyTorch's save_image does; NaN becomes 0, infinities the ends.
//! 2. One channel is repeated. Alpha is the source picture's, or 255.

use crate::layout::Blocked;
use crate::mem::{Bytes, Dst, Memory, Src};
use crate::ops::{Fault, Op, product, src, tile_count, within};
use crate::record::{Operand, PixelsOut, field};
use crate::simd::{F32x4, LANES};

/// Channels of the output.
const RGBA: usize = 4;

struct Operands {
    x: Src,
    /// Absent where the source has no alpha: then nothing reads it.
    alpha: Option<Bytes>,
    y: Bytes,
}

impl PixelsOut {
    fn x_shape(&self) -> Blocked {
        Blocked::new(1, self.c, self.x_h, self.x_w)
    }

    fn has_alpha(&self) -> bool {
        self.src_channels == 2 || self.src_channels == 4
    }

    fn operands(&self, memory: &Memory) -> Result<Operands, Fault> {
        let bytes = |operand: Operand, index, channels: u32| {
            let sizes = [self.h, self.w, channels].map(u64::from);
            let len_bytes = product(index, operand.0, &sizes)?;
            memory.bytes(operand, len_bytes).ok_or(Fault {
                field: index,
                got: operand.0,
                wanted: u32::try_from(len_bytes).unwrap_or(u32::MAX),
            })
        };
        Ok(Operands {
            x: src(memory, self.x, field!(PixelsOut, x), self.x_shape())?,
            alpha: match self.has_alpha() {
                true => Some(bytes(self.src, field!(PixelsOut, src), self.src_channels)?),
                false => None,
            },
            y: bytes(self.y, field!(PixelsOut, y), RGBA as u32)?,
        })
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
        let rows = u64::from(self.h);
        tile_count(field!(PixelsOut, tile_rows), rows, self.tile_rows)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let Operands { x, alpha, y } = self.operands(memory)?;
        let (w, src_channels) = (self.w as usize, self.src_channels as usize);
        let (scale, offset) = (F32x4::splat(self.scale), F32x4::splat(self.offset));
        let half = F32x4::splat(0.5);
        let first = tile as usize * self.tile_rows as usize;
        let end = (self.h as usize).min(first.saturating_add(self.tile_rows as usize));
        for row in first..end {
            let at = self
                .x_shape()
                .at(0, 0, self.top as usize + row, self.left as usize);
            let x = x.slice(at, w * LANES);
            for column in 0..w {
                let levels = (x.load(column * LANES) * scale + offset + half).to_array();
                // The cast truncates and saturates: NaN is 0.
                let [r, g, b, _] = levels.map(|level| level as u8);
                let pixel = row * w + column;
                let a = alpha.map_or(255, |alpha| alpha.get((pixel + 1) * src_channels - 1));
                let rgba = if self.c == 1 {
                    [r, r, r, a]
                } else {
                    [r, g, b, a]
                };
                y.set_array(pixel * RGBA, rgba);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::layout::Blocked;
    use crate::record::{Operand, PixelsOut};
    use crate::testing::{Random, TestPlan};
    use std::vec::Vec;

    #[test]
    fn crops_rounds_clamps_and_copies_alpha() {
        let mut random = Random::new(51);
        for src_channels in 1..=4 {
            for c in [1, 3] {
                let (x_h, x_w, top, left, h, w) = (7, 9, 2, 3, 4, 5);
                let shape = Blocked::new(1, c, x_h, x_w);
                let mut values = random.floats(shape.c * shape.plane_px(), -0.2, 1.2);
                values[2 * 9 + 3] = f32::NAN;
                values[2 * 9 + 4] = f32::INFINITY;
                values[2 * 9 + 5] = f32::NEG_INFINITY;
                let alpha: Vec<u8> = (0..h * w * src_channels)
                    .map(|_| random.word() as u8)
                    .collect();
                let mut plan = TestPlan::new();
                let x = plan.blocked(&values, shape);
                let src = plan.bytes(&alpha);
                let y = plan.bytes(&[7; 4 * 5 * 4]);
                plan.push(PixelsOut {
                    scratch: Operand::ABSENT,
                    scratch_bytes: 0,
                    x,
                    src,
                    y,
                    src_channels: src_channels as u32,
                    c,
                    x_w,
                    x_h,
                    left,
                    top,
                    w: w as u32,
                    h: h as u32,
                    scale: 255.0,
                    offset: 0.0,
                    tile_rows: 3,
                });
                let got = plan.run_everywhere().bytes(y, h * w * 4);
                for row in 0..h {
                    for column in 0..w {
                        let pixel = row * w + column;
                        for k in 0..4 {
                            let wanted = if k < 3 {
                                let plane = if c == 1 { 0 } else { k };
                                let at = (plane * 7 + row + 2) * 9 + column + 3;
                                (f64::from(values[at] * 255.0) + 0.5)
                                    .floor()
                                    .clamp(0.0, 255.0) as u8
                            } else if src_channels % 2 == 0 {
                                alpha[(pixel + 1) * src_channels - 1]
                            } else {
                                255
                            };
                            assert_eq!(
                                got[pixel * 4 + k],
                                wanted,
                                "pixel {row} {column}, channel {k}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn halves_round_up() {
        let shape = Blocked::new(1, 1, 1, 4);
        let mut plan = TestPlan::new();
        let x = plan.blocked(&[0.5, 1.5, 2.5, 254.5], shape);
        let y = plan.bytes(&[0; 16]);
        plan.push(PixelsOut {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            x,
            src: Operand::ABSENT,
            y,
            src_channels: 3,
            c: 1,
            x_w: 4,
            x_h: 1,
            left: 0,
            top: 0,
            w: 4,
            h: 1,
            scale: 1.0,
            offset: 0.0,
            tile_rows: 1,
        });
        let got = plan.run_everywhere().bytes(y, 16);
        assert_eq!([got[0], got[4], got[8], got[12]], [1, 2, 3, 255]);
    }
}
