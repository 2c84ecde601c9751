//! conv_depthwise: convolution of each channel with a kernel of its own. A tile is some rows x columns x channel blocks of one
//! sample.
//!
//! ```text
//! for block { stage its rows and columns under the tile, border included    // micro/stage.rs
//!             for output row { depthwise_row } }                            // micro/depthwise.rs
//! ```
//! Staging is what makes borders and maps cost nothing inside: one pass from memory to a cache.

use crate::mem::{Dst, Memory};
use crate::micro::depthwise::{Taps, depthwise_row};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, panel_width};
use crate::micro::pointwise::Buffers;
use crate::micro::stage::stage_plane;
use crate::ops::conv::{Operands, check_scratch, packed_sizes, part, tiles};
use crate::ops::epilogue::Finish;
use crate::ops::sliding::Axes;
use crate::ops::{Fault, Op, within};
use crate::record::{ConvDepthwise, field};
use crate::simd::{F32x4, LANES};

impl ConvDepthwise {
    fn operands(&self, memory: &Memory) -> Result<Operands, Fault> {
        let weight = packed_sizes(
            Packing::Outputs,
            (self.frame.c, 1),
            [self.sliding.kh, self.sliding.kw],
        );
        let passed = (&self.program, &self.epilogue);
        self.frame
            .operands(memory, (weight, self.axes().parts()), &self.loading, passed)
    }

    fn axes(&self) -> Axes {
        self.sliding.axes(&self.frame)
    }

    /// Tiles along channel blocks, rows, columns.
    fn grid(&self) -> (u32, u32, u32) {
        let (rows, cols) = self.axes().grid();
        let blocks = self.frame.c.div_ceil(LANES as u32);
        (blocks.div_ceil(self.tile_blocks), rows, cols)
    }
}

impl Op for ConvDepthwise {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        let axes = self.axes();
        axes.check()?;
        self.frame.check(None)?;
        let c = self.frame.c;
        within(field!(Self, o), self.frame.o, c..=c)?;
        within(field!(Self, tile_blocks), self.tile_blocks, 1..=u32::MAX)?;
        self.sliding.border()?;
        self.operands(memory)?;
        axes.check_reach(LANES)?;
        let (bytes, cols) = (self.scratch_bytes, axes.cols.tile);
        check_scratch(bytes, cols, axes.staged(), LANES as u32)?;
        tiles(axes.rows.tile, self.frame.n, self.grid())
    }

    fn run_tile(&self, memory: &Memory, tile: u32, staged: Dst) -> Result<(), Fault> {
        let operands = self.operands(memory)?;
        let (x_shape, y_shape) = (self.frame.x_shape(), self.frame.y_shape());
        let (grid_blocks, grid_rows, grid_cols) = self.grid();
        let plane = tile / grid_cols / grid_rows;
        let n = (plane / grid_blocks) as usize;
        let blocks = y_shape.channel_blocks() as u32;
        let blocks = part(plane % grid_blocks, self.tile_blocks, blocks);
        let rows = part(
            tile / grid_cols % grid_rows,
            self.sliding.tile_rows,
            self.frame.out_h,
        );
        let cols = part(tile % grid_cols, self.sliding.tile_cols, self.frame.out_w);
        let window = self.axes().window(n, rows, cols, self.sliding.border()?);

        let steps = self.sliding.kh as usize * self.sliding.kw as usize;
        let row_stride = window.cols * LANES;
        let step = operands.passing.step(n);
        let mut buffers = Buffers::new();
        for block in blocks.0..blocks.1 {
            stage_plane(
                operands.x,
                &x_shape,
                &window,
                operands.load(n),
                block,
                staged,
            );
            // Panels of two blocks, of which the last may be one.
            let (panel, at) = (block * LANES / PANEL_OUTPUTS, block * LANES % PANEL_OUTPUTS);
            let first = panel * PANEL_OUTPUTS;
            let taps = Taps {
                rows: self.sliding.kh as usize,
                row_stride,
                cols: self.sliding.kw as usize,
                tap_stride: self.sliding.dilation_w as usize * LANES,
                px_stride: self.sliding.stride_w as usize * LANES,
                weight_stride: panel_width(Packing::Outputs, x_shape.c, first),
            };
            let from = first * steps + at;
            let weights = operands.weight.slice(from, operands.weight.len() - from);
            let bias = operands
                .bias
                .map_or(F32x4::splat(0.0), |bias| bias.load(block * LANES));
            let mut finish = Finish {
                passing: &operands.passing,
                buffers: &mut buffers,
                moments: operands.moments,
                y: operands.y,
                y_shape: &y_shape,
                n,
                blocks: (block, block + 1),
                cols,
                parts: self.axes().parts() as usize,
                part: (tile % (grid_cols * grid_rows)) as usize,
            };
            let after = step.of(block, 1);
            for row in rows.0..rows.1 {
                let from = (row - rows.0) * self.sliding.stride_h as usize * row_stride;
                let a = staged.as_src().slice(from, staged.len() - from);
                let y_at = y_shape.at(n, block, row, cols.0);
                let y = operands.y.slice(y_at, (cols.1 - cols.0) * LANES);
                depthwise_row(&taps, a, weights, (bias, &after), y);
                finish.row(row, row == rows.0);
            }
            finish.end(rows.1 - rows.0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
