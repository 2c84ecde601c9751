//! Winograd's algorithms along one axis: `y = A (G g * B d)`, `*` by element. In two dimensions each is applied to columns, then rows.
//!
//! | | results | inputs | products | directly |
//! |---|---|---|---|---|
//! | [`F4x3`] | 4 of 3 taps | 6 | 6 | 12 |
//! | [`F5x3`] | 5 of 3 taps | 7 | 7 | 15 |
//! | [`F3x3`] | 3 of 3 taps | 5 | 5 | 9 |
//! | [`F4x4`] | 4 of 4 taps | 7 | 7 | 16 |
//! | [`F5x5`] | 5 of 5 taps | 9 | 9 | 25 |
//! | [`Stride2`] | 4 of 3 taps, 2 inputs apart | 9 | 9 | 12 |
//! | [`Transposed2`] | 8 of a transposed convolution of 3 taps, stride 2 | 5 | 9 | 12 |
//!
//! 1. Points come in pairs p and -p, whose rows of B and A share their even and odd parts, and are sums of few powers of two, so
//!    that all constants of B and A are exact in float32. Those of G are not: its rows are split into exact ones and a scale,
//!    which is rounded and applied once.
//! 2. Points were chosen by the error they make, rms in units of the results' standard deviation, 64 channels of uniform numbers, the same
//!    algorithm along both axes: F(4, 3) at 0, +-3/4, +-3/2, infinity 0.8e-6 (0, +-1, +-2: twice that); F(3, 3) and F(4, 2) at +-1/2,
//!    +-5/4, infinity 0.5e-6; F(4, 4) at +-1/4, +-7/8, +-7/4, infinity 1.5e-6 (+-1/2, +-1, +-2: 2.4e-6). More points make larger errors,
//!    so the largest are for one axis, beside a smaller one: F(4, 3) x F(5, 3) 1.1e-6, F(5, 5) x F(3, 3) 1.8e-6.
//! 3. Those of as many taps as results: a larger kernel is cut into blocks of so many taps, whose inputs are those of the neighbouring
//!    tiles, so that transforms are shared.
//! 4. At stride 2, even and odd inputs meet different taps: F(4, 2) of the even ones with the outer taps, and the odd ones, each
//!    times the middle tap, summed. A transposed convolution of stride 2 is the same turned round.

mod pairs;

use crate::simd::F32x4;
use pairs::{Pairs, input, output, rest};

/// The longest line: inputs, products or results along one axis.
pub(super) const MOST: usize = 9;

/// Numbers along one axis, of which an algorithm uses the first few.
pub(super) type Line = [F32x4; MOST];

/// The most numbers that a transform multiplies by.
const MOST_FACTORS: usize = 20;

/// Numbers that a transform multiplies by, of which an algorithm uses the first few.
pub(super) type Numbers = [f32; MOST_FACTORS];

/// The same, each in all lanes. They are data, not code: V8 makes a constant anew at each use, in three instructions.
pub(super) type Factors = [F32x4; MOST_FACTORS];

/// The numbers of one of several algorithms, which the compiler can't know.
pub(super) fn factors(numbers: &Numbers) -> Factors {
    numbers.map(F32x4::splat)
}

/// One of Winograd's algorithms along one axis.
pub(super) trait Algorithm {
    /// Inputs that a tile reads.
    const PATCH: usize;
    /// Products.
    const POINTS: usize;
    /// Results.
    const TILE: usize;
    /// Inputs from one tile to the next.
    const STEP: usize;
    /// Taps of a kernel, or of a block of it.
    const TAPS: usize;
    /// Products that have weights of their own: those after the last share its weight.
    const WEIGHTS: usize;
    /// What the rows of [`Self::weight`] are still to be multiplied by.
    const SCALE: [f64; MOST];
    /// What [`Self::input`] multiplies by.
    const INPUT: Numbers;
    /// B d
    fn input(d: Line, factors: &Factors) -> Line;
    /// What [`Self::output`] multiplies by.
    const OUTPUT: Numbers;
    /// A m
    fn output(m: Line, factors: &Factors) -> Line;
    /// G g but for [`Self::SCALE`]
    fn weight(g: Line) -> Line;
}

#[inline(always)]
fn splat(x: f32) -> F32x4 {
    F32x4::splat(x)
}

/// A line of the given numbers.
#[inline(always)]
fn line<const N: usize>(numbers: [F32x4; N]) -> Line {
    let mut line = [splat(0.0); MOST];
    line[..N].copy_from_slice(&numbers);
    line
}

/// The points of [`F4x3`], besides 0 and infinity.
const WITH_ZERO: Pairs<2> = Pairs([0.75, 1.5]);

/// The points of the others, besides infinity.
const fn without_zero<const N: usize>() -> Pairs<N> {
    let points: &[f32] = match N {
        2 => &[0.5, 1.25],
        3 => &[0.25, 0.875, 1.75],
        4 => &[0.25, 0.625, 1.125, 2.25],
        _ => panic!("no points chosen for so many pairs"),
    };
    let (mut all, mut i) = ([0.0; N], 0);
    while i < N {
        all[i] = points[i];
        i += 1;
    }
    Pairs(all)
}

/// 4 results of 3 taps.
pub(super) enum F4x3 {}

impl Algorithm for F4x3 {
    const PATCH: usize = 6;
    const POINTS: usize = 6;
    const TILE: usize = 4;
    const STEP: usize = 4;
    const TAPS: usize = 3;
    const WEIGHTS: usize = 6;
    /// Weights are divided by the distances to all other points: 0 is p from p, and -p from -p.
    const SCALE: [f64; MOST] = {
        let mut all = WITH_ZERO.scales(1);
        let mut i = 0;
        while i < 2 {
            let p = WITH_ZERO.0[i] as f64;
            all[0] /= p * p;
            all[1 + 2 * i] /= p;
            all[2 + 2 * i] /= -p;
            i += 1;
        }
        all
    };
    const INPUT: Numbers = WITH_ZERO.input_numbers();
    const OUTPUT: Numbers = WITH_ZERO.output_numbers(Self::TILE);

