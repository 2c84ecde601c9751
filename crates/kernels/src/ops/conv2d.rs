//! conv2d: convolution by the direct algorithm. A tile is some rows x columns x output channels of one sample.
//!
//! ```text
//! stage the rows and columns of x under the tile, border included          // micro/stage.rs
//! for output row { ConvRows, group_row or dot_rows }           // micro/conv_tile.rs, micro/group_tile.rs, micro/dot_tile.rs
//! ```
//! Row by row with all output channels, not the other way round: the staged row stays near, weights stream past it.
//! Staging costs (rows + kh - 1) / rows loads and stores an element, 1 % of the multiplies in the layers that matter.

use crate::layout::Blocked;
use crate::mem::{Dst, Memory};
use crate::micro::conv_tile::{ConvRows, Pixels, Place, Views, Walk};
use crate::micro::dot_tile::dot_rows;
use crate::micro::epilogue::step_row;
use crate::micro::group_tile::{group_row, is_group};
use crate::micro::panels::{PANEL_OUTPUTS, Packing};
use crate::micro::pointwise::Buffers;
use crate::micro::stage::{pixel_elems, stage};
use crate::ops::conv::{Operands, check_packed_groups, check_scratch, packed_sizes, part, tiles};
use crate::ops::epilogue::Finish;
use crate::ops::sliding::Axes;
use crate::ops::{Fault, Op};
use crate::record::{Conv2d, field};
use crate::simd::LANES;

/// A tile: from, to (exclusive).
struct Tile {
    n: usize,
    rows: (usize, usize),
    cols: (usize, usize),
    group: usize,
    outputs: (usize, usize),
}

/// What computes a row of a tile.
enum Kernel {
    Panels(ConvRows),
    Group,
    Dots,
}

impl Conv2d {
    fn packing(&self) -> Result<Packing, Fault> {
        Packing::from_word(self.packing, self.group().0 as usize, self.frame.o as usize)
            .ok_or(Fault::field(field!(Self, packing), self.packing))
    }

    fn operands(&self, memory: &Memory, packing: Packing) -> Result<Operands, Fault> {
        let kernel = [self.sliding.kh, self.sliding.kw];
        let weight = packed_sizes(packing, (self.frame.o, self.group().0), kernel);
        let passed = (&self.program, &self.epilogue);
        self.frame
            .operands(memory, (weight, self.axes().parts()), &self.loading, passed)
    }

    fn axes(&self) -> Axes {
        self.sliding.axes(&self.frame)
    }

    /// Input and output channels of a group.
    fn group(&self) -> (u32, u32) {
        (self.frame.c / self.groups, self.frame.o / self.groups)
    }

    /// Tiles along rows, columns, output channels.
    fn grid(&self) -> (u32, u32, u32) {
        let (rows, cols) = self.axes().grid();
        (
            rows,
            cols,
            self.groups * self.group().1.div_ceil(self.tile_o),
        )
    }

    fn tile(&self, tile: u32) -> Tile {
        let (rows, cols, outputs) = self.grid();
        let (in_group, group_o) = (outputs / self.groups, self.group().1);
        let group = (tile % outputs / in_group) as usize;
        let (from, to) = part(tile % in_group, self.tile_o, group_o);
        let first_o = group * group_o as usize;
        Tile {
            n: (tile / outputs / cols / rows) as usize,
            rows: part(
                tile / outputs / cols % rows,
                self.sliding.tile_rows,
                self.frame.out_h,
            ),
            cols: part(
                tile / outputs % cols,
                self.sliding.tile_cols,
                self.frame.out_w,
            ),
            group,
            outputs: (first_o + from, first_o + to),
        }
    }
}

