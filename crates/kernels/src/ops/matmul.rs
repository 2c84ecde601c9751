//! matmul: matrix products. A tile is some rows x columns of one matrix.
//!
//! ```text
//! for panel of 8 columns { for up to TILE_PX rows { ConvRows } }           // micro/conv_tile.rs: a row is a pixel of k channels
//! ```
//! 1. a is read in place, whatever the distance of its rows: a tile's rows stay in the second cache while panels stream past them,
//!    each through the first.
//! 2. The program that results pass (ops/epilogue.rs) runs over the rows of a tile when they are complete.
//! 3. Rows of y follow each other without a gap, so a last vector that is not whole is computed aside, and its real columns are copied.
//!
//! Dropped: sums of 256 or 512 steps at a time, so that a panel stays in the first cache, and 12 or 24 rows at a time: within 1 % at
//! up to 4096 steps. What is waited for is the front end, not memory.

use crate::mem::{Dst, Memory, Src};
use crate::micro::conv_tile::{ConvRows, Pixels, Place, Views, Walk};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, panel_width};
use crate::micro::pointwise::Buffers;
use crate::micro::reach::{reach, span};
use crate::ops::conv::{check_channels, check_scratch, part, tiles};
use crate::ops::epilogue::{Extent, Passing};
use crate::ops::{Fault, Op, dense, product, within};
use crate::record::{Matmul, field};
use crate::simd::LANES;

struct Operands {
    a: Src,
    b: Src,
    bias: Option<Src>,
    y: Dst,
    passing: Passing,
}

/// A tile: from, to (exclusive).
struct Tile {
    batch: usize,
    rows: (usize, usize),
    cols: (usize, usize),
}

impl Matmul {
    fn operands(&self, memory: &Memory) -> Result<Operands, Fault> {
        let (k, n) = (self.k as usize, self.n as usize);
        let batch = |step: u32| span(self.batch as usize, step as usize);
        let rows = |step: u32| span(self.m as usize, step as usize);
        let columns = Packing::Outputs.packed_outputs(n) as u64;
        let packed = product(field!(Self, b), self.b.0, &[self.k.into(), columns])?;
        let a = reach([batch(self.a_step), rows(self.a_row_step)], k);
        let b = batch(self.b_step).saturating_add(packed);
        let bias = n.next_multiple_of(PANEL_OUTPUTS) as u64;
        let y = reach([batch(self.y_step), rows(self.y_row_step)], n);
        let extent = Extent {
            outer: self.batch as usize,
            inner: self.m as usize,
            elems: n,
            vectors: false,
        };
        let a = dense(memory, self.a, field!(Self, a), a)?.as_src();
        let b = dense(memory, self.b, field!(Self, b), b)?.as_src();
        let bias = match self.bias.is_present() {
            true => Some(dense(memory, self.bias, field!(Self, bias), bias)?.as_src()),
            false => None,
        };
        let y = dense(memory, self.y, field!(Self, y), y)?;
        let passing = self.epilogue.passing(&self.program, memory, (y, extent))?;
        Ok(Operands {
            a,
            b,
            bias,
            y,
            passing,
        })
    }

    /// Tiles along rows, columns.
    fn grid(&self) -> (u32, u32) {
        (self.m.div_ceil(self.tile_m), self.n.div_ceil(self.tile_n))
    }

    fn tile(&self, tile: u32) -> Tile {
        let (rows, cols) = self.grid();
        Tile {
            batch: (tile / cols / rows) as usize,
            rows: part(tile / cols % rows, self.tile_m, self.m),
            cols: part(tile % cols, self.tile_n, self.n),
        }
    }

    /// Columns that are computed in place: those of the last panel are not if its last vector reaches past the row's end.
    fn in_place(&self) -> usize {
        let n = self.n as usize;
        match n.is_multiple_of(LANES) {
            true => n,
            false => n / PANEL_OUTPUTS * PANEL_OUTPUTS,
        }
    }

