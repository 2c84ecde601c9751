//! Blocked NCHW4c: sizes and addresses, in floats.

use crate::simd::LANES;

/// Bits of a mask of axes.
pub mod axes {
    /// Samples
    pub const N: u32 = 1;
    /// Channels
    pub const C: u32 = 2;
    /// Rows
    pub const H: u32 = 4;
    /// Columns
    pub const W: u32 = 8;
}

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
    /// The same, with size 1 along the axes of the mask.
    pub fn with_ones(&self, mask: u32) -> Self {
        let size = |axis, size| if mask & axis != 0 { 1 } else { size };
        Self {
            n: size(axes::N, self.n),
            c: size(axes::C, self.c),
            h: size(axes::H, self.h),
            w: size(axes::W, self.w),
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
    /// Rows of vectors, of all samples and channel blocks.
    pub fn rows(&self) -> usize {
        self.n * self.channel_blocks() * self.h
    }
    /// The rows that tile `tile` of `tile_rows` rows covers, as runs of rows of one plane.
    pub fn spans(&self, tile: u32, tile_rows: u32) -> impl Iterator<Item = Span> {
        let shape = *self;
        let mut row = tile as usize * tile_rows as usize;
        let end = shape.rows().min(row.saturating_add(tile_rows as usize));
        core::iter::from_fn(move || {
            let (plane, first) = (row / shape.h, row % shape.h);
            let rows = (shape.h - first).min(end.saturating_sub(row));
            row += rows;
            (rows > 0).then(|| Span {
                n: plane / shape.channel_blocks(),
                block: plane % shape.channel_blocks(),
                first,
                rows,
            })
        })
    }
    /// Tiles when a plane is cut into chunks of `chunk_px` pixels.
    pub fn chunks(&self, chunk_px: u32) -> usize {
        self.plane_px().div_ceil(chunk_px as usize)
    }
    /// Where tile `tile` of `chunk_px` pixels lies: plane (n, channel block) and part of it.
    pub fn chunk(&self, tile: u32, chunk_px: u32) -> Chunk {
        let (plane, index) = (
            tile as usize / self.chunks(chunk_px),
            tile as usize % self.chunks(chunk_px),
        );
        let first_px = index * chunk_px as usize;
        Chunk {
            plane,
            index,
            first: (plane * self.plane_px() + first_px) * LANES,
            len: (self.plane_px() - first_px).min(chunk_px as usize) * LANES,
        }
    }
}

/// Rows of one plane.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Sample
    pub n: usize,
    /// Channel block
    pub block: usize,
    /// First row
    pub first: usize,
    /// How many
    pub rows: usize,
}

/// Pixels of one plane.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// Sample and channel block: n * CB + block
    pub plane: usize,
    /// Which part of the plane
    pub index: usize,
    /// First float
    pub first: usize,
    /// Floats
    pub len: usize,
}
