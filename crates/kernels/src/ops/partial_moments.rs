//! partial_moments: count, mean and M2 of each channel over chunks of its plane, where no convolution has left them. A tile is a chunk
//! of a channel block; `statistics` merges.

use crate::layout::Blocked;
use crate::mem::{Dst, Memory, Src};
use crate::micro::statistics::{Moments, moments, store_moments};
use crate::ops::{Fault, Op, dense, product, src, tile_count, within};
use crate::record::{PartialMoments, field};

impl PartialMoments {
    fn shape(&self) -> Blocked {
        Blocked::new(self.n, self.c, self.h, self.w)
    }

    fn parts(&self) -> Result<u64, Fault> {
        let shape = self.shape();
        let sizes = [shape.n, shape.channel_blocks(), shape.chunks(self.chunk_px)];
        let field = field!(Self, chunk_px);
        product(field, self.chunk_px, &sizes.map(|size| size as u64))
    }

    fn operands(&self, memory: &Memory) -> Result<(Src, Dst), Fault> {
        let x = src(memory, self.x, field!(Self, x), self.shape())?;
        let len = self.parts()? * Moments::PARTIAL_ELEMS as u64;
        let partials = dense(memory, self.partials, field!(Self, partials), len)?;
        Ok((x, partials))
    }
}

impl Op for PartialMoments {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(Self, chunk_px), self.chunk_px, 1..=u32::MAX)?;
        self.operands(memory)?;
        tile_count(field!(Self, chunk_px), self.parts()?, 1)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let (x, partials) = self.operands(memory)?;
        let chunk = self.shape().chunk(tile, self.chunk_px);
        let parts = moments(x.slice(chunk.first, chunk.len));
        store_moments(parts, partials, tile as usize);
        Ok(())
    }
}
