//! Parts of a box: tiles of it, and what of a tile steps by floats on both sides.

use crate::mem::{Dst, Src};
use crate::micro::reach::bounds;
use crate::micro::strided::{Axis, MOST_AXES, copy_box};
use crate::simd::LANES;

/// Floats of a cache line.
const LINE: i64 = 16;
/// Channels of a block.
pub(super) const BLOCK: i64 = LANES as i64;

/// How one side is walked.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub(super) start: i64,
    pub(super) channel: i64,
    pub(super) block_stride: i64,
    /// Bit a: axis a steps channels.
    pub(super) channels: u32,
    pub(super) steps: [i32; MOST_AXES],
}

/// Part of a record's box. Axes past the record's come from cutting channels into blocks and lanes.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) sizes: [u32; MOST_AXES],
    pub(super) len: usize,
    pub(super) x: Side,
    pub(super) y: Side,
}

/// What makes a part straight.
enum Cut {
    /// In two, before this element of the axis
    Before(u32),
    /// The axis in blocks and lanes
    Blocks,
}

impl Side {
    pub(super) fn is_channel(&self, axis: usize) -> bool {
        self.channels >> axis & 1 == 1
    }

    /// Lowest and highest channel, or float besides the channels'.
    pub(super) fn bounds(&self, sizes: &[u32], channels: bool) -> (i64, i64) {
        let axes = (0..sizes.len()).filter(|&axis| self.is_channel(axis) == channels);
        bounds(
            if channels { self.channel } else { self.start },
            axes.map(|axis| (sizes[axis], self.steps[axis])),
        )
    }

    /// Where a channel lies.
    pub(super) fn blocked(&self, channel: i64) -> i64 {
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
    pub(super) fn skip(&mut self, axis: usize, n: u32) {
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

    pub(super) fn sizes(&self) -> &[u32] {
        &self.sizes[..self.len]
    }

    /// The size of tiles of `most` elements: the axis that is farthest on both sides is cut first, and last what would cut cache
    /// lines and blocks of channels.
    pub(super) fn tile(&self, most: u32) -> [u32; MOST_AXES] {
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

    pub(super) fn copy(mut self, x: Src, y: Dst) {
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
