//! The three transforms of Winograd's algorithms in two dimensions, each of four channels in the lanes. The products between them
//! are a matrix product for each point (`conv_tile.rs`, `dot_tile.rs`).
//!
//! ```text
//! y = A [ (G g G') * (B d B') ] A'          one axis: algorithms.rs; * by element
//! ```
//! Loops over a square's rows and columns have constant counts, and the compiler unrolls them. What lies between the two passes is in memory:
//! there is more of it than registers, and V8 stores and loads more often what it has to choose itself.

mod algorithms;
mod input;

pub use input::{InputStrips, Strides};

use core::mem::MaybeUninit;

use super::reach::{reach, span};
use crate::mem::{Dst, Src};
use crate::simd::{F32x4, LANES};
use algorithms::{
    Algorithm, F3x3, F4x3, F4x4, F5x3, F5x5, Factors, Line, MOST, Numbers, Stride2, Transposed2,
    factors,
};
use input::InputPasses;

/// Sizes of an algorithm along one axis.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Inputs under a square
    pub patch: usize,
    /// Products
    pub points: usize,
    /// Results of a square
    pub tile: usize,
    /// Inputs from one square to the next
    pub step: usize,
    /// Taps of a kernel, or of a block of it
    pub taps: usize,
    /// Products that have weights of their own: those after the last share its weight
    pub weights: usize,
    /// Whether kernels of more taps may be cut into blocks
    pub blocks: bool,
    input: Numbers,
    output: Numbers,
}

impl Axis {
    const fn of<A: Algorithm>() -> Self {
        Self {
            patch: A::PATCH,
            points: A::POINTS,
            tile: A::TILE,
            step: A::STEP,
            taps: A::TAPS,
            weights: A::WEIGHTS,
            blocks: A::TAPS == A::TILE && A::TILE == A::STEP,
            input: A::INPUT,
            output: A::OUTPUT,
        }
    }

    /// Inputs under so many squares.
    pub const fn px(&self, squares: usize) -> usize {
        (squares - 1) * self.step + self.patch
    }
}

/// An algorithm of two dimensions: one along each axis. A square is what it computes at once, such as 4x4 or 4x5 results.
pub struct Algorithm2d {
    /// Down the columns
    pub vertical: Axis,
    /// Along the rows
    pub horizontal: Axis,
    /// Of strips along rows, and of strips down columns
    input: [InputPasses; 2],
    output: fn(&mut OutputTiles, &SquareRow),
    weight: fn(&Taps, &mut WeightPoints),
}

impl Algorithm2d {
    const fn of<V: Algorithm, H: Algorithm>() -> Self {
        Self {
            vertical: Axis::of::<V>(),
            horizontal: Axis::of::<H>(),
            input: [InputPasses::of::<V, H>(), InputPasses::of::<H, V>()],
            output: output::<V, H>,
            weight: weight::<V, H>,
        }
    }

    /// Products of a square.
    pub const fn points(&self) -> usize {
        self.vertical.points * self.horizontal.points
    }

    /// Products of a square that have weights of their own.
    pub const fn weights(&self) -> usize {
        self.vertical.weights * self.horizontal.weights
    }

    /// Which weights product `point` takes.
    pub fn weight_point(&self, point: usize) -> usize {
        let (row, col) = (
            point / self.horizontal.points,
            point % self.horizontal.points,
        );
        let row = row.min(self.vertical.weights - 1);
        row * self.horizontal.weights + col.min(self.horizontal.weights - 1)
    }

    /// Whether it is a transposed convolution: a square has more results than there are inputs from it to the next.
    pub const fn transposed(&self) -> bool {
        self.vertical.tile > self.vertical.step
    }

    /// Transforms the weights of four outputs or channels.
    pub fn transform_weights(&self, g: &Taps, points: &mut WeightPoints) {
        (self.weight)(g, points);
    }
}

/// By the number that a record's field has.
static ALGORITHMS: [Algorithm2d; 7] = [
    Algorithm2d::of::<F4x3, F4x3>(),
    Algorithm2d::of::<F3x3, F3x3>(),
    Algorithm2d::of::<F4x4, F4x4>(),
    Algorithm2d::of::<Stride2, Stride2>(),
    Algorithm2d::of::<Transposed2, Transposed2>(),
    Algorithm2d::of::<F4x3, F5x3>(),
    Algorithm2d::of::<F5x5, F3x3>(),
];

/// The algorithm that a record's field names, if there is one.
pub fn algorithm(word: u32) -> Option<&'static Algorithm2d> {
    ALGORITHMS.get(word as usize)
}

