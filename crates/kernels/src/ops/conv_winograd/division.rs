//! How conv_winograd's work is divided: tiles of squares, and what lies where in a worker's scratch.

use crate::mem::{Dst, Memory};
use crate::micro::border::Border;
use crate::micro::panels::Packing;
use crate::micro::stage::pixel_elems;
use crate::micro::winograd::{Algorithm2d, Axis};
use crate::ops::conv::{Operands, part};
use crate::ops::{Fault, border, product, winograd_algorithm};
use crate::record::{ConvWinograd, field};
use crate::simd::LANES;

/// Floats of a cache line, between points.
pub(super) const GAP: usize = 16;
/// Channel blocks transformed together: a cache line of [square][channel].
pub(super) const BLOCKS_TOGETHER: usize = 4;

/// A tile: from, to (exclusive); rows and columns count squares.
pub(super) struct Tile {
    pub(super) n: usize,
    pub(super) rows: (usize, usize),
    pub(super) cols: (usize, usize),
    pub(super) outputs: (usize, usize),
    /// Which of the tiles of a plane
    pub(super) part: usize,
}

impl Tile {
    pub(super) fn rows(&self) -> usize {
        self.rows.1 - self.rows.0
    }

    pub(super) fn cols(&self) -> usize {
        self.cols.1 - self.cols.0
    }
}

/// How the points of a tile's inputs lie, in floats: at each point, [row][column][channel] of squares. Of fewer than four channels, whose
/// runs would be short, [row][column][block row][channel]: what a result needs of the squares of a column is together.
#[derive(Clone, Copy)]
pub(super) struct PointLayout {
    /// Whether a square holds the rows of squares below it too, one for each row of blocks
    pub(super) stacked: bool,
    /// Those rows, or 1
    pub(super) copies: u64,
    pub(super) channels: u64,
    /// From one square to the next
    pub(super) square: u64,
    /// From one row of squares to the next
    pub(super) row: u64,
    /// Rows of squares
    pub(super) rows: u64,
}

impl PointLayout {
    /// Where the points of an input square go.
    pub(super) fn places(self, row: usize, col: usize) -> impl Iterator<Item = usize> {
        let [copies, channels, square, next, rows] =
            [self.copies, self.channels, self.square, self.row, self.rows]
                .map(|size| size as usize);
        (0..copies)
            .filter(move |&above| above <= row && row - above < rows)
            .map(move |above| (row - above) * next + col * square + above * channels)
    }
}

/// Sizes of the parts of a worker's scratch, in floats.
pub(super) struct Sizes {
    /// What lies under the squares, of the channel blocks transformed together
    pub(super) staged: u64,
    pub(super) layout: PointLayout,
    /// From one point of the inputs to the next
    pub(super) point: u64,
    /// Products
    pub(super) products: u64,
}

/// The worker's scratch.
pub(super) struct Stages {
    /// [channel block][row][column][4]
    pub(super) staged: Dst,
    pub(super) layout: PointLayout,
    /// [point] as in `layout`
    pub(super) points: Dst,
    pub(super) point_stride: usize,
    /// [4 outputs][square][point][4]
    pub(super) products: Dst,
}

impl ConvWinograd {
    pub(super) fn packing(&self) -> Result<Packing, Fault> {
        Packing::from_word(self.packing, self.frame.c as usize, self.frame.o as usize)
            .ok_or(Fault::field(field!(Self, packing), self.packing))
    }

    pub(super) fn border(&self) -> Result<Border, Fault> {
        border(field!(Self, pad_mode), self.pad_mode)
    }

    /// Blocks of taps, rows and columns of them.
    pub(super) fn blocks(&self) -> (usize, usize) {
        (self.blocks_h as usize, self.blocks_w as usize)
    }

