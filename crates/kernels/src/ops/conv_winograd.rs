//! conv_winograd: convolution, or transposed convolution, by one of Winograd's algorithms (`micro/winograd/algorithms.rs`). A square is
//! what an algorithm computes at once, such as 4x4 results; a tile is some rows x columns of squares x output channels of one sample.
//!
//! ```text
//! for some channel blocks {
//!     stage what lies under the squares, border included, normalised    // micro/stage.rs
//!     for square, channel block { its points }                          // micro/winograd.rs -> scratch [point][square][channel]
//! }
//! for group of output channels {
//!     for point { for panel of 8 outputs { matrix product } }           // micro/conv_tile.rs -> scratch [4 outputs][square][point]
//!     for square { its results, bias, activation }; their moments       // micro/winograd.rs -> y
//! }
//! ```
//! 1. A point's inputs stay in the first cache while panels stream past them; the group keeps products in the second.
//! 2. Points lie one cache line more than needed apart: distances of whole 4 KB would compete for the same few cache lines.
//! 3. A kernel larger than the algorithm's is cut into blocks of taps as large as a square, so that the inputs of block (i, j) are
//!    those of the square i rows and j columns further on: at each point, the blocks make a small convolution over squares, of the
//!    same inner loop as the direct one. A tile transforms the squares of its last rows and columns for their neighbours too.
//! 4. An infinite or NaN pixel reaches its whole square, not only the pixels under the kernel as in `conv2d`.

mod division;

use crate::mem::{Dst, Memory, Src};
use crate::micro::activation::{Activation, relu, tanh};
use crate::micro::border::Border;
use crate::micro::conv_tile::{ConvRows, Pixels, Place, Views, Walk};
use crate::micro::dot_tile::dot_rows;
use crate::micro::panels::{PANEL_OUTPUTS, Packing, panel_width};
use crate::micro::rows;
use crate::micro::stage::{Window, pixel_elems, stage_plane};
use crate::micro::statistics::{moments_of_rows, store_moments};
use crate::micro::winograd::{
    Algorithm, InputStrips, OutputTiles, Strides, Visitor, points, visit, weight_point,
    weight_points,
};
use crate::ops::conv::{Operands, check_channels};
use crate::ops::{Fault, MOST_COORDINATE, Op, product, scratch, tile_count, within};
use crate::record::{ConvWinograd, field};
use crate::simd::{F32x4, LANES};
use division::{BLOCKS_TOGETHER, Stages, Tile};

/// Applies the activation to what lies there; one for all algorithms.
#[inline(never)]
fn activate(y: Dst, activation: Activation) {
    match activation {
        Activation::None => {}
        Activation::Relu => rows::map(y.as_src(), y, relu),
        Activation::Tanh => rows::map(y.as_src(), y, tanh),
    }
}

/// Vectors of a point that are stored together, at most.
const MOST_PLACES: usize = 32;

