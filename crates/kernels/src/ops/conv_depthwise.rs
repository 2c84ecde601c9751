//! conv_depthwise: convolution of each channel with a kernel of its own. A tile is some rows x columns x channel blocks of one
//! sample.
//!
//! ```text
//! for block { stage its rows and columns under the tile, border included    // micro/stage.rs
//!             for output row { depthwise_row } }                            // micro/depthwise.rs
//! ```
//! Staging is what makes borders and normalisation cost nothing inside: one pass from memory to a cache.

use crate::layout::Blocked;
use crate::mem::{Dst, Memory};
use crate::micro::activation::Activation;
use crate::micro::border::Border;
use crate::micro::depthwise::{Taps, depthwise_row};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, panel_width};
use crate::micro::stage::stage_plane;
use crate::ops::conv::{
    Axis, Frame, Leaving, LoadRefs, Operands, Refs, check_channels, check_scratch, packed_sizes,
    part, tanh_row, tiles,
};
use crate::ops::{Fault, Op, activation, border, within};
use crate::record::{ConvDepthwise, field};
use crate::simd::{F32x4, LANES};

impl ConvDepthwise {
    fn x_shape(&self) -> Blocked {
        Blocked::new(self.n, self.c, self.h, self.w)
    }

    fn y_shape(&self) -> Blocked {
        Blocked::new(self.n, self.c, self.out_h, self.out_w)
    }

    fn activation(&self) -> Result<Activation, Fault> {
        activation(field!(Self, activation), self.activation)
    }

    fn border(&self) -> Result<Border, Fault> {
        border(field!(Self, pad_mode), self.pad_mode)
    }

    fn operands(&self, memory: &Memory) -> Result<Operands, Fault> {
        Refs {
            x: (field!(Self, x), self.x),
            weight: (field!(Self, weight), self.weight),
            bias: (field!(Self, bias), self.bias),
            y: (field!(Self, y), self.y),
            x_shape: self.x_shape(),
            y_shape: self.y_shape(),
            weight_sizes: packed_sizes(Packing::Outputs, (self.c, 1), [self.kh, self.kw]),
            moments: (field!(Self, moments), self.moments),
            parts: self.parts(),
            load: LoadRefs {
                constants: (field!(Self, constants), self.constants),
                constants_n: (field!(Self, constants_n), self.constants_n),
                activation: (field!(Self, load_activation), self.load_activation),
            },
        }
        .operands(memory)
    }

    fn frame(&self) -> Frame {
        Frame {
            rows: Axis {
                out: self.out_h,
                kernel: (field!(Self, kh), self.kh),
                stride: (field!(Self, stride_h), self.stride_h),
                dilation: (field!(Self, dilation_h), self.dilation_h),
                pad: (field!(Self, pad_top), self.pad_top),
                tile: (field!(Self, tile_rows), self.tile_rows),
            },
            cols: Axis {
                out: self.out_w,
                kernel: (field!(Self, kw), self.kw),
                stride: (field!(Self, stride_w), self.stride_w),
                dilation: (field!(Self, dilation_w), self.dilation_w),
                pad: (field!(Self, pad_left), self.pad_left),
                tile: (field!(Self, tile_cols), self.tile_cols),
            },
        }
    }

    /// Tiles of a plane.
    fn parts(&self) -> u64 {
        let (rows, cols) = self.frame().grid();
        u64::from(rows) * u64::from(cols)
    }

    /// Tiles along channel blocks, rows, columns.
    fn grid(&self) -> (u32, u32, u32) {
        let (rows, cols) = self.frame().grid();
        let blocks = self.c.div_ceil(LANES as u32);
        (blocks.div_ceil(self.tile_blocks), rows, cols)
    }
}

impl Op for ConvDepthwise {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        let frame = self.frame();
        frame.check()?;
        let c = (field!(Self, c), self.c);
        check_channels(c, c, None)?;
        within(field!(Self, tile_blocks), self.tile_blocks, 1..=u32::MAX)?;
        self.activation()?;
        self.border()?;
        self.operands(memory)?;
        frame.check_reach(LANES)?;
        let (bytes, cols) = (self.scratch_bytes, frame.cols.tile);
        check_scratch(bytes, cols, frame.staged(), LANES as u32)?;
        tiles(frame.rows.tile, self.n, self.grid())
    }

    fn run_tile(&self, memory: &Memory, tile: u32, staged: Dst) -> Result<(), Fault> {
        let activation = self.activation()?;
        let operands = self.operands(memory)?;
        let (x_shape, y_shape) = (self.x_shape(), self.y_shape());
        let (grid_blocks, grid_rows, grid_cols) = self.grid();
        let plane = tile / grid_cols / grid_rows;
        let n = (plane / grid_blocks) as usize;
        let blocks = y_shape.channel_blocks() as u32;
        let blocks = part(plane % grid_blocks, self.tile_blocks, blocks);
        let rows = part(tile / grid_cols % grid_rows, self.tile_rows, self.out_h);
        let cols = part(tile % grid_cols, self.tile_cols, self.out_w);
        let window = self.frame().window(n, rows, cols, self.border()?);

        let steps = self.kh as usize * self.kw as usize;
        let row_stride = window.cols * LANES;
        let leaving = |block| {
            operands.moments.map(|moments| Leaving {
                moments,
                y: operands.y,
                y_shape: &y_shape,
                n,
                blocks: (block, block + 1),
                cols,
                parts: self.parts() as usize,
                part: (tile % (grid_cols * grid_rows)) as usize,
            })
        };
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
                rows: self.kh as usize,
                row_stride,
                cols: self.kw as usize,
                tap_stride: self.dilation_w as usize * LANES,
                px_stride: self.stride_w as usize * LANES,
                weight_stride: panel_width(Packing::Outputs, x_shape.c, first),
            };
            let from = first * steps + at;
            let weights = operands.weight.slice(from, operands.weight.len() - from);
            let bias = operands
                .bias
                .map_or(F32x4::splat(0.0), |bias| bias.load(block * LANES));
            let leaving = leaving(block);
            let least = match activation {
                Activation::Relu => 0.0,
                _ => f32::NEG_INFINITY,
            };
            for row in rows.0..rows.1 {
                let from = (row - rows.0) * self.stride_h as usize * row_stride;
                let a = staged.as_src().slice(from, staged.len() - from);
                let y_at = y_shape.at(n, block, row, cols.0);
                let y = operands.y.slice(y_at, (cols.1 - cols.0) * LANES);
                depthwise_row(&taps, a, weights, bias, F32x4::splat(least), y);
                if activation == Activation::Tanh {
                    tanh_row(y);
                }
                if let Some(leaving) = leaving {
                    leaving.row(row, row == rows.0);
                }
            }
            if let Some(leaving) = leaving {
                leaving.end(rows.1 - rows.0);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
