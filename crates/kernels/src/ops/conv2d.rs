//! conv2d: convolution by the direct algorithm. A tile is some rows x columns x output channels of one sample.
//!
//! ```text
//! stage the rows and columns of x under the tile, border included          // micro/stage.rs
//! for output row { ConvRows or dot_rows }                                   // micro/conv_tile.rs, micro/dot_tile.rs
//! ```
//! Row by row with all output channels, not the other way round: the staged row stays near, weights stream past it.
//! Staging costs (rows + kh - 1) / rows loads and stores an element, 1 % of the multiplies in the layers that matter.

use crate::layout::Blocked;
use crate::mem::Memory;
use crate::micro::activation::{Activation, tanh};
use crate::micro::border::Border;
use crate::micro::conv_tile::{ConvRows, Pixels, Place, Views, Walk};
use crate::micro::dot_tile::dot_rows;
use crate::micro::panels::{PANEL_OUTPUTS, Packing};
use crate::micro::rows;
use crate::micro::stage::{Window, pixel_elems, stage};
use crate::ops::conv::{
    Leaving, LoadRefs, Operands, Refs, check_channels, check_scratch, packed_sizes, part, tiles,
};
use crate::ops::{Fault, MOST_COORDINATE, Op, activation, border, scratch, within};
use crate::record::{Conv2d, field};
use crate::simd::LANES;

/// Most floats from one pixel to the next: a tile of them has a length in bytes.
const MOST_STEP_ELEMS: u64 = i32::MAX as u64 / 4;

/// A tile: from, to (exclusive).
struct Tile {
    n: usize,
    rows: (usize, usize),
    cols: (usize, usize),
    outputs: (usize, usize),
}

impl Conv2d {
    fn x_shape(&self) -> Blocked {
        Blocked::new(self.n, self.c, self.h, self.w)
    }

    fn y_shape(&self) -> Blocked {
        Blocked::new(self.n, self.o, self.out_h, self.out_w)
    }

    fn packing(&self) -> Result<Packing, Fault> {
        Packing::from_word(self.packing, self.c as usize, self.o as usize)
            .ok_or(Fault::field(field!(Self, packing), self.packing))
    }

    fn activation(&self) -> Result<Activation, Fault> {
        activation(field!(Self, activation), self.activation)
    }

    fn border(&self) -> Result<Border, Fault> {
        border(field!(Self, pad_mode), self.pad_mode)
    }

