//! conv_transpose2d: transposed convolution by sub-pixel decomposition (`micro/phase.rs`). A tile is some rows x columns x output
//! channels of one sample; all phases of its outputs read the same staged rows.
//!
//! ```text
//! stage the rows and columns of x that the tile's outputs read, zeros around x   // micro/stage.rs
//! for output row { for column phase { ConvRows } }
//! ```

use crate::mem::{Dst, Memory};
use crate::micro::border::Border;
use crate::micro::conv_tile::{ConvRows, Pixels, Place, Views, Walk};
use crate::micro::panels::{PANEL_OUTPUTS, Packing};
use crate::micro::phase::{Phase, phase};
use crate::micro::pointwise::Buffers;
use crate::micro::stage::{Window, pixel_elems, stage};
use crate::ops::conv::{Operands, check_scratch, packed_sizes, tiles};
use crate::ops::epilogue::Finish;
use crate::ops::{Fault, MOST_COORDINATE, Op, within};
use crate::record::{ConvTranspose2d, field};
use crate::simd::LANES;

/// One axis of a tile, cut-off pixels counted in: `from..to` outputs reading `first_input..` through up to `taps` taps.
#[derive(Clone, Copy)]
struct Axis {
    from: usize,
    to: usize,
    stride: usize,
    pad: usize,
    /// Of the input; negative in the border
    first_input: isize,
    inputs: usize,
}

impl Axis {
    /// Tile `i` of `tile` input pixels' worth of outputs.
    fn new(i: u32, tile: u32, out: u32, pad: u32, stride: u32, kernel: u32) -> Self {
        let (stride, pad) = (stride as usize, pad as usize);
        let outputs = tile as usize * stride;
        let from = i as usize * outputs;
        let to = (from + outputs).min(out as usize);
        let most_taps = Phase::most_taps(kernel as usize, stride);
        let first_input = ((from + pad) / stride) as isize - (most_taps as isize - 1);
        Self {
            from,
            to,
            stride,
            pad,
            first_input,
            inputs: ((to - 1 + pad) / stride) - (from + pad) / stride + most_taps,
        }
    }

    /// Staged position of the first input that output `at` reads through `phase`.
    fn staged(&self, at: usize, phase: Phase) -> usize {
        let last = ((at + self.pad) / self.stride) as isize;
        (last - (phase.taps as isize - 1) - self.first_input) as usize
    }

    fn phase(&self, at: usize, kernel: u32) -> Phase {
        phase(kernel as usize, self.stride, (at + self.pad) % self.stride)
    }
}

impl ConvTranspose2d {
    fn operands(&self, memory: &Memory) -> Result<Operands, Fault> {
        let weight = packed_sizes(
            Packing::Outputs,
            (self.frame.o, self.frame.c),
            [self.kh, self.kw],
        );
        let passed = (&self.program, &self.epilogue);
        self.frame
            .operands(memory, (weight, self.parts()), &self.loading, passed)
    }

    /// Tiles of a plane.
    fn parts(&self) -> u64 {
        let along = |out: u32, tile: u32, stride: u32| {
            u64::from(out).div_ceil(u64::from(tile) * u64::from(stride))
        };
        along(self.frame.out_h, self.tile_rows, self.stride_h)
            * along(self.frame.out_w, self.tile_cols, self.stride_w)
    }

    /// The most rows and columns that a tile stages: `tile` inputs, one more where padding cuts one in two, and the kernel's.
    fn staged(&self) -> (u64, u64) {
        let most = |tile: u32, kernel: u32, stride: u32| {
            u64::from(tile) + u64::from(kernel.div_ceil(stride))
        };
        (
            most(self.tile_rows, self.kh, self.stride_h),
            most(self.tile_cols, self.kw, self.stride_w),
        )
    }

    /// Tiles along rows, columns, output channels.
    fn grid(&self) -> (u32, u32, u32) {
        (
            self.frame.out_h.div_ceil(self.tile_rows * self.stride_h),
            self.frame.out_w.div_ceil(self.tile_cols * self.stride_w),
            self.frame.o.div_ceil(self.tile_o),
        )
    }
}

