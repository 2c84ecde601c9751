//! move_strided: a box of elements from one strided place to another. Each axis steps by floats, or by channels of a blocked layout,
//! on either side alone: permutations, slices, broadcasts, parts of concatenations, pixel shuffles, and changes between dense and
//! blocked, are such boxes.
//!
//! ```text
//! tile   a part of the box, near on both sides: the axes that are far are cut first
//! part   cut where channels leave their block of four, so that every axis steps by floats       micro/strided.rs copies it
//! ```

use crate::mem::{Dst, Memory, Src};
use crate::micro::strided::MOST_AXES;
use crate::ops::{Fault, Op, dense, tile_count, within};
use crate::record::{MoveStrided, Operand, field};
use crate::simd::LANES;

mod part;
use part::{BLOCK, Part, Side};

/// Axes of a record.
const AXES: usize = 8;
/// One side's fields, and where they stand in the record.
#[derive(Clone, Copy)]
struct Fields {
    operand: u32,
    start: u32,
    channels: u32,
    channel_start: u32,
    block_stride: u32,
    steps: u32,
}

impl MoveStrided {
    const X: Fields = Fields {
        operand: field!(MoveStrided, x),
        start: field!(MoveStrided, x_start),
        channels: field!(MoveStrided, x_channels),
        channel_start: field!(MoveStrided, x_channel_start),
        block_stride: field!(MoveStrided, x_block_stride),
        steps: field!(MoveStrided, x_step0),
    };
    const Y: Fields = Fields {
        operand: field!(MoveStrided, y),
        start: field!(MoveStrided, y_start),
        channels: field!(MoveStrided, y_channels),
        channel_start: field!(MoveStrided, y_channel_start),
        block_stride: field!(MoveStrided, y_block_stride),
        steps: field!(MoveStrided, y_step0),
    };

    fn operands(&self, memory: &Memory, part: &Part) -> Result<(Src, Dst), Fault> {
        Ok((
            view(memory, self.x, part, &part.x, Self::X)?.as_src(),
            view(memory, self.y, part, &part.y, Self::Y)?,
        ))
    }

    /// That y's places are all different: each step is longer than what all shorter ones reach together.
    fn apart(part: &Part) -> Result<(), Fault> {
        let (y, n) = (&part.y, part.len);
        let (low, high) = y.bounds(part.sizes(), true);
        // The axes of a side, and what channels lead to: lanes, and blocks of them.
        let axis = |i: usize| match i {
            _ if i < n => (
                y.is_channel(i),
                i64::from(part.sizes[i]),
                i64::from(y.steps[i]),
            ),
            _ if low == high => (false, 1, 1),
            _ if i == n => (false, BLOCK, 1),
            _ => (false, high / BLOCK - low / BLOCK + 1, y.block_stride),
        };
        for i in 0..n + 2 {
            let (kind, size, step) = axis(i);
            let shorter = (0..n + 2).filter(|&k| axis(k).0 == kind && (axis(k).2, k) < (step, i));
            let reach: i64 = shorter.map(|k| (axis(k).1 - 1) * axis(k).2).sum();
            if size > 1 && step <= reach.max(0) {
                return Err(Fault {
                    field: if i < n {
                        Self::Y.steps + i as u32
                    } else {
                        Self::Y.block_stride
                    },
                    got: step as u32,
                    wanted: u32::try_from(reach + 1).unwrap_or(1),
                });
            }
        }
        Ok(())
    }

    /// The whole box.
    #[inline(never)]
    fn part(&self) -> Part {
        let mut part = Part {
            sizes: [1; MOST_AXES],
            len: AXES,
            x: Side {
                start: i64::from(self.x_start),
                channel: i64::from(self.x_channel_start),
                block_stride: i64::from(self.x_block_stride),
                channels: self.x_channels,
                steps: [0; MOST_AXES],
            },
            y: Side {
                start: i64::from(self.y_start),
                channel: i64::from(self.y_channel_start),
                block_stride: i64::from(self.y_block_stride),
                channels: self.y_channels,
                steps: [0; MOST_AXES],
            },
        };
        part.sizes[..AXES].copy_from_slice(&[
            self.d0, self.d1, self.d2, self.d3, self.d4, self.d5, self.d6, self.d7,
        ]);
        part.x.steps[..AXES].copy_from_slice(&[
            self.x_step0,
            self.x_step1,
            self.x_step2,
            self.x_step3,
            self.x_step4,
            self.x_step5,
            self.x_step6,
            self.x_step7,
        ]);
        part.y.steps[..AXES].copy_from_slice(&[
            self.y_step0,
            self.y_step1,
            self.y_step2,
            self.y_step3,
            self.y_step4,
            self.y_step5,
            self.y_step6,
            self.y_step7,
        ]);
        part
    }
}

impl Op for MoveStrided {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        let part = self.part();
        for (axis, &size) in part.sizes().iter().enumerate() {
            within(field!(MoveStrided, d0) + axis as u32, size, 1..=u32::MAX)?;
        }
        self.operands(memory, &part)?;
        Self::apart(&part)?;
        let field = field!(MoveStrided, tile_elems);
        within(field, self.tile_elems, 1..=u32::MAX)?;
        let tile = part.tile(self.tile_elems);
        let tiles = (0..part.len).map(|axis| u64::from(part.sizes[axis].div_ceil(tile[axis])));
        // No more than y has elements.
        tile_count(field, tiles.product(), 1)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let mut part = self.part();
        let (x, y) = self.operands(memory, &part)?;
        let sizes = part.tile(self.tile_elems);
        let mut tile = tile;
        for axis in (0..part.len).rev() {
            let count = part.sizes[axis].div_ceil(sizes[axis]);
            part.skip(axis, tile % count * sizes[axis]);
            part.sizes[axis] = part.sizes[axis].min(sizes[axis]);
            tile /= count;
        }
        part.copy(x, y);
        Ok(())
    }
}

/// What a side reaches, from its operand on.
fn view(
    memory: &Memory,
    operand: Operand,
    part: &Part,
    side: &Side,
    fields: Fields,
) -> Result<Dst, Fault> {
    let sizes = part.sizes();
    within(fields.channels, side.channels, 0..=(1 << AXES) - 1)?;
    if side.channels != 0 {
        within(
            fields.block_stride,
            side.block_stride as u32,
            LANES as u32..=u32::MAX,
        )?;
    }
    let (low_channel, high_channel) = side.bounds(sizes, true);
    let below = |field, got: i64, low: i64| Fault {
        field,
        got: got as u32,
        wanted: u32::try_from(got.saturating_sub(low)).unwrap_or(u32::MAX),
    };
    if low_channel < 0 {
        return Err(below(fields.channel_start, side.channel, low_channel));
    }
    if high_channel > i64::from(u32::MAX) {
        return Err(Fault::field(fields.channel_start, side.channel as u32));
    }
    let (low, high) = side.bounds(sizes, false);
    // 30 bits times 32, and the sums of bounds, which stop at 64: no sum here wraps but one past those.
    let low = low.saturating_add(side.blocked(low_channel));
    if low < 0 {
        return Err(below(fields.start, side.start, low));
    }
    let high = high.saturating_add(side.blocked(high_channel));
    dense(
        memory,
        operand,
        fields.operand,
        (high as u64).saturating_add(1),
    )
}

#[cfg(test)]
mod tests;
