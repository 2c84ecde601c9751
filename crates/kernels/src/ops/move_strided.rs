//! move_strided: a box of elements from one strided place to another. Each axis steps by floats, or by channels of a blocked layout,
//! on either side alone: permutations, slices, broadcasts, parts of concatenations, pixel shuffles, and changes between dense and
//! blocked, are such boxes.
//!
//! ```text
//! tile   a part of the box, near on both sides: the axes that are far are cut first
//! part   cut where channels leave their block of four, so that every axis steps by floats       micro/strided.rs copies it
//! ```

use crate::mem::{Dst, Memory, Src};
use crate::micro::reach::bounds;
use crate::micro::strided::{Axis, MOST_AXES, copy_box};
use crate::ops::{Fault, Op, dense, tile_count, within};
use crate::record::{MoveStrided, Operand, field};
use crate::simd::LANES;

/// Axes of a record.
const AXES: usize = 8;
/// Floats of a cache line.
const LINE: i64 = 16;
/// Channels of a block.
const BLOCK: i64 = LANES as i64;

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

/// How one side is walked.
#[derive(Clone, Copy)]
struct Side {
    start: i64,
    channel: i64,
    block_stride: i64,
    /// Bit a: axis a steps channels.
    channels: u32,
    steps: [i32; MOST_AXES],
}

/// Part of a record's box. Axes past the record's come from cutting channels into blocks and lanes.
#[derive(Clone, Copy)]
struct Part {
    sizes: [u32; MOST_AXES],
    len: usize,
    x: Side,
    y: Side,
}

/// What makes a part straight.
enum Cut {
    /// In two, before this element of the axis
    Before(u32),
    /// The axis in blocks and lanes
    Blocks,
}

impl Side {
    fn is_channel(&self, axis: usize) -> bool {
        self.channels >> axis & 1 == 1
    }

    /// Lowest and highest channel, or float besides the channels'.
    fn bounds(&self, sizes: &[u32], channels: bool) -> (i64, i64) {
        let axes = (0..sizes.len()).filter(|&axis| self.is_channel(axis) == channels);
        bounds(
            if channels { self.channel } else { self.start },
            axes.map(|axis| (sizes[axis], self.steps[axis])),
        )
    }

    /// Where a channel lies.
    fn blocked(&self, channel: i64) -> i64 {
        channel / BLOCK * self.block_stride + channel % BLOCK
    }

    /// The axis's step in floats; of channels that leave their block, about.
    fn floats(&self, axis: usize) -> i64 {
        let step = i64::from(self.steps[axis]);
        if self.is_channel(axis) && step % BLOCK == 0 {
            step / BLOCK * self.block_stride
        } else {
            step
        }
    }

    /// How far the axis's elements lie from each other, floats.
    fn distance(&self, axis: usize) -> i64 {
        let step = i64::from(self.steps[axis].unsigned_abs());
        if self.is_channel(axis) {
            step * self.block_stride / BLOCK
        } else {
            step
        }
    }

    /// What has to be cut first for all axes to step by floats, if anything.
    fn bend(&self, sizes: &[u32]) -> Option<(usize, Cut)> {
        // Axes along which lanes change.
        let lanes = |&axis: &usize| {
            self.is_channel(axis) && sizes[axis] > 1 && i64::from(self.steps[axis]) % BLOCK != 0
        };
        let changing = || (0..sizes.len()).filter(lanes);
        let lane = self.channel % BLOCK;
        let (low, high) = bounds(lane, changing().map(|axis| (sizes[axis], self.steps[axis])));
        if low >= 0 && high < BLOCK {
            return None;
        }
        let axis = changing().max_by_key(|&axis| self.steps[axis].unsigned_abs())?;
        let (n, step) = (sizes[axis], i64::from(self.steps[axis]));
        // Elements before the axis, if it were alone, leaves the block.
        let stay = 1 + if step > 0 {
            (BLOCK - 1 - lane) / step
        } else {
            lane / -step
        } as u32;
        let cut = if n > LANES as u32 {
            match n % LANES as u32 {
                _ if step.abs() == 1 && stay < LANES as u32 => Cut::Before(stay),
                0 => Cut::Blocks,
                rest => Cut::Before(n - rest),
            }
        } else {
            Cut::Before(if changing().count() > 1 { 1 } else { stay })
        };
        Some((axis, cut))
    }
}

