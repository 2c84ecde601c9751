//! conv_winograd: convolution, or transposed convolution, by one of Winograd's algorithms (`micro/winograd/algorithms.rs`). A square is
//! what an algorithm computes at once, such as 4x4 results; a tile is some rows x columns of squares x output channels of one sample.
//!
//! ```text
//! for some channel blocks {
//!     stage what lies under the squares, border included, mapped    // micro/stage.rs
//!     for square, channel block { its points }                          // micro/winograd.rs -> scratch [point][square][channel]
//! }
//! for group of output channels {
//!     for point { for panel of 8 outputs { matrix product } }           // micro/conv_tile.rs -> scratch [4 outputs][square][point]
//!     for square { its results, bias, program }; their moments       // micro/winograd.rs -> y
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
use crate::micro::border::Border;
use crate::micro::conv_tile::{ConvRows, Pixels, Place, Views, Walk};
use crate::micro::dot_tile::dot_rows;
use crate::micro::epilogue::{ChannelStep, step_row};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, panel_width};
use crate::micro::pointwise::Buffers;
use crate::micro::stage::{Window, pixel_elems, stage_plane};
use crate::micro::statistics::{moments_of_rows, store_moments};
use crate::micro::winograd::{Algorithm2d, Axis, InputStrips, OutputTiles, SquareRow, Strides};
use crate::ops::conv::Operands;
use crate::ops::{Fault, MOST_COORDINATE, Op, product, tile_count, within};
use crate::record::{ConvWinograd, field};
use crate::simd::{F32x4, LANES};
use division::{BLOCKS_TOGETHER, Stages, Tile};

/// Vectors of a point that are stored together, at most.
const MOST_PLACES: usize = 32;

