//! conv2d_winograd: 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3). A tile is some squares of 4x4 results of one
//! sample (in the order row, column; they need not make a rectangle) x output channels.
//!
//! ```text
//! for square, channel block { 36 points of its input }              // micro/winograd.rs -> scratch [point][square][channel]
//! for group of output channels {
//!     for point { for panel of 8 outputs { matrix product } }       // micro/conv_tile.rs -> scratch [point][4 outputs][square]
//!     for square { its results, bias, activation }                  // micro/winograd.rs -> y
//! }
//! ```
//! 1. A point's inputs stay in the first cache while panels stream past them; the group keeps products in the second.
//! 2. Points lie one cache line more than needed apart: distances of whole 4 KB would compete for the same few cache lines.
//! 3. An infinite or NaN pixel reaches its whole square, not only the pixels under the kernel as in `conv2d`.

use super::pack_conv2d_winograd::channels;
use crate::layout::Blocked;
use crate::mem::{Dst, Memory, Src};
use crate::micro::activation::Activation;
use crate::micro::border::{Border, map_index};
use crate::micro::conv_tile::{Place, Walk, conv_row};
use crate::micro::load::{Load, Plain};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, panel_width};
use crate::micro::winograd::{
    OUTSIDE, PATCH, POINTS, TILE, gather, input_pixels, input_tile, output_tile,
};
use crate::ops::conv::{LoadRefs, Operands, Refs, check_channels, leave_squares};
use crate::ops::{
    Fault, MOST_COORDINATE, Op, activation, border, product, scratch, tile_count, within,
};
use crate::record::{Conv2dWinograd, field};
use crate::simd::{F32x4, LANES};

/// Floats of a cache line, between points.
const GAP: usize = 16;
/// Channel blocks transformed together: a cache line of [square][channel].
const BLOCKS_TOGETHER: usize = 4;

/// Where a square lies.
struct Square {
    /// First row and column of its results
    row: usize,
    col: usize,
    /// How many rows and columns of results there are
    rows: usize,
    cols: usize,
}

/// The worker's scratch.
struct Stages {
    /// [point][square][channel]
    points: Dst,
    point_stride: usize,
    /// [point][4 outputs][square][4]
    products: Dst,
    product_stride: usize,
}

impl Conv2dWinograd {
    fn x_shape(&self) -> Blocked {
        Blocked::new(self.n, self.c, self.h, self.w)
    }

    fn y_shape(&self) -> Blocked {
        Blocked::new(self.n, self.o, self.out_h, self.out_w)
    }

    fn activation(&self) -> Result<Activation, Fault> {
        activation(field!(Self, activation), self.activation)
    }

    fn border(&self) -> Result<Border, Fault> {
        border(field!(Self, pad_mode), self.pad_mode)
    }

