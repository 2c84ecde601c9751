//! The three transforms of Winograd's algorithms in two dimensions, each of four channels in the lanes. The products between them
//! are a matrix product for each point (`conv_tile.rs`, `dot_tile.rs`).
//!
//! ```text
//! y = A [ (G g G') * (B d B') ] A'          one axis: algorithms.rs; * by element
//! ```
//! Loops over rows and columns have constant counts: the compiler unrolls them, and what lies between the two passes is in
//! registers as far as there are any.

mod algorithms;

pub use algorithms::{Algorithm, F3x3, F4x3, F4x4, Stride2, Transposed2};
use algorithms::{Line, MOST};

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use crate::mem::{Dst, Src};
use crate::simd::{F32x4, LANES};

/// Products of a tile.
pub const fn points<A: Algorithm>() -> usize {
    A::POINTS * A::POINTS
}

/// Products of a tile that have weights of their own.
pub const fn weight_points<A: Algorithm>() -> usize {
    A::WEIGHTS * A::WEIGHTS
}

/// Which weights product `point` takes.
pub fn weight_point<A: Algorithm>(point: usize) -> usize {
    let (row, col) = (point / A::POINTS, point % A::POINTS);
    row.min(A::WEIGHTS - 1) * A::WEIGHTS + col.min(A::WEIGHTS - 1)
}

/// Whether `rows` rows of `cols` vectors, `stride` floats apart, lie in `len` floats.
fn holds(len: usize, rows: usize, stride: usize, cols: usize) -> bool {
    let last = (rows.saturating_sub(1) as u64).saturating_mul(stride as u64);
    last.saturating_add((cols * LANES) as u64) <= len as u64
}

/// The first `n` numbers.
#[inline(always)]
fn line(n: usize, get: impl Fn(usize) -> F32x4) -> Line {
    core::array::from_fn(|i| if i < n { get(i) } else { F32x4::splat(0.0) })
}

/// What lies between the two passes. Not initialised: to fill it would cost as much as half of a transform.
struct Columns([[MaybeUninit<F32x4>; MOST]; MOST]);

impl Columns {
    #[inline(always)]
    fn new() -> Self {
        Self([[MaybeUninit::uninit(); MOST]; MOST])
    }

    /// Column `col`, of which `count` numbers mean something.
    #[inline(always)]
    fn set(&mut self, col: usize, count: usize, line: Line) {
        for (to, x) in self.0[col].iter_mut().zip(line).take(count) {
            to.write(x);
        }
    }

    /// # Safety
    /// - `set` has written columns 0..`cols`, more than `row` numbers of each.
    #[inline(always)]
    unsafe fn row(&self, row: usize, cols: usize) -> Line {
        // SAFETY: the caller's obligation.
        line(cols, |col| unsafe { self.0[col][row].assume_init() })
    }
}

/// Vectors that lie between the two passes over some squares' inputs: 18 KB, less than half of a first cache.
const MOST_BETWEEN: usize = 1152;

/// Inputs of some squares between the two passes, four channels in the lanes. A pass over each square would meet as many pages of
/// memory as there are points, more than the processor finds addresses for at once: the second pass takes one row of points after
/// the other, each for all squares.
pub struct InputTiles<A> {
    /// [square][row of points][column]
    columns: [MaybeUninit<F32x4>; MOST_BETWEEN],
    squares: usize,
    algorithm: PhantomData<A>,
}

impl<A: Algorithm> InputTiles<A> {
    /// The most squares there is room for.
    pub const MOST: usize = MOST_BETWEEN / (A::POINTS * A::PATCH);

    /// No squares.
    #[allow(clippy::new_without_default, reason = "nothing is initialised")]
    pub fn new() -> Self {
        Self {
            columns: [MaybeUninit::uninit(); MOST_BETWEEN],
            squares: 0,
            algorithm: PhantomData,
        }
    }

    /// Forgets all squares.
    pub fn clear(&mut self) {
        self.squares = 0;
    }

    /// The first pass over `A::PATCH` x `A::PATCH` pixels, rows `row_stride` floats apart: one more square.
    #[inline(never)]
    pub fn push(&mut self, x: Src, row_stride: usize) {
        assert!(holds(x.len(), A::PATCH, row_stride, A::PATCH));
        assert!(self.squares < Self::MOST);
        let square = A::POINTS * A::PATCH;
        let from = x.as_ptr();
        let to = &mut self.columns[self.squares * square..][..square];
        for col in 0..A::PATCH {
            // SAFETY: rows and columns of the patch: what the assertion covers.
            let d = line(A::PATCH, |row| unsafe {
                F32x4::load(from.add(row * row_stride + col * LANES))
            });
            for (row, x) in A::input(d).into_iter().enumerate().take(A::POINTS) {
                to[row * A::PATCH + col].write(x);
            }
        }
        self.squares += 1;
    }