impl ConvWinograd {
    /// Inputs of the tile's squares, and of those beyond that its kernels reach, to `stages.points`.
    fn transform_inputs(
        &self,
        algorithm: &'static Algorithm2d,
        operands: &Operands,
        border: Border,
        tile: &Tile,
        stages: &Stages,
    ) {
        let Algorithm2d {
            vertical,
            horizontal,
            ..
        } = algorithm;
        let (in_rows, in_cols) = (
            tile.rows() + self.blocks().0 - 1,
            tile.cols() + self.blocks().1 - 1,
        );
        let window = Window {
            n: tile.n,
            top: (tile.rows.0 * vertical.step) as isize - self.pad_top as isize,
            rows: vertical.px(in_rows),
            row_step: 1,
            left: (tile.cols.0 * horizontal.step) as isize - self.pad_left as isize,
            cols: horizontal.px(in_cols),
            border,
        };
        let (shape, load) = (self.frame.x_shape(), operands.load(tile.n));
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
        let px_row = window.cols * LANES;
        let px = strides([px_row, LANES]);
        let points = strides([horizontal.points * stages.point_stride, stages.point_stride]);
        let [line_step, square_step] = turned([vertical.step * px_row, horizontal.step * LANES]);
        let mut strips = InputStrips::new(algorithm, layout.stacked);
        for first in (0..blocks).step_by(BLOCKS_TOGETHER) {
            let together = BLOCKS_TOGETHER.min(blocks - first);
            for i in 0..together {
                let to = stages.staged.slice(i * plane, plane);
                stage_plane(operands.x, &shape, &window, load, first + i, to);
            }
            let most = strips.most(together).min(MOST_PLACES / together);
            let parts = squares.div_ceil(most);
            for (line, part) in (0..lines).flat_map(|line| (0..parts).map(move |i| (line, i))) {
                let [start, end] = [part, part + 1].map(|part| squares * part / parts);
                strips.clear(end - start);
                for i in 0..together {
                    let staged = stages.staged.as_src();
                    let from = i * plane + line * line_step + start * square_step;
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
    fn multiply(
        &self,
        algorithm: &Algorithm2d,
        weight: Src,
        packing: Packing,
        tile: &Tile,
        outputs: (usize, usize),
        stages: &Stages,
    ) {
        let channels = pixel_elems(self.frame.c as usize);
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
            px_stride: algorithm.points() * LANES,
            px_row_stride: px.cols * algorithm.points() * LANES,
            plane: squares * algorithm.points() * LANES,
        };
        let panel_stride = algorithm.weights() * steps * PANEL_OUTPUTS;
        // A last panel of four outputs lies closer than whole ones do.
        let last = (outputs.1 - 1) / PANEL_OUTPUTS * PANEL_OUTPUTS;
        let narrow = packing == Packing::Outputs
            && panel_width(packing, self.frame.o as usize, last) < PANEL_OUTPUTS;
        let whole = if narrow { last } else { outputs.1 };
        // (from, to, width of a panel, how they are multiplied)
        let parts = [(outputs.0, whole), (whole, outputs.1)].map(|(first, end)| {
            let width = panel_width(packing, self.frame.o as usize, first);
            let rows = (first < end && packing == Packing::Outputs).then(|| {
                let vectors = (end - first).div_ceil(LANES);
                ConvRows::new(&walk, &place, px, vectors, panel_stride)
            });
            (first, end, width, rows)
        });
        for point in 0..algorithm.points() {
            let inputs = stages.points.as_src();
            let inputs = inputs.slice(point * stages.point_stride, stages.point_stride);
            for (first, end, width, rows) in &parts {
                if first == end {
                    continue;
                }
                let at = |point| {
                    let from = first * algorithm.weights() + algorithm.weight_point(point) * width;
                    from * steps
                };
                let weights = weight.slice(at(point), weight.len() - at(point));
                let square = (first - outputs.0) / LANES * squares;
                let y_from = (square * algorithm.points() + point) * LANES;
                let y = stages.products;
                let y = y.slice(y_from, y.len() - y_from);
                match rows {
                    Some(rows) => {
                        // The next point's first panel of these outputs; after the last point, the next outputs'.
                        let then = match point + 1 {
                            next if next < algorithm.points() => at(next),
                            _ => end * algorithm.weights() * steps,
                        }
                        .min(weight.len());
                        let len = (weight.len() - then).min(steps * width);
                        rows.run(&Views {
                            a: inputs,
                            weights,
                            then: Some(weight.slice(then, len)),
                            bias: None,
                            step: (ChannelStep::Nothing, 0),
                            y,
                        });
                    }
                    None => dot_rows(inputs, weights, None, y, &walk, &place, px, *width),
                }
            }
        }
    }

    /// Results of a group of outputs from `stages.products`, to y.
    fn transform_outputs(
        &self,
        algorithm: &'static Algorithm2d,
        operands: &Operands,
        buffers: &mut Buffers,
        tile: &Tile,
        outputs: (usize, usize),
        stages: &Stages,
    ) {
        let shape = self.frame.y_shape();
        let passing = &operands.passing;
        let squares = tile.rows() * tile.cols();
        let mut tiles = OutputTiles::new(algorithm);
        let (tile_h, tile_w) = (algorithm.vertical.tile, algorithm.horizontal.tile);
        let y_col = tile.cols.0 * tile_w;
        let cols = (tile.cols() * tile_w).min(shape.w - y_col);
        for first in (outputs.0..outputs.1).step_by(LANES) {
            let bias = operands
                .bias
                .map_or(F32x4::splat(0.0), |bias| bias.load(first));
            let step = passing.step(tile.n).of(first / LANES, 1);
            for row in 0..tile.rows() {
                let y_row = (tile.rows.0 + row) * tile_h;
                let rows = tile_h.min(shape.h - y_row);
                let at = (first - outputs.0) / LANES * squares + row * tile.cols();
                let products = tile.cols() * algorithm.points() * LANES;
                let m = stages.products.as_src();
                let m = m.slice(at * algorithm.points() * LANES, products);
                let at = shape.at(tile.n, first / LANES, y_row, y_col);
                tiles.store(&SquareRow {
                    m,
                    bias,
                    y: operands.y.slice(at, operands.y.len() - at),
                    row_stride: shape.w * LANES,
                    rows,
                    cols,
                });
                let passes = if passing.is_empty() { 0 } else { rows };
                for row in y_row..y_row + passes {
                    let at = shape.at(tile.n, first / LANES, row, y_col);
                    let y = operands.y.slice(at, cols * LANES);
                    step_row(y, step);
                    let at = (row * shape.w + y_col) * LANES;
                    passing.row((tile.n, first / LANES), at, y, buffers);
                }
            }
            if let Some(moments) = operands.moments {
                let y_row = tile.rows.0 * tile_h;
                let rows = (tile.rows() * tile_h).min(shape.h - y_row);
                let row = |row: usize| {
                    let at = shape.at(tile.n, first / LANES, y_row + row, y_col);
                    operands.y.as_src().slice(at, cols * LANES)
                };
                let plane = tile.n * shape.channel_blocks() + first / LANES;
                let part = plane * self.parts(algorithm) as usize + tile.part;
                store_moments(moments_of_rows(rows, row), moments, part);
            }
        }
    }
}

impl Op for ConvWinograd {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        self.frame
            .check(Some((field!(Self, group_o), self.group_o)))?;
        self.frame
            .check(Some((field!(Self, tile_o), self.tile_o)))?;
        within(field!(Self, tile_rows), self.tile_rows, 1..=u32::MAX)?;
        within(field!(Self, tile_cols), self.tile_cols, 1..=u32::MAX)?;
        self.border()?;
        let algorithm = self.algorithm()?;
        let Algorithm2d {
            vertical,
            horizontal,
            ..
        } = algorithm;
        let most = |blocks: bool| if blocks { u32::MAX / 16 } else { 1 };
        let [most_h, most_w] = [vertical.blocks, horizontal.blocks].map(most);
        within(field!(Self, blocks_h), self.blocks_h, 1..=most_h)?;
        within(field!(Self, blocks_w), self.blocks_w, 1..=most_w)?;
        if algorithm.transposed() && self.border()? != Border::Constant {
            return Err(Fault::field(field!(Self, pad_mode), self.pad_mode));
        }
        self.operands(memory, algorithm, self.packing()?)?;
        let (rows, cols) = self.squares(algorithm);
        let end = |axis: &Axis, squares: u32, blocks: u32| {
            (u64::from(squares) + u64::from(blocks)) * axis.step as u64 + axis.patch as u64
        };
        for (field, pad, end) in [
            (
                field!(Self, pad_top),
                self.pad_top,
                end(vertical, rows, self.blocks_h),
            ),
            (
                field!(Self, pad_left),
                self.pad_left,
                end(horizontal, cols, self.blocks_w),
            ),
        ] {
            if end + u64::from(pad) > MOST_COORDINATE {
                return Err(Fault::field(field, pad));
            }
        }
        let (tile_rows, tile_cols) = (self.tile_rows.min(rows), self.tile_cols.min(cols));
        let sizes = self.sizes(algorithm, u64::from(tile_rows), u64::from(tile_cols))?;
        let bytes = sizes
            .point
            .checked_mul(algorithm.points() as u64)
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
        let (rows, cols, outputs) = self.grid(algorithm);
        let tiles = [self.frame.n, rows, cols, outputs].map(u64::from);
        let field = field!(Self, tile_rows);
        tile_count(field, product(field, self.tile_rows, &tiles)?, 1)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, scratch: Dst) -> Result<(), Fault> {
        let algorithm = self.algorithm()?;
        let packing = self.packing()?;
        let operands = self.operands(memory, algorithm, packing)?;
        let tile = self.tile(algorithm, tile);
        let stages = self.stages(algorithm, scratch, &tile)?;
        let mut buffers = Buffers::new();
        self.transform_inputs(algorithm, &operands, self.border()?, &tile, &stages);
        for group in (tile.outputs.0..tile.outputs.1).step_by(self.group_o as usize) {
            let end = group.saturating_add(self.group_o as usize);
            let outputs = (group, tile.outputs.1.min(end));
            self.multiply(algorithm, operands.weight, packing, &tile, outputs, &stages);
            self.transform_outputs(algorithm, &operands, &mut buffers, &tile, outputs, &stages);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