    /// Floats of a row of the last panel, if that is computed aside.
    fn aside_width(&self) -> usize {
        match (self.n as usize, self.in_place()) {
            (n, in_place) if in_place == n => 0,
            (n, in_place) => panel_width(Packing::Outputs, n, in_place),
        }
    }
}

impl Op for Matmul {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        let tile_m = (field!(Self, tile_m), self.tile_m);
        for (field, got) in [
            (field!(Self, batch), self.batch),
            (field!(Self, m), self.m),
            tile_m,
        ] {
            within(field, got, 1..=u32::MAX)?;
        }
        check_channels(
            (field!(Self, k), self.k),
            (field!(Self, n), self.n),
            Some((field!(Self, tile_n), self.tile_n)),
        )?;
        within(field!(Self, y_row_step), self.y_row_step, self.n..=u32::MAX)?;
        self.operands(memory)?;
        let rows = self.tile_m.min(self.m).into();
        check_scratch(
            self.scratch_bytes,
            tile_m,
            (rows, 1),
            self.aside_width() as u32,
        )?;
        let (rows, cols) = self.grid();
        tiles(tile_m, self.batch, (rows, cols, 1))
    }

    fn run_tile(&self, memory: &Memory, tile: u32, aside: Dst) -> Result<(), Fault> {
        let operands = self.operands(memory)?;
        let Tile { batch, rows, cols } = self.tile(tile);
        let (k, y_row) = (self.k as usize, self.y_row_step as usize);
        let a = batch * self.a_step as usize + rows.0 * self.a_row_step as usize;
        let b = batch * self.b_step as usize;
        let y = batch * self.y_step as usize + rows.0 * y_row;
        let walk = Walk {
            rows: 1,
            row_stride: 0,
            taps: 1,
            tap_stride: 0,
            run: k,
            px_stride: self.a_row_step as usize,
            px_row_stride: 0,
        };
        let px = Pixels {
            rows: 1,
            cols: rows.1 - rows.0,
        };
        let step = operands.passing.step(batch);
        let compute = |(first, end): (usize, usize), y: Dst, y_row: usize| {
            let place = Place {
                px_stride: y_row,
                px_row_stride: 0,
                plane: LANES,
            };
            let vectors = (end - first).div_ceil(LANES);
            ConvRows::new(&walk, &place, px, vectors, k * PANEL_OUTPUTS).run(&Views {
                a: from(operands.a, a),
                weights: from(operands.b, b + first * k),
                then: None,
                bias: operands.bias.map(|bias| from(bias, first)),
                step: (step, 0),
                y,
            });
        };
        let in_place = cols.1.min(self.in_place());
        if cols.0 < in_place {
            let first = y + cols.0;
            let y = operands.y.slice(first, operands.y.len() - first);
            compute((cols.0, in_place), y, y_row);
        }
        if in_place < cols.1 {
            let width = self.aside_width();
            compute((in_place, cols.1), aside, width);
            for row in 0..px.cols {
                for i in 0..cols.1 - in_place {
                    let x = aside.get(row * width + i);
                    operands.y.set(y + row * y_row + in_place + i, x);
                }
            }
        }
        let mut buffers = Buffers::new();
        let (passing, n) = (&operands.passing, self.n as usize);
        // Rows of a few floats are not worth a call each.
        if y_row == n && cols == (0, n) && passing.rows_follow(n) {
            let all = operands.y.slice(y, px.cols * n);
            passing.row((batch, rows.0), 0, all, &mut buffers);
            return Ok(());
        }
        for row in 0..px.cols {
            let part = operands.y.slice(y + row * y_row + cols.0, cols.1 - cols.0);
            passing.row((batch, rows.0 + row), cols.0, part, &mut buffers);
        }
        Ok(())
    }
}

/// Everything from float `first` on.
fn from(x: Src, first: usize) -> Src {
    x.slice(first, x.len() - first)
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;