    fn operands(&self, memory: &Memory) -> Result<Operands, Fault> {
        let outputs = Packing::Outputs.packed_outputs(self.o as usize);
        let sizes = [outputs, channels(self.c as usize), PATCH, PATCH];
        Refs {
            x: (field!(Self, x), self.x),
            weight: (field!(Self, weight), self.weight),
            bias: (field!(Self, bias), self.bias),
            y: (field!(Self, y), self.y),
            x_shape: self.x_shape(),
            y_shape: self.y_shape(),
            weight_sizes: sizes.map(|size| size as u64),
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

    /// Floats between points of inputs, and of products.
    fn strides(&self) -> Result<(u64, u64), Fault> {
        let (squares, field) = (u64::from(self.squares), field!(Self, squares));
        let of = |size: u64| product(field, self.squares, &[squares, size]);
        Ok((
            of(channels(self.c as usize) as u64)? + GAP as u64,
            of(u64::from(self.group_o))? + GAP as u64,
        ))
    }

    /// Squares of a row, of a column.
    fn squares_across(&self) -> (u32, u32) {
        (
            self.out_w.div_ceil(TILE as u32),
            self.out_h.div_ceil(TILE as u32),
        )
    }

    /// Squares of a sample.
    fn all_squares(&self) -> u64 {
        let (across, down) = self.squares_across();
        u64::from(across) * u64::from(down)
    }

    /// Tiles of a plane.
    fn parts(&self) -> u64 {
        self.all_squares().div_ceil(u64::from(self.squares))
    }

    fn square(&self, index: usize) -> Square {
        let across = self.squares_across().0 as usize;
        let (row, col) = (index / across * TILE, index % across * TILE);
        Square {
            row,
            col,
            rows: TILE.min(self.out_h as usize - row),
            cols: TILE.min(self.out_w as usize - col),
        }
    }

    /// The stages of a worker.
    fn stages(&self, scratch: Dst) -> Result<Stages, Fault> {
        let (point_stride, product_stride) = self.strides()?;
        let (point_stride, product_stride) = (point_stride as usize, product_stride as usize);
        Ok(Stages {
            points: scratch.slice(0, POINTS * point_stride),
            point_stride,
            products: scratch.slice(POINTS * point_stride, POINTS * product_stride),
            product_stride,
        })
    }

    /// Inputs of the squares, to `stages.points`; x is the sample's.
    fn transform_inputs<L: Load>(
        &self,
        x: Src,
        border: Border,
        load: L,
        squares: (usize, usize),
        stages: &Stages,
    ) {
        let shape = self.x_shape();
        let (blocks, plane) = (shape.channel_blocks(), shape.plane_px() * LANES);
        for from in (0..blocks).step_by(BLOCKS_TOGETHER) {
            for index in squares.0..squares.1 {
                let square = self.square(index);
                let patch = Patch::new(&square, self, border);
                for block in from..blocks.min(from + BLOCKS_TOGETHER) {
                    let at = (index - squares.0) * channels(shape.c) + block * LANES;
                    let to = stages.points.slice(at, stages.points.len() - at);
                    let x = x.slice(block * plane, plane);
                    let (lanes, channels) = (shape.lanes_in(block), load.channels(block));
                    let load = |x| L::apply(channels, x);
                    if let (Some(at), LANES) = (patch.inside, lanes) {
                        let x = x.slice(at, plane - at);
                        input_tile(x, shape.w * LANES, load, to, stages.point_stride);
                    } else {
                        let mut pixels = gather(x, &patch.rows, &patch.cols, load);
                        clear_foreign_lanes(&mut pixels, lanes);
                        let get = |row, col| pixels[row * PATCH + col];
                        input_pixels(get, to, stages.point_stride);
                    }
                }
            }
        }
    }

    /// Products of a group of outputs, for the squares in `stages.points`.
    fn multiply(&self, weight: Src, squares: usize, outputs: (usize, usize), stages: &Stages) {
        let (o, c) = (self.o as usize, channels(self.c as usize));
        let walk = Walk {
            rows: 1,
            row_stride: 0,
            taps: 1,
            tap_stride: 0,
            run: c,
            px_stride: c,
        };
        let plane = self.squares as usize * LANES;
        for point in 0..POINTS {
            let at = point * stages.point_stride;
            let a = stages.points.as_src().slice(at, stages.point_stride);
            for first in (outputs.0..outputs.1).step_by(PANEL_OUTPUTS) {
                let width = panel_width(Packing::Outputs, o, first);
                let w = weight.slice((first * POINTS + point * width) * c, width * c);
                let place = Place {
                    at: point * stages.product_stride + (first - outputs.0) / LANES * plane,
                    px_stride: LANES,
                    plane,
                    relu: false,
                };
                conv_row(
                    a,
                    w,
                    None,
                    stages.products,
                    &walk,
                    &place,
                    squares,
                    width / LANES,
                );
            }
        }
    }

    /// Results of a group of outputs from `stages.products`, to y.
    fn transform_outputs(
        &self,
        operands: &Operands,
        activation: Activation,
        n: usize,
        squares: (usize, usize),
        outputs: (usize, usize),
        stages: &Stages,
    ) {
        let shape = self.y_shape();
        let plane = self.squares as usize * LANES;
        for first in (outputs.0..outputs.1).step_by(LANES) {
            let bias = operands
                .bias
                .map_or(F32x4::splat(0.0), |bias| bias.load(first));
            for index in squares.0..squares.1 {
                let square = self.square(index);
                let at = (first - outputs.0) / LANES * plane + (index - squares.0) * LANES;
                let m = stages
                    .products
                    .as_src()
                    .slice(at, stages.products.len() - at);
                let at = shape.at(n, first / LANES, square.row, square.col);
                let y = operands.y.slice(at, operands.y.len() - at);
                output_tile(
                    m,
                    stages.product_stride,
                    bias,
                    activation,
                    y,
                    shape.w * LANES,
                    square.rows,
                    square.cols,
                );
            }
            if let Some(moments) = operands.moments {
                let plane = n * shape.channel_blocks() + first / LANES;
                let part = plane * self.parts() as usize + squares.0 / self.squares as usize;
                let y = (operands.y, &shape);
                leave_squares((moments, part), y, (n, first / LANES), TILE, squares);
            }
        }
    }
}

/// Where the 6x6 pixels under a square lie, in floats of their plane.
struct Patch {
    /// The first, where all of them lie in the picture
    inside: Option<usize>,
    rows: [usize; PATCH],
    cols: [usize; PATCH],
}

impl Patch {
    #[inline(always)]
    fn new(square: &Square, record: &Conv2dWinograd, border: Border) -> Self {
        let (h, w) = (record.h as usize, record.w as usize);
        let top = square.row as isize - record.pad_top as isize;
        let left = square.col as isize - record.pad_left as isize;
        let fits = |from: isize, size: usize| from >= 0 && from as usize + PATCH <= size;
        // Pixels that no result asks for are zeros, whatever the border: nothing beyond the padding is read.
        let map = |from: isize, results: usize, size: usize, step: usize| {
            core::array::from_fn(|i| {
                if i >= results + PATCH - TILE {
                    return OUTSIDE;
                }
                match map_index(from + i as isize, size, border) {
                    ..0 => OUTSIDE,
                    index => index as usize * step,
                }
            })
        };
        Self {
            inside: (fits(top, h) && fits(left, w))
                .then(|| (top as usize * w + left as usize) * LANES),
            rows: map(top, square.rows, h, w * LANES),
            cols: map(left, square.cols, w, LANES),
        }
    }
}

/// Lanes past C become zeros.
#[inline(always)]
fn clear_foreign_lanes(pixels: &mut [F32x4; POINTS], lanes: usize) {
    if lanes < LANES {
        for pixel in pixels {
            let mut there = pixel.to_array();
            there[lanes..].fill(0.0);
            *pixel = F32x4::new(there);
        }
    }
}

impl Op for Conv2dWinograd {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        let (c, o) = ((field!(Self, c), self.c), (field!(Self, o), self.o));
        check_channels(c, o, Some((field!(Self, group_o), self.group_o)))?;
        check_channels(c, o, Some((field!(Self, tile_o), self.tile_o)))?;
        within(field!(Self, squares), self.squares, 1..=u32::MAX)?;
        self.activation()?;
        self.border()?;
        self.operands(memory)?;
        for (field, pad, out) in [
            (field!(Self, pad_top), self.pad_top, self.out_h),
            (field!(Self, pad_left), self.pad_left, self.out_w),
        ] {
            if u64::from(out) + u64::from(pad) + PATCH as u64 > MOST_COORDINATE {
                return Err(Fault::field(field, pad));
            }
        }
        let (point_stride, product_stride) = self.strides()?;
        let floats = point_stride
            .checked_add(product_stride)
            .ok_or(Fault::field(field!(Self, squares), self.squares))?;
        let bytes = product(
            field!(Self, squares),
            self.squares,
            &[floats, POINTS as u64, 4],
        )?;
        if u64::from(self.scratch_bytes) < bytes {
            return Err(Fault::plan(
                self.scratch_bytes,
                u32::try_from(bytes).unwrap_or(u32::MAX),
            ));
        }
        let outputs = u64::from(self.o.div_ceil(self.tile_o));
        let sizes = [self.n.into(), self.parts(), outputs];
        let tiles = product(field!(Self, squares), self.squares, &sizes)?;
        tile_count(field!(Self, squares), tiles, 1)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, worker: u32) -> Result<(), Fault> {
        let (activation, border) = (self.activation()?, self.border()?);
        let operands = self.operands(memory)?;
        let stages = self.stages(scratch(memory, self.scratch, self.scratch_bytes, worker)?)?;
        let parts = self.o.div_ceil(self.tile_o);
        let blocks = self.parts() as usize;
        let (n, block) = (
            (tile / parts) as usize / blocks,
            (tile / parts) as usize % blocks,
        );
        let first = block * self.squares as usize;
        let all = self.all_squares() as usize;
        let squares = (first, all.min(first.saturating_add(self.squares as usize)));
        let from = tile % parts * self.tile_o;
        let to = self.o.min(from.saturating_add(self.tile_o)) as usize;
        let sample = operands.x.len() / self.n as usize;
        let x = operands.x.slice(n * sample, sample);
        match operands.load(n) {
            None => self.transform_inputs(x, border, Plain, squares, &stages),
            Some(load) => self.transform_inputs(x, border, load, squares, &stages),
        }
        for group in (from as usize..to).step_by(self.group_o as usize) {
            let outputs = (group, to.min(group.saturating_add(self.group_o as usize)));
            self.multiply(operands.weight, squares.1 - squares.0, outputs, &stages);
            self.transform_outputs(&operands, activation, n, squares, outputs, &stages);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