    #[inline(always)]
    fn input(d: Line, factors: &Factors) -> Line {
        let mut line = input::<2>(&d, 1, factors, 1);
        line[0] = rest::<2>(&d, 0, factors);
        line[5] = rest::<2>(&d, 1, factors);
        line
    }

    #[inline(always)]
    fn output(m: Line, factors: &Factors) -> Line {
        line(output::<2, 4>(&m, 1, Some(m[0]), m[5], factors))
    }

    #[inline(always)]
    fn weight(g: Line) -> Line {
        let mut line = WITH_ZERO.weight(&g[..3], 1);
        [line[0], line[5]] = [g[0], g[2]];
        line
    }
}

/// `TILE` results of `TAPS` taps, at `N` pairs of points and infinity.
pub(super) enum AtPairs<const N: usize, const TILE: usize, const TAPS: usize> {}

/// 3 results of 3 taps.
pub(super) type F3x3 = AtPairs<2, 3, 3>;
/// 4 results of 4 taps.
pub(super) type F4x4 = AtPairs<3, 4, 4>;
/// 5 results of 3 taps.
pub(super) type F5x3 = AtPairs<3, 5, 3>;
/// 5 results of 5 taps.
pub(super) type F5x5 = AtPairs<4, 5, 5>;

impl<const N: usize, const TILE: usize, const TAPS: usize> Algorithm for AtPairs<N, TILE, TAPS> {
    const PATCH: usize = {
        assert!(TILE + TAPS - 1 == 2 * N + 1);
        2 * N + 1
    };
    const POINTS: usize = 2 * N + 1;
    const TILE: usize = TILE;
    const STEP: usize = TILE;
    const TAPS: usize = TAPS;
    const WEIGHTS: usize = 2 * N + 1;
    const SCALE: [f64; MOST] = without_zero::<N>().scales(0);
    const INPUT: Numbers = without_zero::<N>().input_numbers();
    const OUTPUT: Numbers = without_zero::<N>().output_numbers(TILE);

    #[inline(always)]
    fn input(d: Line, factors: &Factors) -> Line {
        let mut line = input::<N>(&d, 0, factors, 0);
        line[2 * N] = rest::<N>(&d, 0, factors);
        line
    }

    #[inline(always)]
    fn output(m: Line, factors: &Factors) -> Line {
        line(output::<N, TILE>(&m, 0, None, m[2 * N], factors))
    }

    #[inline(always)]
    fn weight(g: Line) -> Line {
        let mut line = const { without_zero::<N>() }.weight(&g[..TAPS], 0);
        line[2 * N] = g[TAPS - 1];
        line
    }
}

/// What both algorithms of stride 2 are made of.
type F4x2 = AtPairs<2, 4, 2>;

/// 4 results of 3 taps, 2 inputs apart.
pub(super) enum Stride2 {}

impl Algorithm for Stride2 {
    const PATCH: usize = 9;
    const POINTS: usize = 9;
    const TILE: usize = 4;
    const STEP: usize = 8;
    const TAPS: usize = 3;
    const WEIGHTS: usize = 6;
    const SCALE: [f64; MOST] = F4x2::SCALE;
    const INPUT: Numbers = F4x2::INPUT;
    const OUTPUT: Numbers = F4x2::OUTPUT;

    #[inline(always)]
    fn input(d: Line, factors: &Factors) -> Line {
        let even = F4x2::input(line([d[0], d[2], d[4], d[6], d[8]]), factors);
        let [a, b, c, e, f, ..] = even;
        [a, b, c, e, f, d[1], d[3], d[5], d[7]]
    }

    #[inline(always)]
    fn output(m: Line, factors: &Factors) -> Line {
        let [a, b, c, d, ..] = F4x2::output(m, factors);
        line([a + m[5], b + m[6], c + m[7], d + m[8]])
    }

    #[inline(always)]
    fn weight(g: Line) -> Line {
        let mut weights = F4x2::weight(line([g[0], g[2]]));
        weights[5] = g[1];
        weights
    }
}

/// 8 results of a transposed convolution of 3 taps and stride 2. Tap 1 of the first input makes the first result, which is where
/// padding by 1 begins.
pub(super) enum Transposed2 {}

impl Algorithm for Transposed2 {
    const PATCH: usize = 5;
    const POINTS: usize = 9;
    const TILE: usize = 8;
    const STEP: usize = 4;
    const TAPS: usize = 3;
    const WEIGHTS: usize = 6;
    const SCALE: [f64; MOST] = F4x2::SCALE;
    const INPUT: Numbers = F4x2::INPUT;
    const OUTPUT: Numbers = F4x2::OUTPUT;

    #[inline(always)]
    fn input(d: Line, factors: &Factors) -> Line {
        let [a, b, c, e, f, ..] = F4x2::input(d, factors);
        [a, b, c, e, f, d[0], d[1], d[2], d[3]]
    }

    #[inline(always)]
    fn output(m: Line, factors: &Factors) -> Line {
        let [a, b, c, d, ..] = F4x2::output(m, factors);
        line([m[5], a, m[6], b, m[7], c, m[8], d])
    }

    #[inline(always)]
    fn weight(g: Line) -> Line {
        let mut weights = F4x2::weight(line([g[2], g[0]]));
        weights[5] = g[1];
        weights
    }
}

#[cfg(test)]
mod tests;
