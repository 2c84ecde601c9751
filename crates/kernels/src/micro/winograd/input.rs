//! Inputs to points, in two passes.

use core::mem::MaybeUninit;

use super::algorithms::{Algorithm, Factors, factors};
use super::{Algorithm2d, Axis, line};
use crate::mem::{Dst, Src};
use crate::micro::reach::{reach, span};
use crate::simd::{F32x4, LANES};

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

/// Where a square's pixels begin between the passes, and at how many floats its points are stored.
type SquarePlace = (usize, usize);

/// The passes over inputs of one algorithm across a strip and one along it.
#[derive(Clone, Copy)]
pub(super) struct InputPasses {
    first: fn(&mut [MaybeUninit<F32x4>], Src, Strides, &Factors),
    second: fn(&[F32x4], Dst, Strides, &[SquarePlace], &Factors),
}

impl InputPasses {
    pub(super) const fn of<Across: Algorithm, Along: Algorithm>() -> Self {
        Self {
            first: first_pass::<Across>,
            second: second_pass::<Across, Along>,
        }
    }
}

/// Writes all of `to`, [along][point across].
fn first_pass<A: Algorithm>(
    to: &mut [MaybeUninit<F32x4>],
    x: Src,
    strides: Strides,
    factors: &Factors,
) {
    let length = to.len() / A::POINTS;
    assert!(length > 0 && to.len().is_multiple_of(A::POINTS));
    let read = [span(length, strides.along), span(A::PATCH, strides.across)];
    assert!(reach(read, LANES) <= x.len() as u64);
    let (mut from, factors) = (x.as_ptr(), *factors);
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
}

/// From what the first pass wrote, a vector for each point of each square.
fn second_pass<Across: Algorithm, Along: Algorithm>(
    between: &[F32x4],
    to: Dst,
    strides: Strides,
    places: &[SquarePlace],
    factors: &Factors,
) {
    let last = [
        span(Along::POINTS, strides.along),
        span(Across::POINTS, strides.across),
    ];
    let (read, written) = (Along::PATCH * Across::POINTS, reach(last, LANES));
    for &(at, place) in places {
        assert!(reach([at as u64], read) <= between.len() as u64);
        assert!(written.saturating_add(place as u64) <= to.len() as u64);
    }
    let factors = *factors;
    for across in 0..Across::POINTS {
        let to = to.as_mut_ptr().wrapping_add(across * strides.across);
        for &(at, place) in places {
            // SAFETY: one of the square's, which the assertions cover.
            let d = line(Along::PATCH, |i| unsafe {
                *between.get_unchecked(at + across + i * Across::POINTS)
            });
            let to = to.wrapping_add(place);
            let points = Along::input(d, &factors).into_iter().take(Along::POINTS);
            for (along, point) in points.enumerate() {
                // SAFETY: one of the square's points, which the assertions cover.
                unsafe { point.store(to.wrapping_add(along * strides.along)) };
            }
        }
    }
}

/// Inputs between the two passes, four channels in the lanes: strips of squares beside each other in a row, or in a column.
///
/// 1. The first pass goes across a strip; neighbours share the lines where they overlap.
/// 2. A pass over each square would meet as many pages of memory as there are points, more than the processor finds addresses for at
///    once: the second pass takes one line of points after the other, each for all squares.
pub struct InputStrips {
    /// [strip][along][point across]
    between: [MaybeUninit<F32x4>; MOST_BETWEEN],
    /// Squares of each strip
    squares: usize,
    strips: usize,
    across: &'static Axis,
    along: &'static Axis,
    passes: InputPasses,
    across_factors: Factors,
    along_factors: Factors,
}

impl InputStrips {
    /// No strips. They are to lie along rows, or `down` columns.
    pub fn new(algorithm: &'static Algorithm2d, down: bool) -> Self {
        let Algorithm2d {
            vertical,
            horizontal,
            ..
        } = algorithm;
        let [across, along] = match down {
            false => [vertical, horizontal],
            true => [horizontal, vertical],
        };
        Self {
            between: [MaybeUninit::uninit(); MOST_BETWEEN],
            squares: 0,
            strips: 0,
            across,
            along,
            passes: algorithm.input[usize::from(down)],
            across_factors: factors(&across.input),
            along_factors: factors(&along.input),
        }
    }

    /// The most squares of a strip, if there is to be room for so many strips.
    pub const fn most(&self, strips: usize) -> usize {
        (MOST_BETWEEN / (self.across.points * strips) - self.along.patch) / self.along.step + 1
    }

    /// Vectors of a strip.
    const fn len(&self) -> usize {
        self.along.px(self.squares) * self.across.points
    }

    /// Forgets all strips; those to come have so many squares.
    pub fn clear(&mut self, squares: usize) {
        assert!(squares > 0);
        self.squares = squares;
        self.strips = 0;
    }

    /// The first pass over the pixels of one more strip.
    pub fn push(&mut self, x: Src, strides: Strides) {
        let len = self.len();
        let to = &mut self.between[self.strips * len..][..len];
        (self.passes.first)(to, x, strides, &self.across_factors);
        self.strips += 1;
    }

    /// Where the pixels of a strip's square begin, for [`Self::store`].
    pub const fn at(&self, strip: usize, square: usize) -> usize {
        strip * self.len() + square * self.along.step * self.across.points
    }

    /// The second pass: a vector for each point, so far apart, of each square of `places`.
    pub fn store(&self, to: Dst, strides: Strides, places: &[SquarePlace]) {
        let written = &self.between[..self.strips * self.len()];
        // SAFETY: `push` has written all of each strip.
        let written =
            unsafe { core::slice::from_raw_parts(written.as_ptr().cast::<F32x4>(), written.len()) };
        (self.passes.second)(written, to, strides, places, &self.along_factors);
    }
}

#[cfg(test)]
mod tests {
    use super::{InputStrips, SquarePlace, Strides};
    use crate::micro::winograd::algorithm;
    use crate::testing::with_view;

    /// The points of a square of one strip, whose pixels lie `along` apart, all in one place.
    fn store(along: usize, place: SquarePlace) {
        let strides = |along| Strides { along, across: 0 };
        with_view(4, |view| {
            let mut strips = InputStrips::new(algorithm(0).unwrap(), false);
            strips.clear(1);
            strips.push(view.as_src(), strides(along));
            strips.store(view, strides(0), &[place]);
        });
    }

    #[test]
    fn a_square_in_its_place_is_stored() {
        store(0, (0, 0));
    }

    #[test]
    #[should_panic(expected = "assertion failed: reach(read, LANES)")]
    fn pixels_at_distances_that_wrap_are_refused() {
        // Five times that is 4 more than all there are.
        store(usize::MAX / 5 + 1, (0, 0));
    }

    #[test]
    #[should_panic(expected = "assertion failed: reach([at as u64], read)")]
    fn a_square_whose_pixels_end_past_the_end_of_the_address_space_is_refused() {
        store(0, (usize::MAX - 7, 0));
    }

    #[test]
    #[should_panic(expected = "assertion failed: written")]
    fn a_place_at_the_end_of_the_address_space_is_refused() {
        store(0, (0, usize::MAX - 3));
    }
}