    pub(super) fn algorithm(&self) -> Result<&'static Algorithm2d, Fault> {
        winograd_algorithm(field!(Self, algorithm), self.algorithm)
    }

    pub(super) fn operands(
        &self,
        memory: &Memory,
        algorithm: &Algorithm2d,
        packing: Packing,
    ) -> Result<Operands, Fault> {
        let outputs = packing.packed_outputs(self.frame.o as usize) as u64;
        let blocks = u64::from(self.blocks_h) * u64::from(self.blocks_w);
        let channels = pixel_elems(self.frame.c as usize) as u64;
        let weight = [outputs, channels, blocks, algorithm.weights() as u64];
        let passed = (&self.program, &self.epilogue);
        self.frame.operands(
            memory,
            (weight, self.parts(algorithm)),
            &self.loading,
            passed,
        )
    }

    /// Rows and columns of squares in the output.
    pub(super) fn squares(&self, algorithm: &Algorithm2d) -> (u32, u32) {
        (
            self.frame.out_h.div_ceil(algorithm.vertical.tile as u32),
            self.frame.out_w.div_ceil(algorithm.horizontal.tile as u32),
        )
    }

    /// Tiles along rows, columns, output channels.
    pub(super) fn grid(&self, algorithm: &Algorithm2d) -> (u32, u32, u32) {
        let (rows, cols) = self.squares(algorithm);
        (
            rows.div_ceil(self.tile_rows),
            cols.div_ceil(self.tile_cols),
            self.frame.o.div_ceil(self.tile_o),
        )
    }

    /// Tiles of a plane.
    pub(super) fn parts(&self, algorithm: &Algorithm2d) -> u64 {
        let (rows, cols, _) = self.grid(algorithm);
        u64::from(rows) * u64::from(cols)
    }

    pub(super) fn tile(&self, algorithm: &Algorithm2d, tile: u32) -> Tile {
        let (rows, cols, outputs) = self.grid(algorithm);
        let (all_rows, all_cols) = self.squares(algorithm);
        Tile {
            n: (tile / outputs / cols / rows) as usize,
            rows: part(tile / outputs / cols % rows, self.tile_rows, all_rows),
            cols: part(tile / outputs % cols, self.tile_cols, all_cols),
            outputs: part(tile % outputs, self.tile_o, self.frame.o),
            part: (tile / outputs % (rows * cols)) as usize,
        }
    }

    /// Sizes for a tile of so many rows and columns of squares.
    pub(super) fn sizes(
        &self,
        algorithm: &Algorithm2d,
        rows: u64,
        cols: u64,
    ) -> Result<Sizes, Fault> {
        let of = |sizes: &[u64]| product(field!(Self, tile_cols), self.tile_cols, sizes);
        let channels = pixel_elems(self.frame.c as usize);
        let together = channels.div_ceil(LANES).min(BLOCKS_TOGETHER) as u64;
        let in_rows = rows + u64::from(self.blocks_h) - 1;
        let in_cols = cols + u64::from(self.blocks_w) - 1;
        let px = |squares: u64, axis: &Axis| {
            Ok(of(&[squares - 1, axis.step as u64])? + axis.patch as u64)
        };
        let px_rows = px(in_rows, &algorithm.vertical)?;
        let px_cols = px(in_cols, &algorithm.horizontal)?;
        let stacked = channels < LANES;
        let layout = match stacked {
            true => {
                let square = of(&[u64::from(self.blocks_h), channels as u64])?;
                PointLayout {
                    stacked,
                    copies: u64::from(self.blocks_h),
                    channels: channels as u64,
                    square,
                    // The lanes that are no channels are written too.
                    row: of(&[in_cols, square])? + LANES as u64,
                    rows,
                }
            }
            false => PointLayout {
                stacked,
                copies: 1,
                channels: channels as u64,
                square: channels as u64,
                row: of(&[in_cols, channels as u64])?,
                rows: in_rows,
            },
        };
        Ok(Sizes {
            layout,
            staged: of(&[together, px_rows, px_cols, LANES as u64])?,
            point: of(&[layout.rows, layout.row])? + GAP as u64,
            products: of(&[
                rows,
                cols,
                u64::from(self.group_o),
                algorithm.points() as u64,
            ])?,
        })
    }

    /// The stages of a worker.
    pub(super) fn stages(
        &self,
        algorithm: &Algorithm2d,
        scratch: Dst,
        tile: &Tile,
    ) -> Result<Stages, Fault> {
        let sizes = self.sizes(algorithm, tile.rows() as u64, tile.cols() as u64)?;
        // No larger than those of a whole tile, which were checked against the scratch.
        let [staged, point_stride, products] =
            [sizes.staged, sizes.point, sizes.products].map(|size| size as usize);
        let points_at = staged;
        let products_at = points_at + algorithm.points() * point_stride;
        Ok(Stages {
            layout: sizes.layout,
            staged: scratch.slice(0, staged),
            points: scratch.slice(points_at, algorithm.points() * point_stride),
            point_stride,
            products: scratch.slice(products_at, products),
        })
    }
}