impl ConvWinograd {
    /// Inputs of the tile's squares, and of those beyond that its kernels reach, to `stages.points`.
    fn transform_inputs<A: Algorithm>(
        &self,
        operands: &Operands,
        border: Border,
        tile: &Tile,
        stages: &Stages,
    ) {
        let (shape, load) = (self.x_shape(), operands.load(tile.n));
        let (in_rows, in_cols) = (
            tile.rows() + self.blocks().0 - 1,
            tile.cols() + self.blocks().1 - 1,
        );
        let window = Window {
            n: tile.n,
            top: (tile.rows.0 * A::STEP) as isize - self.pad_top as isize,
            rows: (in_rows - 1) * A::STEP + A::PATCH,
            row_step: 1,
            left: (tile.cols.0 * A::STEP) as isize - self.pad_left as isize,
            cols: (in_cols - 1) * A::STEP + A::PATCH,
            border,
        };
        let plane = window.rows * window.cols * LANES;
        let blocks = shape.channel_blocks();
        let layout = &stages.layout;
        // Strips of squares lie along rows. Of fewer than four channels, what is written next takes the place of the lanes that are none: it
        // must come later, which strips down the columns do.
        let turned = |[row, col]: [usize; 2]| match layout.stacked {
            true => [col, row],
            false => [row, col],
        };
        let strides = |rows_and_cols: [usize; 2]| {
            let [across, along] = turned(rows_and_cols);
            Strides { along, across }
        };
        let [lines, squares] = turned([in_rows, in_cols]);
        let px = strides([window.cols * LANES, LANES]);
        let points = strides([A::POINTS * stages.point_stride, stages.point_stride]);
        let mut strips = InputStrips::<A>::new();
        for first in (0..blocks).step_by(BLOCKS_TOGETHER) {
            let together = BLOCKS_TOGETHER.min(blocks - first);
            for i in 0..together {
                let to = stages.staged.slice(i * plane, plane);
                stage_plane(operands.x, &shape, &window, load, first + i, to);
            }
            let most = InputStrips::<A>::most(together).min(MOST_PLACES / together);
            let parts = squares.div_ceil(most);
            for (line, part) in (0..lines).flat_map(|line| (0..parts).map(move |i| (line, i))) {
                let [start, end] = [part, part + 1].map(|part| squares * part / parts);
                strips.clear(end - start);
                for i in 0..together {
                    let staged = stages.staged.as_src();
                    let from = i * plane + (line * px.across + start * px.along) * A::STEP;
                    strips.push(staged.slice(from, staged.len() - from), px);
                }
                let (mut places, mut count) = ([(0, 0); MOST_PLACES], 0);
                for square in start..end {
                    let [row, col] = turned([line, square]);
                    for at in layout.places(row, col) {
                        for i in 0..together {
                            if count == MOST_PLACES {
                                strips.store(stages.points, points, &places);
                                count = 0;
                            }
                            places[count] =
                                (strips.at(i, square - start), at + (first + i) * LANES);
                            count += 1;
                        }
                    }
                }
                strips.store(stages.points, points, &places[..count]);
            }
        }
    }

    /// Products of a group of outputs, for the inputs in `stages.points`.
    fn multiply<A: Algorithm>(
        &self,
        weight: Src,
        packing: Packing,
        tile: &Tile,
        outputs: (usize, usize),
        stages: &Stages,
    ) {
        let channels = pixel_elems(self.c as usize);
        let (blocks_h, blocks_w) = self.blocks();
        let squares = tile.rows() * tile.cols();
        let layout = &stages.layout;
        let (square, row) = (layout.square as usize, layout.row as usize);
        let walk = Walk {
            rows: if layout.stacked { 1 } else { blocks_h },
            row_stride: row,
            taps: 1,
            tap_stride: 0,
            run: blocks_w * square,
            px_stride: square,
            px_row_stride: row,
        };
        let steps = blocks_h * blocks_w * channels;
        // Squares of one block lie one after the other, whatever rows they make.
        let px = match (blocks_h, blocks_w) {
            (1, 1) if !layout.stacked => Pixels {
                rows: 1,
                cols: squares,
            },
            _ => Pixels {
                rows: tile.rows(),
                cols: tile.cols(),
            },
        };
        let place = Place {
            px_stride: points::<A>() * LANES,
            px_row_stride: px.cols * points::<A>() * LANES,
            plane: squares * points::<A>() * LANES,
            relu: false,
        };
        let panel_stride = weight_points::<A>() * steps * PANEL_OUTPUTS;
        // A last panel of four outputs lies closer than whole ones do.
        let last = (outputs.1 - 1) / PANEL_OUTPUTS * PANEL_OUTPUTS;
        let narrow = packing == Packing::Outputs
            && panel_width(packing, self.o as usize, last) < PANEL_OUTPUTS;
        let whole = if narrow { last } else { outputs.1 };
        // (from, to, width of a panel, how they are multiplied)
        let parts = [(outputs.0, whole), (whole, outputs.1)].map(|(first, end)| {
            let width = panel_width(packing, self.o as usize, first);
            let rows = (first < end && packing == Packing::Outputs).then(|| {
                let vectors = (end - first).div_ceil(LANES);
                ConvRows::new(&walk, &place, px, vectors, panel_stride)
            });
            (first, end, width, rows)
        });
        for point in 0..points::<A>() {
            let inputs = stages.points.as_src();
            let inputs = inputs.slice(point * stages.point_stride, stages.point_stride);
            for (first, end, width, rows) in &parts {
                if first == end {
                    continue;
                }
                let at = |point| {
                    let from = first * weight_points::<A>() + weight_point::<A>(point) * width;
                    from * steps
                };
                let weights = weight.slice(at(point), weight.len() - at(point));
                let square = (first - outputs.0) / LANES * squares;
                let y_from = (square * points::<A>() + point) * LANES;
                let y = stages.products;
                let y = y.slice(y_from, y.len() - y_from);
                match rows {
                    Some(rows) => {
                        // The next point's first panel of these outputs; after the last point, the next outputs'.
                        let then = match point + 1 {
                            next if next < points::<A>() => at(next),
                            _ => end * weight_points::<A>() * steps,
                        }
                        .min(weight.len());
                        let len = (weight.len() - then).min(steps * width);
                        rows.run(&Views {
                            a: inputs,
                            weights,
                            then: Some(weight.slice(then, len)),
                            bias: None,
                            y,
                        });
                    }
                    None => dot_rows(inputs, weights, None, y, &walk, &place, px, *width),
                }
            }
        }
    }

