//! pack_conv2d_winograd: transformed 3x3 weights. A tile is a panel of 8 outputs. Once when weights are packed, from dense
//! ones; or in each run, from those of the direct convolution, where transformed weights would take too much memory. Same bits.

use crate::mem::{Dst, Memory, Src};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, panel_width};
use crate::micro::stage::pixel_elems;
use crate::micro::winograd::{POINTS, weight_tile};
use crate::ops::{Fault, Op, dense, product, tile_count, within};
use crate::record::{PackConv2dWinograd, field};
use crate::simd::{F32x4, LANES};

const TAPS: usize = 9;

impl PackConv2dWinograd {
    fn operands(&self, memory: &Memory) -> Result<(Src, Dst), Fault> {
        let (o, c) = (self.o as usize, self.c as usize);
        let outputs = Packing::Outputs.packed_outputs(o) as u64;
        let stored = match self.packed {
            0 => [u64::from(self.o), u64::from(self.c)],
            _ => [outputs, pixel_elems(c) as u64],
        };
        let (src, y) = (field!(Self, src), field!(Self, y));
        let taps = product(src, self.src.0, &[stored[0], stored[1], TAPS as u64])?;
        let points = product(y, self.y.0, &[outputs, channels(c) as u64, POINTS as u64])?;
        Ok((
            dense(memory, self.src, src, taps)?.as_src(),
            dense(memory, self.y, y, points)?,
        ))
    }
}

/// Channels that are multiplied, those past `c` by zero.
pub(super) fn channels(c: usize) -> usize {
    c.next_multiple_of(LANES)
}

impl Op for PackConv2dWinograd {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(Self, o), self.o, 1..=u32::MAX / 16)?;
        within(field!(Self, c), self.c, 1..=u32::MAX / 16)?;
        within(field!(Self, packed), self.packed, 0..=1)?;
        self.operands(memory)?;
        tile_count(field!(Self, o), u64::from(self.o), PANEL_OUTPUTS as u32)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _worker: u32) -> Result<(), Fault> {
        let (src, y) = self.operands(memory)?;
        let (o, c) = (self.o as usize, self.c as usize);
        let first = tile as usize * PANEL_OUTPUTS;
        let width = panel_width(Packing::Outputs, o, first);
        let stride = channels(c) * width;
        let y = y.slice(first * channels(c) * POINTS, stride * POINTS);
        // Of the direct convolution's weights: [tap][channel][output of the panel].
        let stored = pixel_elems(c);
        let panel = match self.packed {
            0 => src,
            _ => src.slice(first * stored * TAPS, width * stored * TAPS),
        };
        for channel in 0..channels(c) {
            for half in (0..width).step_by(LANES) {
                let to = channel * width + half;
                let to = y.slice(to, y.len() - to);
                if channel >= c {
                    weight_tile(|_, _| F32x4::splat(0.0), to, stride);
                } else if self.packed == 0 {
                    let weight = |output: usize, tap| {
                        if output < o {
                            panel.get((output * c + channel) * TAPS + tap)
                        } else {
                            0.0
                        }
                    };
                    let at = first + half;
                    weight_tile(
                        |row, col| {
                            F32x4::new(core::array::from_fn(|lane| {
                                weight(at + lane, row * 3 + col)
                            }))
                        },
                        to,
                        stride,
                    );
                } else {
                    let at = channel * width + half;
                    weight_tile(
                        |row, col| panel.load(at + (row * 3 + col) * stored * width),
                        to,
                        stride,
                    );
                }
            }
        }
        Ok(())
    }
}