    /// The second pass: a vector for each point, `to_stride` floats apart, of each square of `places`, (which, at how many floats).
    #[inline(never)]
    pub fn store(&self, to: Dst, to_stride: usize, places: &[(usize, usize)]) {
        let last = (points::<A>() as u64 - 1) * to_stride as u64 + LANES as u64;
        for &(square, place) in places {
            assert!(square < self.squares);
            assert!(last.saturating_add(place as u64) <= to.len() as u64);
        }
        for row in 0..A::POINTS {
            let to = to.as_mut_ptr().wrapping_add(row * A::POINTS * to_stride);
            for &(square, place) in places {
                let from = (square * A::POINTS + row) * A::PATCH;
                // SAFETY: `push` has written all columns of each square.
                let d = line(A::PATCH, |col| unsafe {
                    self.columns.get_unchecked(from + col).assume_init()
                });
                let to = to.wrapping_add(place);
                for (col, point) in A::input(d).into_iter().enumerate().take(A::POINTS) {
                    // SAFETY: one of the square's points, which the assertions cover.
                    unsafe { point.store(to.add(col * to_stride)) };
                }
            }
        }
    }
}

/// Transforms products, a vector each, to `A::TILE` x `A::TILE` results, adds the bias and stores the first `rows` x `cols` of them, rows
/// `row_stride` floats apart.
#[inline(never)]
pub fn output_tile<A: Algorithm>(
    m: Src,
    bias: F32x4,
    y: Dst,
    row_stride: usize,
    (rows, cols): (usize, usize),
) {
    assert!(points::<A>() * LANES <= m.len());
    assert!(rows <= A::TILE && cols <= A::TILE && holds(y.len(), rows, row_stride, cols));
    let (from, to) = (m.as_ptr(), y.as_mut_ptr());
    let mut columns = Columns::new();
    for col in 0..A::POINTS {
        // SAFETY: one of the points, which the assertions cover.
        let m = line(A::POINTS, |row| unsafe {
            F32x4::load(from.add((row * A::POINTS + col) * LANES))
        });
        columns.set(col, A::TILE, A::output(m));
    }
    let store = |rows: usize, cols: usize| {
        for row in 0..A::TILE {
            if row >= rows {
                break;
            }
            // SAFETY: all columns of points are set, to the last result.
            let results = A::output(unsafe { columns.row(row, A::POINTS) });
            for (col, result) in results.into_iter().enumerate().take(A::TILE) {
                if col < cols {
                    // SAFETY: a row and a column within the bounds that the assertions cover.
                    unsafe { (result + bias).store(to.add(row * row_stride + col * LANES)) };
                }
            }
        }
    };
    // Nearly all squares are whole: they don't ask about each result.
    if (rows, cols) == (A::TILE, A::TILE) {
        store(A::TILE, A::TILE);
    } else {
        store(rows, cols);
    }
}

/// The most taps of an algorithm along one axis.
pub const MOST_TAPS: usize = 4;
/// The most points with weights of their own.
pub const MOST_WEIGHT_POINTS: usize = 49;

/// Transforms the weights of four outputs or channels, [kernel column][kernel row], and hands each point with weights of its own to `put`.
#[inline(always)]
pub fn weight_tile<A: Algorithm>(
    g: &[[F32x4; MOST_TAPS]; MOST_TAPS],
    mut put: impl FnMut(usize, F32x4),
) {
    let mut columns = Columns::new();
    for (col, g) in g.iter().enumerate().take(A::TAPS) {
        columns.set(col, A::WEIGHTS, A::weight(line(A::TAPS, |row| g[row])));
    }
    for row in 0..A::WEIGHTS {
        // SAFETY: all columns of taps are set, to the last point.
        let points = A::weight(unsafe { columns.row(row, A::TAPS) });
        for (col, point) in points.into_iter().enumerate().take(A::WEIGHTS) {
            let scale = F32x4::splat((A::SCALE[row] * A::SCALE[col]) as f32);
            put(row * A::WEIGHTS + col, point * scale);
        }
    }
}

/// Does something with one of the algorithms.
pub trait Visitor {
    /// What comes of it.
    type Output;
    /// Does it.
    fn visit<A: Algorithm>(self) -> Self::Output;
}

/// Hands the algorithm that a record's field names to `visitor`; `None` if there is no such algorithm.
pub fn visit<V: Visitor>(word: u32, visitor: V) -> Option<V::Output> {
    match word {
        0 => Some(visitor.visit::<F4x3>()),
        1 => Some(visitor.visit::<F3x3>()),
        2 => Some(visitor.visit::<F4x4>()),
        3 => Some(visitor.visit::<Stride2>()),
        4 => Some(visitor.visit::<Transposed2>()),
        _ => None,
    }
}