    /// Results of a group of outputs from `stages.products`, to y.
    fn transform_outputs<A: Algorithm>(
        &self,
        operands: &Operands,
        activation: Activation,
        tile: &Tile,
        outputs: (usize, usize),
        stages: &Stages,
    ) {
        let shape = self.y_shape();
        let squares = tile.rows() * tile.cols();
        let mut tiles = OutputTiles::<A>::new();
        for first in (outputs.0..outputs.1).step_by(LANES) {
            let bias = operands
                .bias
                .map_or(F32x4::splat(0.0), |bias| bias.load(first));
            for row in 0..tile.rows() {
                let y_row = (tile.rows.0 + row) * A::TILE;
                let rows = A::TILE.min(shape.h - y_row);
                for col in 0..tile.cols() {
                    let y_col = (tile.cols.0 + col) * A::TILE;
                    let cols = A::TILE.min(shape.w - y_col);
                    let at = (first - outputs.0) / LANES * squares + row * tile.cols() + col;
                    let m = stages.products.as_src();
                    let m = m.slice(at * points::<A>() * LANES, points::<A>() * LANES);
                    let at = shape.at(tile.n, first / LANES, y_row, y_col);
                    let y = operands.y.slice(at, operands.y.len() - at);
                    tiles.store(m, bias, y, shape.w * LANES, (rows, cols));
                }
                if activation != Activation::None {
                    let y_col = tile.cols.0 * A::TILE;
                    let cols = (tile.cols() * A::TILE).min(shape.w - y_col);
                    for row in y_row..y_row + rows {
                        let at = shape.at(tile.n, first / LANES, row, y_col);
                        let y = operands.y.slice(at, cols * LANES);
                        activate(y, activation);
                    }
                }
            }
            if let Some(moments) = operands.moments {
                let (y_row, y_col) = (tile.rows.0 * A::TILE, tile.cols.0 * A::TILE);
                let rows = (tile.rows() * A::TILE).min(shape.h - y_row);
                let cols = (tile.cols() * A::TILE).min(shape.w - y_col);
                let row = |row: usize| {
                    let at = shape.at(tile.n, first / LANES, y_row + row, y_col);
                    operands.y.as_src().slice(at, cols * LANES)
                };
                let plane = tile.n * shape.channel_blocks() + first / LANES;
                let part = plane * self.parts::<A>() as usize + tile.part;
                store_moments(moments_of_rows(rows, row), moments, part);
            }
        }
    }

