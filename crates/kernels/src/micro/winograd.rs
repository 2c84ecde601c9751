//! The three transforms of Winograd's algorithms in two dimensions, each of four channels in the lanes. The products between them
//! are a matrix product for each point (`conv_tile.rs`, `dot_tile.rs`).
//!
//! ```text
//! y = A [ (G g G') * (B d B') ] A'          one axis: algorithms.rs; * by element
//! ```
//! Loops over a square's rows and columns have constant counts, and the compiler unrolls them. What lies between the two passes is in memory:
//! there is more of it than registers, and V8 stores and loads more often what it has to choose itself.

mod algorithms;

pub use algorithms::{Algorithm, F3x3, F4x3, F4x4, Stride2, Transposed2};
use algorithms::{Factors, Line, MOST, factors};

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

/// Vectors that lie between the two passes over some squares' inputs: 18 KB, less than half of a first cache.
const MOST_BETWEEN: usize = 1152;

/// How far apart things are, in floats: along a strip of squares, and across it.
#[derive(Clone, Copy)]
pub struct Strides {
    /// From one to the next of the strip's
    pub along: usize,
    /// From one line of the strip to the next
    pub across: usize,
}

/// Inputs between the two passes, four channels in the lanes: strips of squares beside each other in a row, or in a column.
///
/// 1. The first pass goes across a strip; neighbours share the lines where they overlap.
/// 2. A pass over each square would meet as many pages of memory as there are points, more than the processor finds addresses for at
///    once: the second pass takes one line of points after the other, each for all squares.
pub struct InputStrips<A> {
    /// [strip][along][point across]
    between: [MaybeUninit<F32x4>; MOST_BETWEEN],
    /// Squares of each strip
    squares: usize,
    strips: usize,
    factors: Factors,
    algorithm: PhantomData<A>,
}

impl<A: Algorithm> InputStrips<A> {
    /// No strips.
    #[allow(clippy::new_without_default, reason = "nothing is initialised")]
    pub fn new() -> Self {
        Self {
            between: [MaybeUninit::uninit(); MOST_BETWEEN],
            squares: 0,
            strips: 0,
            factors: factors(A::INPUT),
            algorithm: PhantomData,
        }
    }

    /// Pixels along a strip.
    const fn length(squares: usize) -> usize {
        (squares - 1) * A::STEP + A::PATCH
    }

    /// The most squares of a strip, if there is to be room for so many strips.
    pub const fn most(strips: usize) -> usize {
        (MOST_BETWEEN / (A::POINTS * strips) - A::PATCH) / A::STEP + 1
    }

    /// Forgets all strips; those to come have so many squares.
    pub fn clear(&mut self, squares: usize) {
        assert!(squares > 0);
        self.squares = squares;
        self.strips = 0;
    }

    /// The first pass over the pixels of one more strip.
    #[inline(never)]
    pub fn push(&mut self, x: Src, strides: Strides) {
        let length = Self::length(self.squares);
        let last = (length as u64 - 1) * strides.along as u64;
        let last = last.saturating_add((A::PATCH as u64 - 1) * strides.across as u64);
        assert!(last.saturating_add(LANES as u64) <= x.len() as u64);
        let to = &mut self.between[self.strips * length * A::POINTS..][..length * A::POINTS];
        let (mut from, factors) = (x.as_ptr(), self.factors);
        for to in to.chunks_exact_mut(A::POINTS) {
            // SAFETY: pixels of the strip: what the assertion covers.
            let d = line(A::PATCH, |i| unsafe {
                F32x4::load(from.wrapping_add(i * strides.across))
            });
            for (to, point) in to.iter_mut().zip(A::input(d, &factors)) {
                to.write(point);
            }
            from = from.wrapping_add(strides.along);
        }
        self.strips += 1;
    }

    /// Where the pixels of a strip's square begin, for [`Self::store`].
    pub fn at(&self, strip: usize, square: usize) -> usize {
        (strip * Self::length(self.squares) + square * A::STEP) * A::POINTS
    }