impl Op for Conv2d {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        let axes = self.axes();
        axes.check()?;
        self.frame
            .check(Some((field!(Self, tile_o), self.tile_o)))?;
        let groups = (field!(Self, groups), self.groups);
        check_packed_groups(groups, (self.frame.o, self.frame.c))?;
        self.sliding.border()?;
        self.operands(memory, self.packing()?)?;
        let (c, _) = self.group();
        axes.check_reach(pixel_elems(c as usize))?;
        check_scratch(self.scratch_bytes, axes.cols.tile, axes.staged(), c)?;
        tiles(axes.rows.tile, self.frame.n, self.grid())
    }

    fn run_tile(&self, memory: &Memory, tile: u32, staged: Dst) -> Result<(), Fault> {
        let packing = self.packing()?;
        let operands = self.operands(memory, packing)?;
        let part = (tile / self.grid().2) as usize % self.axes().parts() as usize;
        let tile = self.tile(tile);
        let (kh, kw) = (self.sliding.kh as usize, self.sliding.kw as usize);
        let (stride_h, stride_w) = (
            self.sliding.stride_h as usize,
            self.sliding.stride_w as usize,
        );
        let dilation_w = self.sliding.dilation_w as usize;
        let (rows, px) = (tile.rows.1 - tile.rows.0, tile.cols.1 - tile.cols.0);
        // The tile's group of input channels as a picture of its own.
        let x_shape = self.frame.x_shape();
        let group_shape = Blocked {
            n: 1,
            c: self.group().0 as usize,
            ..x_shape
        };
        let first_block = tile.group * group_shape.c / LANES;
        let from = x_shape.at(tile.n, first_block, 0, 0);
        let x = operands.x.slice(from, operands.x.len() - from);
        let load = operands.load(tile.n).from(first_block);
        let window = self
            .axes()
            .window(0, tile.rows, tile.cols, self.sliding.border()?);
        stage(x, &group_shape, &window, load, staged);

        let pixel = pixel_elems(group_shape.c);
        let together = dilation_w == 1;
        let walk = Walk {
            rows: kh,
            row_stride: window.cols * pixel,
            taps: if together { 1 } else { kw },
            tap_stride: dilation_w * pixel,
            run: if together { kw * pixel } else { pixel },
            px_stride: stride_w * pixel,
            px_row_stride: 0,
        };
        let steps = pixel * kh * kw;
        let y_shape = self.frame.y_shape();
        let step = operands.passing.step(tile.n);
        let mut finish = Finish {
            passing: &operands.passing,
            buffers: &mut Buffers::new(),
            moments: operands.moments,
            y: operands.y,
            y_shape: &y_shape,
            n: tile.n,
            blocks: (tile.outputs.0 / LANES, tile.outputs.1.div_ceil(LANES)),
            cols: tile.cols,
            parts: self.axes().parts() as usize,
            part,
        };
        let place = Place {
            px_stride: LANES,
            px_row_stride: 0,
            plane: y_shape.plane_px() * LANES,
        };
        let px = Pixels { rows: 1, cols: px };
        let (first, outputs) = (tile.outputs.0, tile.outputs.1 - tile.outputs.0);
        let from = first * steps;
        let weights = operands.weight.slice(from, operands.weight.len() - from);
        let bias = operands
            .bias
            .map(|bias| bias.slice(first, bias.len() - first));
        let (vectors, panel) = (outputs.div_ceil(LANES), PANEL_OUTPUTS * steps);
        // Of the group, not of the tile: sums have one order in all tiles.
        let one_vector = self.group().1 as usize <= LANES;
        let kernel = match packing {
            Packing::Inputs => Kernel::Dots,
            Packing::Outputs if one_vector && is_group(&walk) => Kernel::Group,
            Packing::Outputs => Kernel::Panels(ConvRows::new(&walk, &place, px, vectors, panel)),
        };
        for row in 0..rows {
            let from = row * stride_h * walk.row_stride;
            let a = staged.as_src().slice(from, staged.len() - from);
            let at = |block| y_shape.at(tile.n, block, tile.rows.0 + row, tile.cols.0);
            let y_from = at(first / LANES);
            let y = operands.y.slice(y_from, operands.y.len() - y_from);
            let block = y.slice(0, px.cols * LANES);
            match &kernel {
                Kernel::Panels(conv) => conv.run(&Views {
                    a,
                    weights,
                    then: None,
                    bias,
                    step: (step, first / LANES),
                    y,
                }),
                Kernel::Group => {
                    group_row(a, weights, bias, block, &walk);
                    step_row(block, step.of(first / LANES, 1));
                }
                Kernel::Dots => {
                    dot_rows(a, weights, bias, y, &walk, &place, px, outputs);
                    step_row(block, step.of(first / LANES, 1));
                }
            }
            finish.row(tile.rows.0 + row, row == 0);
        }
        finish.end(rows);
        Ok(())
    }
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
pub(crate) mod tests;