    fn check_as<A: Algorithm>(&self, memory: &Memory) -> Result<u32, Fault> {
        for (field, blocks) in [
            (field!(Self, blocks_h), self.blocks_h),
            (field!(Self, blocks_w), self.blocks_w),
        ] {
            within(field, blocks, 1..=if A::BLOCKS { u32::MAX / 16 } else { 1 })?;
        }
        if A::TILE > A::STEP && self.border()? != Border::Constant {
            return Err(Fault::field(field!(Self, pad_mode), self.pad_mode));
        }
        self.operands::<A>(memory, self.packing()?)?;
        let last = |squares: u32, blocks: u32| {
            (u64::from(squares) + u64::from(blocks)) * A::STEP as u64 + A::PATCH as u64
        };
        let (rows, cols) = self.squares::<A>();
        for (field, pad, last) in [
            (
                field!(Self, pad_top),
                self.pad_top,
                last(rows, self.blocks_h),
            ),
            (
                field!(Self, pad_left),
                self.pad_left,
                last(cols, self.blocks_w),
            ),
        ] {
            if last + u64::from(pad) > MOST_COORDINATE {
                return Err(Fault::field(field, pad));
            }
        }
        let (tile_rows, tile_cols) = (self.tile_rows.min(rows), self.tile_cols.min(cols));
        let sizes = self.sizes::<A>(u64::from(tile_rows), u64::from(tile_cols))?;
        let bytes = sizes
            .point
            .checked_mul(points::<A>() as u64)
            .and_then(|floats| floats.checked_add(sizes.products))
            .and_then(|floats| floats.checked_add(sizes.staged))
            .and_then(|floats| floats.checked_mul(4))
            .ok_or(Fault::field(field!(Self, tile_cols), self.tile_cols))?;
        if u64::from(self.scratch_bytes) < bytes {
            return Err(Fault::plan(
                self.scratch_bytes,
                u32::try_from(bytes).unwrap_or(u32::MAX),
            ));
        }
        let (rows, cols, outputs) = self.grid::<A>();
        let tiles = [self.n, rows, cols, outputs].map(u64::from);
        let field = field!(Self, tile_rows);
        tile_count(field, product(field, self.tile_rows, &tiles)?, 1)
    }

    fn run_as<A: Algorithm>(&self, memory: &Memory, tile: u32, worker: u32) -> Result<(), Fault> {
        let (packing, activation) = (self.packing()?, self.activation()?);
        let operands = self.operands::<A>(memory, packing)?;
        let tile = self.tile::<A>(tile);
        let scratch = scratch(memory, self.scratch, self.scratch_bytes, worker)?;
        let stages = self.stages::<A>(scratch, &tile)?;
        self.transform_inputs::<A>(&operands, self.border()?, &tile, &stages);
        for group in (tile.outputs.0..tile.outputs.1).step_by(self.group_o as usize) {
            let end = group.saturating_add(self.group_o as usize);
            let outputs = (group, tile.outputs.1.min(end));
            self.multiply::<A>(operands.weight, packing, &tile, outputs, &stages);
            self.transform_outputs::<A>(&operands, activation, &tile, outputs, &stages);
        }
        Ok(())
    }
}

impl Op for ConvWinograd {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        struct Check<'a>(&'a ConvWinograd, &'a Memory);
        impl Visitor for Check<'_> {
            type Output = Result<u32, Fault>;
            fn visit<A: Algorithm>(self) -> Self::Output {
                self.0.check_as::<A>(self.1)
            }
        }
        let (c, o) = ((field!(Self, c), self.c), (field!(Self, o), self.o));
        check_channels(c, o, Some((field!(Self, group_o), self.group_o)))?;
        check_channels(c, o, Some((field!(Self, tile_o), self.tile_o)))?;
        within(field!(Self, tile_rows), self.tile_rows, 1..=u32::MAX)?;
        within(field!(Self, tile_cols), self.tile_cols, 1..=u32::MAX)?;
        self.activation()?;
        self.border()?;
        visit(self.algorithm, Check(self, memory))
            .ok_or(Fault::field(field!(Self, algorithm), self.algorithm))?
    }

    fn run_tile(&self, memory: &Memory, tile: u32, worker: u32) -> Result<(), Fault> {
        struct Run<'a>(&'a ConvWinograd, &'a Memory, u32, u32);
        impl Visitor for Run<'_> {
            type Output = Result<(), Fault>;
            fn visit<A: Algorithm>(self) -> Self::Output {
                let Self(op, memory, tile, worker) = self;
                op.run_as::<A>(memory, tile, worker)
            }
        }
        visit(self.algorithm, Run(self, memory, tile, worker))
            .ok_or(Fault::field(field!(Self, algorithm), self.algorithm))?
    }
}

#[cfg(test)]
mod tests;