    /// The second pass: a vector for each point, so far apart, of each square of `places`, (its [`Self::at`], at how many floats).
    #[inline(never)]
    pub fn store(&self, to: Dst, strides: Strides, places: &[(usize, usize)]) {
        let most = A::POINTS as u64 - 1;
        let last = (most * strides.along as u64).saturating_add(most * strides.across as u64);
        let written = self.strips * Self::length(self.squares) * A::POINTS;
        for &(at, place) in places {
            assert!(at + A::PATCH * A::POINTS <= written);
            assert!(last.saturating_add((place + LANES) as u64) <= to.len() as u64);
        }
        let factors = self.factors;
        for across in 0..A::POINTS {
            let to = to.as_mut_ptr().wrapping_add(across * strides.across);
            for &(at, place) in places {
                // SAFETY: `push` has written all of each strip.
                let d = line(A::PATCH, |i| unsafe {
                    let at = at + across + i * A::POINTS;
                    self.between.get_unchecked(at).assume_init()
                });
                let to = to.wrapping_add(place);
                let points = A::input(d, &factors).into_iter().take(A::POINTS);
                for (along, point) in points.enumerate() {
                    // SAFETY: one of the square's points, which the assertions cover.
                    unsafe { point.store(to.wrapping_add(along * strides.along)) };
                }
            }
        }
    }
}

/// Products to results, four channels in the lanes.
pub struct OutputTiles<A> {
    /// Between the two passes, [column of points][row of results]
    between: [MaybeUninit<F32x4>; MOST * MOST],
    factors: Factors,
    algorithm: PhantomData<A>,
}

impl<A: Algorithm> OutputTiles<A> {
    /// Nothing yet.
    #[allow(clippy::new_without_default, reason = "nothing is initialised")]
    pub fn new() -> Self {
        Self {
            between: [MaybeUninit::uninit(); MOST * MOST],
            factors: factors(A::OUTPUT),
            algorithm: PhantomData,
        }
    }

    /// Transforms products, a vector each, to `A::TILE` x `A::TILE` results, adds the bias and stores the first `rows` x `cols` of them,
    /// rows `row_stride` floats apart.
    #[inline(never)]
    pub fn store(
        &mut self,
        m: Src,
        bias: F32x4,
        y: Dst,
        row_stride: usize,
        (rows, cols): (usize, usize),
    ) {
        assert!(points::<A>() * LANES <= m.len());
        assert!(rows <= A::TILE && cols <= A::TILE && holds(y.len(), rows, row_stride, cols));
        let (factors, from, to) = (self.factors, m.as_ptr(), y.as_mut_ptr());
        for col in 0..A::POINTS {
            // SAFETY: one of the points, which the assertions cover.
            let m = line(A::POINTS, |row| unsafe {
                F32x4::load(from.add((row * A::POINTS + col) * LANES))
            });
            let results = A::output(m, &factors).into_iter().take(A::TILE);
            for (row, result) in results.enumerate() {
                self.between[col * A::TILE + row].write(result);
            }
        }
        for row in 0..rows {
            // SAFETY: all columns are written, to the last result.
            let m = line(A::POINTS, |col| unsafe {
                self.between[col * A::TILE + row].assume_init()
            });
            let results = A::output(m, &factors).into_iter().take(A::TILE);
            // Nearly all squares are whole: they don't ask about each result.
            for (col, result) in results.enumerate() {
                if cols == A::TILE || col < cols {
                    // SAFETY: a row and a column within the bounds that the assertions cover.
                    unsafe { (result + bias).store(to.add(row * row_stride + col * LANES)) };
                }
            }
        }
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
    let zeros = [F32x4::splat(0.0); MOST];
    let columns: [Line; MOST_TAPS] = core::array::from_fn(|col| {
        if col < A::TAPS {
            A::weight(line(A::TAPS, |row| g[col][row]))
        } else {
            zeros
        }
    });
    let across = |row: usize| line(A::TAPS, |col| columns[col][row]);
    for row in 0..A::WEIGHTS {
        let points = A::weight(across(row));
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