impl Part {
    /// From element `n` of the axis on.
    fn skip(&mut self, axis: usize, n: u32) {
        self.sizes[axis] -= n;
        for side in [&mut self.x, &mut self.y] {
            let passed = i64::from(n) * i64::from(side.steps[axis]);
            if side.is_channel(axis) {
                side.channel += passed;
            } else {
                side.start += passed;
            }
        }
    }

    /// Makes the axis one of four, and another of the fours.
    fn cut_in_blocks(&mut self, axis: usize) {
        self.sizes[self.len] = self.sizes[axis] / LANES as u32;
        self.sizes[axis] = LANES as u32;
        for side in [&mut self.x, &mut self.y] {
            side.steps[self.len] = side.steps[axis] * LANES as i32;
            side.channels |= (side.channels >> axis & 1) << self.len;
        }
        self.len += 1;
    }

    fn sizes(&self) -> &[u32] {
        &self.sizes[..self.len]
    }

    /// The size of tiles of `most` elements: the axis that is farthest on both sides is cut first, and last what would cut cache
    /// lines and blocks of channels.
    fn tile(&self, most: u32) -> [u32; MOST_AXES] {
        let mut tile = self.sizes;
        let far = |axis: usize| match (self.x.distance(axis), self.y.distance(axis)) {
            (0, y) => y,
            (x, y) => x.min(y),
        };
        let least = |axis: usize| match far(axis) {
            0..=LINE => LINE as u32,
            _ if self.x.is_channel(axis) || self.y.is_channel(axis) => BLOCK as u32,
            _ => 1,
        };
        let elems = |tile: &[u32]| tile.iter().map(|&n| u64::from(n)).product::<u64>();
        while elems(&tile[..self.len]) > u64::from(most) {
            let key = |&axis: &usize| {
                (
                    tile[axis] > least(axis),
                    tile[axis] > 1,
                    far(axis),
                    tile[axis],
                )
            };
            let Some(axis) = (0..self.len).max_by_key(key) else {
                break;
            };
            let half = tile[axis].div_ceil(2);
            tile[axis] = match least(axis) {
                least if tile[axis] > least => half.next_multiple_of(least),
                _ => half,
            };
        }
        tile
    }

    fn copy(mut self, x: Src, y: Dst) {
        loop {
            let sizes = self.sizes();
            // y first: whole vectors count more where they are written.
            match self.y.bend(sizes).or_else(|| self.x.bend(sizes)) {
                Some((axis, Cut::Blocks)) => self.cut_in_blocks(axis),
                Some((axis, Cut::Before(n))) => {
                    let mut before = self;
                    before.sizes[axis] = n;
                    before.copy(x, y);
                    self.skip(axis, n);
                }
                None => break,
            }
        }
        let mut axes = [Axis::ONE; MOST_AXES];
        for (i, axis) in axes[..self.len].iter_mut().enumerate() {
            *axis = Axis {
                n: self.sizes[i],
                x: self.x.floats(i) as i32,
                y: self.y.floats(i) as i32,
            };
        }
        let [from, to] =
            [&self.x, &self.y].map(|side| (side.start + side.blocked(side.channel)) as usize);
        copy_box(x, from, y, to, &mut axes[..self.len]);
    }
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

    fn run_tile(&self, memory: &Memory, tile: u32, _worker: u32) -> Result<(), Fault> {
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
        wanted: u32::try_from(got - low).unwrap_or(u32::MAX),
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