    fn operands(&self, memory: &Memory, packing: Packing) -> Result<Operands, Fault> {
        Refs {
            x: (field!(Self, x), self.x),
            weight: (field!(Self, weight), self.weight),
            bias: (field!(Self, bias), self.bias),
            y: (field!(Self, y), self.y),
            x_shape: self.x_shape(),
            y_shape: self.y_shape(),
            weight_sizes: packed_sizes(packing, (self.o, self.c), [self.kh, self.kw]),
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

    /// Tiles of a plane.
    fn parts(&self) -> u64 {
        let (rows, cols, _) = self.grid();
        u64::from(rows) * u64::from(cols)
    }

    /// Rows and columns that a tile stages.
    fn staged(&self) -> (u64, u64) {
        // Rows of a dilated kernel lie apart, so only a single output row's are staged.
        let rows = match self.dilation_h {
            1 => {
                u64::from(self.tile_rows.min(self.out_h) - 1) * u64::from(self.stride_h)
                    + u64::from(self.kh)
            }
            _ => u64::from(self.kh),
        };
        let cols = u64::from(self.tile_cols.min(self.out_w) - 1) * u64::from(self.stride_w)
            + u64::from(self.kw - 1) * u64::from(self.dilation_w)
            + 1;
        (rows, cols)
    }

    /// Tiles along rows, columns, output channels.
    fn grid(&self) -> (u32, u32, u32) {
        (
            self.out_h.div_ceil(self.tile_rows),
            self.out_w.div_ceil(self.tile_cols),
            self.o.div_ceil(self.tile_o),
        )
    }

    fn tile(&self, tile: u32) -> Tile {
        let (rows, cols, outputs) = self.grid();
        Tile {
            n: (tile / outputs / cols / rows) as usize,
            rows: part(tile / outputs / cols % rows, self.tile_rows, self.out_h),
            cols: part(tile / outputs % cols, self.tile_cols, self.out_w),
            outputs: part(tile % outputs, self.tile_o, self.o),
        }
    }
}

impl Op for Conv2d {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        for (field, got) in [
            (field!(Self, kh), self.kh),
            (field!(Self, kw), self.kw),
            (field!(Self, stride_h), self.stride_h),
            (field!(Self, stride_w), self.stride_w),
            (field!(Self, dilation_h), self.dilation_h),
            (field!(Self, dilation_w), self.dilation_w),
        ] {
            within(field, got, 1..=u32::MAX)?;
        }
        within(
            field!(Self, tile_rows),
            self.tile_rows,
            1..=if self.dilation_h == 1 { u32::MAX } else { 1 },
        )?;
        within(field!(Self, tile_cols), self.tile_cols, 1..=u32::MAX)?;
        check_channels(
            (field!(Self, c), self.c),
            (field!(Self, o), self.o),
            Some((field!(Self, tile_o), self.tile_o)),
        )?;
        self.activation()?;
        self.border()?;
        self.operands(memory, self.packing()?)?;
        for (field, pad, out, stride, kernel, dilation) in [
            (
                field!(Self, pad_top),
                self.pad_top,
                self.out_h,
                self.stride_h,
                self.kh,
                self.dilation_h,
            ),
            (
                field!(Self, pad_left),
                self.pad_left,
                self.out_w,
                self.stride_w,
                self.kw,
                self.dilation_w,
            ),
        ] {
            let last =
                u128::from(out) * u128::from(stride) + u128::from(kernel) * u128::from(dilation);
            if last + u128::from(pad) > u128::from(MOST_COORDINATE) {
                return Err(Fault::field(field, pad));
            }
        }
        let pixel = pixel_elems(self.c as usize) as u64;
        // Where there is one column, or one tap, nothing is that far away, but the distance is computed.
        for (field, step) in [
            (field!(Self, stride_w), self.stride_w),
            (field!(Self, dilation_w), self.dilation_w),
        ] {
            if u64::from(step) * pixel > MOST_STEP_ELEMS {
                return Err(Fault::field(field, step));
            }
        }
        let tile_cols = (field!(Self, tile_cols), self.tile_cols);
        check_scratch(self.scratch_bytes, tile_cols, self.staged(), self.c)?;
        let tile_rows = (field!(Self, tile_rows), self.tile_rows);
        tiles(tile_rows, self.n, self.grid())
    }

    fn run_tile(&self, memory: &Memory, tile: u32, worker: u32) -> Result<(), Fault> {
        let (packing, activation) = (self.packing()?, self.activation()?);
        let operands = self.operands(memory, packing)?;
        let staged = scratch(memory, self.scratch, self.scratch_bytes, worker)?;
        let part = (tile / self.grid().2) as usize % self.parts() as usize;
        let tile = self.tile(tile);
        let (kh, kw) = (self.kh as usize, self.kw as usize);
        let (stride_h, stride_w) = (self.stride_h as usize, self.stride_w as usize);
        let (dilation_h, dilation_w) = (self.dilation_h as usize, self.dilation_w as usize);
        let (rows, px) = (tile.rows.1 - tile.rows.0, tile.cols.1 - tile.cols.0);
        let window = Window {
            n: tile.n,
            top: (tile.rows.0 * stride_h) as isize - self.pad_top as isize,
            rows: if dilation_h == 1 {
                (rows - 1) * stride_h + kh
            } else {
                kh
            },
            row_step: dilation_h,
            left: (tile.cols.0 * stride_w) as isize - self.pad_left as isize,
            cols: (px - 1) * stride_w + (kw - 1) * dilation_w + 1,
            border: self.border()?,
        };
        let load = operands.load(tile.n);
        stage(operands.x, &self.x_shape(), &window, load, staged);

        let pixel = pixel_elems(self.c as usize);
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
        let y_shape = self.y_shape();
        let leaving = operands.moments.map(|moments| Leaving {
            moments,
            y: operands.y,
            y_shape: &y_shape,
            n: tile.n,
            blocks: (tile.outputs.0 / LANES, tile.outputs.1.div_ceil(LANES)),
            cols: tile.cols,
            parts: self.parts() as usize,
            part,
        });
        let place = Place {
            px_stride: LANES,
            px_row_stride: 0,
            plane: y_shape.plane_px() * LANES,
            relu: activation == Activation::Relu,
        };
        let px = Pixels { rows: 1, cols: px };
        let (first, outputs) = (tile.outputs.0, tile.outputs.1 - tile.outputs.0);
        let from = first * steps;
        let weights = operands.weight.slice(from, operands.weight.len() - from);
        let bias = operands
            .bias
            .map(|bias| bias.slice(first, bias.len() - first));
        let (vectors, panel) = (outputs.div_ceil(LANES), PANEL_OUTPUTS * steps);
        let by_outputs = match packing {
            Packing::Outputs => Some(ConvRows::new(&walk, &place, px, vectors, panel)),
            Packing::Inputs => None,
        };
        for row in 0..rows {
            let from = row * stride_h * walk.row_stride;
            let a = staged.as_src().slice(from, staged.len() - from);
            let at = |block| y_shape.at(tile.n, block, tile.rows.0 + row, tile.cols.0);
            let y_from = at(first / LANES);
            let y = operands.y.slice(y_from, operands.y.len() - y_from);
            match &by_outputs {
                Some(conv) => conv.run(&Views {
                    a,
                    weights,
                    then: None,
                    bias,
                    y,
                }),
                None => dot_rows(a, weights, bias, y, &walk, &place, px, outputs),
            }
            if activation == Activation::Tanh {
                for block in tile.outputs.0 / LANES..tile.outputs.1.div_ceil(LANES) {
                    let y = operands.y.slice(at(block), px.cols * LANES);
                    rows::map(y.as_src(), y, tanh);
                }
            }
            if let Some(leaving) = leaving {
                leaving.row(tile.rows.0 + row, row == 0);
            }
        }
        if let Some(leaving) = leaving {
            leaving.end(rows);
        }
        Ok(())
    }
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
pub(crate) mod tests;
