//! What happens to the rows of a convolution's result as soon as each is complete, while the first caches hold it. ReLU rides in
//! registers where a kernel has its results there: it is not asked for here.

use crate::layout::Blocked;
use crate::mem::{Dst, Memory};
use crate::micro::activation::{Activation, tanh};
use crate::micro::rows;
use crate::micro::statistics::{Moments, add_row, end_rows};
use crate::ops::{Fault, activation, dense, product};
use crate::record::{Epilogue, given};
use crate::simd::LANES;

impl Epilogue {
    pub(crate) fn activation(&self) -> Result<Activation, Fault> {
        let (field, word) = given!(self, Self, activation);
        activation(field, word)
    }

    pub(crate) fn moments(
        &self,
        memory: &Memory,
        y: &Blocked,
        parts: u64,
    ) -> Result<Option<Dst>, Fault> {
        let (field, moments) = given!(self, Self, moments);
        if !moments.is_present() {
            return Ok(None);
        }
        let [n, blocks] = [y.n, y.channel_blocks()].map(|size| size as u64);
        let sizes = [n, blocks, parts, Moments::PARTIAL_ELEMS as u64];
        let len = product(field, moments.0, &sizes)?;
        dense(memory, moments, field, len).map(Some)
    }
}

/// What is done to a tile's rectangle of y.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a> {
    pub(crate) activation: Activation,
    /// Where the moments of y go, where they are asked for
    pub(crate) moments: Option<Dst>,
    pub(crate) y: Dst,
    pub(crate) y_shape: &'a Blocked,
    pub(crate) n: usize,
    /// First and last (exclusive)
    pub(crate) blocks: (usize, usize),
    pub(crate) cols: (usize, usize),
    /// Tiles of a plane, and which of them this is
    pub(crate) parts: usize,
    pub(crate) part: usize,
}

impl Finish<'_> {
    fn index(&self, block: usize) -> usize {
        (self.n * self.y_shape.channel_blocks() + block) * self.parts + self.part
    }

    /// Row `row` of y is complete.
    pub(crate) fn row(&self, row: usize, is_first: bool) {
        for block in self.blocks.0..self.blocks.1 {
            let at = self.y_shape.at(self.n, block, row, self.cols.0);
            let y = self.y.slice(at, (self.cols.1 - self.cols.0) * LANES);
            if self.activation == Activation::Tanh {
                tanh_row(y);
            }
            if let Some(moments) = self.moments {
                add_row(moments, self.index(block), y.as_src(), is_first);
            }
        }
    }

    /// After `rows` rows.
    pub(crate) fn end(&self, rows: usize) {
        let Some(moments) = self.moments else { return };
        for block in self.blocks.0..self.blocks.1 {
            let pixels = rows * (self.cols.1 - self.cols.0);
            end_rows(moments, self.index(block), pixels);
        }
    }
}

/// Tanh of a row of y. Not inlined, since it is long, and a row longer.
#[inline(never)]
fn tanh_row(y: Dst) {
    rows::map(y.as_src(), y, tanh);
}