/// The first `n` numbers.
#[inline(always)]
fn line(n: usize, get: impl Fn(usize) -> F32x4) -> Line {
    core::array::from_fn(|i| if i < n { get(i) } else { F32x4::splat(0.0) })
}

/// Products to results, four channels in the lanes.
pub struct OutputTiles {
    /// Between the two passes, [column of points][row of results]
    between: [MaybeUninit<F32x4>; MOST * MOST],
    vertical: Factors,
    horizontal: Factors,
    algorithm: &'static Algorithm2d,
}

impl OutputTiles {
    /// Nothing yet.
    pub fn new(algorithm: &'static Algorithm2d) -> Self {
        Self {
            between: [MaybeUninit::uninit(); MOST * MOST],
            vertical: factors(&algorithm.vertical.output),
            horizontal: factors(&algorithm.horizontal.output),
            algorithm,
        }
    }

    /// Transforms products to results, adds the bias and stores them.
    pub fn store(&mut self, row: &SquareRow) {
        (self.algorithm.output)(self, row);
    }
}

/// Squares beside each other, four channels in the lanes.
pub struct SquareRow {
    /// Products: [square][point]
    pub m: Src,
    /// Added to each result
    pub bias: F32x4,
    /// From the first result on
    pub y: Dst,
    /// Floats from one row of results to the next
    pub row_stride: usize,
    /// Rows of results that are stored, no more than a square has
    pub rows: usize,
    /// Columns of results that are stored, of all squares together
    pub cols: usize,
}

/// [`OutputTiles::store`] of one algorithm.
fn output<V: Algorithm, H: Algorithm>(tiles: &mut OutputTiles, of: &SquareRow) {
    let (rows, cols, points) = (of.rows, of.cols, V::POINTS * H::POINTS * LANES);
    let written = [span(rows, of.row_stride), span(cols, LANES)];
    assert!(rows <= V::TILE && reach(written, LANES) <= of.y.len() as u64);
    assert!(cols.div_ceil(H::TILE).saturating_mul(points) <= of.m.len());
    let [vertical, horizontal] = [tiles.vertical, tiles.horizontal];
    let between = &mut tiles.between;
    let (mut from, mut to) = (of.m.as_ptr(), of.y.as_mut_ptr());
    for first in (0..cols).step_by(H::TILE) {
        for col in 0..H::POINTS {
            // SAFETY: one of the points, which the assertions cover.
            let m = line(V::POINTS, |row| unsafe {
                F32x4::load(from.add((row * H::POINTS + col) * LANES))
            });
            let results = V::output(m, &vertical).into_iter().take(V::TILE);
            for (row, result) in results.enumerate() {
                between[col * V::TILE + row].write(result);
            }
        }
        let whole = first + H::TILE <= cols;
        for row in 0..rows {
            // SAFETY: all columns are written, to the last result.
            let m = line(H::POINTS, |col| unsafe {
                between[col * V::TILE + row].assume_init()
            });
            let results = H::output(m, &horizontal).into_iter().take(H::TILE);
            // Nearly all squares are whole: they don't ask about each result.
            for (col, result) in results.enumerate() {
                if whole || first + col < cols {
                    // SAFETY: a row and a column within the bounds that the assertions cover.
                    unsafe { (result + of.bias).store(to.add(row * of.row_stride + col * LANES)) };
                }
            }
        }
        from = from.wrapping_add(points);
        to = to.wrapping_add(H::TILE * LANES);
    }
}

/// The most taps of an algorithm along one axis.
const MOST_TAPS: usize = 5;
/// One vector of each point that has weights of its own; there is room for the most.
pub type WeightPoints = [F32x4; 49];

/// Weights of four outputs or channels, [kernel column][kernel row].
pub type Taps = [[F32x4; MOST_TAPS]; MOST_TAPS];

/// [`Algorithm2d::transform_weights`] of one algorithm.
fn weight<V: Algorithm, H: Algorithm>(g: &Taps, points: &mut WeightPoints) {
    let columns: [Line; MOST_TAPS] = core::array::from_fn(|col| {
        if col < H::TAPS {
            V::weight(line(V::TAPS, |row| g[col][row]))
        } else {
            [F32x4::splat(0.0); MOST]
        }
    });
    for row in 0..V::WEIGHTS {
        let across = H::weight(line(H::TAPS, |col| columns[col][row]));
        for (col, point) in across.into_iter().enumerate().take(H::WEIGHTS) {
            let scale = F32x4::splat((V::SCALE[row] * H::SCALE[col]) as f32);
            points[row * H::WEIGHTS + col] = point * scale;
        }
    }
}