impl Op for ConvTranspose2d {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        for (field, got) in [
            (field!(Self, kh), self.kh),
            (field!(Self, kw), self.kw),
            (field!(Self, stride_h), self.stride_h),
            (field!(Self, stride_w), self.stride_w),
            (field!(Self, tile_rows), self.tile_rows),
            (field!(Self, tile_cols), self.tile_cols),
        ] {
            within(field, got, 1..=u32::MAX)?;
        }
        self.frame
            .check(Some((field!(Self, tile_o), self.tile_o)))?;
        self.operands(memory)?;
        for (field, pad, out, stride, kernel, tile) in [
            (
                field!(Self, pad_top),
                self.pad_top,
                self.frame.out_h,
                self.stride_h,
                self.kh,
                self.tile_rows,
            ),
            (
                field!(Self, pad_left),
                self.pad_left,
                self.frame.out_w,
                self.stride_w,
                self.kw,
                self.tile_cols,
            ),
        ] {
            // Pixels of a phase are a stride apart: in floats it stays below the bound too.
            let step = u64::from(stride) * LANES as u64;
            let tile = u64::from(tile) * u64::from(stride);
            let sum = u64::from(pad) + u64::from(out) + u64::from(stride) + u64::from(kernel);
            if tile.max(step) > MOST_COORDINATE || sum > MOST_COORDINATE {
                return Err(Fault::field(field, pad));
            }
        }
        let tile_cols = (field!(Self, tile_cols), self.tile_cols);
        check_scratch(self.scratch_bytes, tile_cols, self.staged(), self.frame.c)?;
        let tile_rows = (field!(Self, tile_rows), self.tile_rows);
        tiles(tile_rows, self.frame.n, self.grid())
    }

    fn run_tile(&self, memory: &Memory, tile: u32, staged: Dst) -> Result<(), Fault> {
        let operands = self.operands(memory)?;
        let (grid_rows, grid_cols, grid_o) = self.grid();
        let n = (tile / grid_o / grid_cols / grid_rows) as usize;
        let row_tile = tile / grid_o / grid_cols % grid_rows;
        let rows = Axis::new(
            row_tile,
            self.tile_rows,
            self.frame.out_h,
            self.pad_top,
            self.stride_h,
            self.kh,
        );
        let col_tile = tile / grid_o % grid_cols;
        let cols = Axis::new(
            col_tile,
            self.tile_cols,
            self.frame.out_w,
            self.pad_left,
            self.stride_w,
            self.kw,
        );
        let first_o = (tile % grid_o * self.tile_o) as usize;
        let last_o = (first_o + self.tile_o as usize).min(self.frame.o as usize);
        let window = Window {
            n,
            top: rows.first_input,
            rows: rows.inputs,
            row_step: 1,
            left: cols.first_input,
            cols: cols.inputs,
            border: Border::Constant,
        };
        let load = operands.load(n);
        stage(operands.x, &self.frame.x_shape(), &window, load, staged);

        let pixel = pixel_elems(self.frame.c as usize);
        let (o, y_shape) = (self.frame.o as usize, self.frame.y_shape());
        let outputs = Packing::Outputs.packed_outputs(o);
        let step = operands.passing.step(n);
        let mut finish = Finish {
            passing: &operands.passing,
            buffers: &mut Buffers::new(),
            moments: operands.moments,
            y: operands.y,
            y_shape: &y_shape,
            n,
            blocks: (first_o / LANES, last_o.div_ceil(LANES)),
            cols: (cols.from, cols.to),
            parts: self.parts() as usize,
            part: (row_tile * grid_cols + col_tile) as usize,
        };
        for y in rows.from..rows.to {
            let row_phase = rows.phase(y, self.kh);
            for x in cols.from..cols.to.min(cols.from + cols.stride) {
                let col_phase = cols.phase(x, self.kw);
                let walk = Walk {
                    rows: row_phase.taps,
                    row_stride: window.cols * pixel,
                    taps: 1,
                    tap_stride: 0,
                    run: col_phase.taps * pixel,
                    px_stride: pixel,
                    px_row_stride: 0,
                };
                // A phase without taps reads nothing: its outputs are the bias.
                let from = match row_phase.taps * col_phase.taps {
                    0 => 0,
                    _ => {
                        rows.staged(y, row_phase) * walk.row_stride
                            + cols.staged(x, col_phase) * pixel
                    }
                };
                let a = staged.as_src().slice(from, staged.len() - from);
                let walk = if row_phase.taps * col_phase.taps == 0 {
                    Walk { rows: 0, ..walk }
                } else {
                    walk
                };
                let before =
                    Phase::taps_before(&row_phase, &col_phase, self.kw as usize) * pixel * outputs;
                let steps = row_phase.taps * col_phase.taps * pixel;
                let px = Pixels {
                    rows: 1,
                    cols: (cols.to - x).div_ceil(cols.stride),
                };
                let at = before + first_o * steps;
                let place = Place {
                    px_stride: cols.stride * LANES,
                    px_row_stride: 0,
                    plane: y_shape.plane_px() * LANES,
                };
                let vectors = (last_o - first_o).div_ceil(LANES);
                let y_from = y_shape.at(n, first_o / LANES, y, x);
                let views = Views {
                    a,
                    weights: operands.weight.slice(at, operands.weight.len() - at),
                    then: None,
                    bias: operands
                        .bias
                        .map(|bias| bias.slice(first_o, bias.len() - first_o)),
                    step: (step, first_o / LANES),
                    y: operands.y.slice(y_from, operands.y.len() - y_from),
                };
                let panel = PANEL_OUTPUTS * steps;
                ConvRows::new(&walk, &place, px, vectors, panel).run(&views);
            }
            finish.row(y, y == rows.from);
        }
        finish.end(rows.to - rows.from);
        Ok(())
    }
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
pub(crate) mod tests;
