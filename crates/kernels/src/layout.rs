//! Blocked NCHW4c: sizes and addresses, in floats.

use crate::simd::LANES;

/// A tensor's shape in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blocked {
    /// Samples
    pub n: usize,
    /// Channels
    pub c: usize,
    /// Rows
    pub h: usize,
    /// Columns
    pub w: usize,
}

impl Blocked {
    /// From a record's fields.
    pub fn new(n: u32, c: u32, h: u32, w: u32) -> Self {
        Self {
            n: n as usize,
            c: c as usize,
            h: h as usize,
            w: w as usize,
        }
    }
    /// Blocks of four channels.
    pub fn channel_blocks(&self) -> usize {
        self.c.div_ceil(LANES)
    }
    /// Pixels of a plane.
    pub fn plane_px(&self) -> usize {
        self.h * self.w
    }
    /// Floats it takes, lanes past C included; `None` when that is 0 or more than any memory holds.
    pub fn len_elems(&self) -> Option<u64> {
        let sizes = [self.channel_blocks(), self.h, self.w, LANES];
        let len = sizes.iter().try_fold(self.n as u64, |product, &size| {
            product.checked_mul(size as u64)
        })?;
        (len > 0 && len <= u64::from(u32::MAX) / 4).then_some(len)
    }
    /// Where the pixel's four channels begin.
    #[inline(always)]
    pub fn at(&self, n: usize, block: usize, y: usize, x: usize) -> usize {
        (((n * self.channel_blocks() + block) * self.h + y) * self.w + x) * LANES
    }
    /// Real channels in a block: 4, or fewer in the last.
    #[inline(always)]
    pub fn lanes_in(&self, block: usize) -> usize {
        LANES.min(self.c - block * LANES)
    }
}
