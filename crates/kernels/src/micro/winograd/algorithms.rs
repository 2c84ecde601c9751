//! Winograd's algorithms along one axis: `y = A (G g * B d)`, `*` by element. In two dimensions each is applied to columns, then rows.
//!
//! | | results | inputs | products | directly |
//! |---|---|---|---|---|
//! | [`F4x3`] | 4 of 3 taps | 6 | 6 | 12 |
//! | [`F3x3`] | 3 of 3 taps | 5 | 5 | 9 |
//! | [`F4x4`] | 4 of 4 taps | 7 | 7 | 16 |
//! | [`Stride2`] | 4 of 3 taps, 2 inputs apart | 9 | 9 | 12 |
//! | [`Transposed2`] | 8 of a transposed convolution of 3 taps, stride 2 | 5 | 9 | 12 |
//!
//! 1. Points come in pairs p and -p, whose rows of B and A share their even and odd parts, and are sums of few powers of two, so
//!    that all constants of B and A are exact in float32. Those of G are not: its rows are split into exact ones and a scale,
//!    which is rounded and applied once.
//! 2. Points were chosen by the error they make, rms in units of the results' standard deviation, 64 channels of uniform numbers:
//!    F(4, 3) at 0, +-3/4, +-3/2, infinity 0.8e-6 (0, +-1, +-2: twice that); F(3, 3) and F(4, 2) at +-1/2, +-5/4, infinity 0.5e-6;
//!    F(4, 4) at +-1/2, +-1, +-2, infinity 2.3e-6, the best of some hundred sets of points: it is for few channels (1.5e-6 at 16).
//! 3. `F3x3` and `F4x4` have as many taps as results: a larger kernel is cut into blocks of so many taps, whose inputs are those of
//!    the neighbouring tiles, so that transforms are shared.
//! 4. At stride 2, even and odd inputs meet different taps: F(4, 2) of the even ones with the outer taps, and the odd ones, each
//!    times the middle tap, summed. A transposed convolution of stride 2 is the same turned round.

mod five;

pub use five::{F3x3, Stride2, Transposed2};

use crate::simd::F32x4;

/// The longest line: inputs, products or results along one axis.
pub(super) const MOST: usize = 9;

/// Numbers along one axis, of which an algorithm uses the first few.
pub(super) type Line = [F32x4; MOST];

/// The most numbers that a transform multiplies by.
const MOST_FACTORS: usize = 12;

/// Numbers that a transform multiplies by, of which an algorithm uses the first few.
type Numbers = [f32; MOST_FACTORS];

/// The same, each in all lanes. They are data, not code: V8 makes a constant anew at each use, in three instructions.
pub(super) type Factors = [F32x4; MOST_FACTORS];

/// From where the compiler can't see them.
pub(super) fn factors(numbers: Numbers) -> Factors {
    core::hint::black_box(numbers).map(F32x4::splat)
}

/// The given numbers, and zeros.
const fn filled<const N: usize>(numbers: [f32; N]) -> Numbers {
    let mut all = [0.0; MOST_FACTORS];
    let mut i = 0;
    while i < N {
        all[i] = numbers[i];
        i += 1;
    }
    all
}

/// What inputs are multiplied by where the points are p, -p, q, -q, and others that are 0 or infinity.
const fn input_numbers(p: f32, q: f32) -> Numbers {
    let (p2, q2) = (p * p, q * q);
    filled([p, q, p2, q2, p2 + q2, p2 * q2])
}

/// What results are multiplied by, up to the fourth, where such are the points.
const fn output_numbers(p: f32, q: f32) -> Numbers {
    filled([p, q, p * p, q * q, p * p * p, q * q * q])
}

/// One of Winograd's algorithms along one axis.
pub trait Algorithm {
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
    /// Whether kernels of more taps may be cut into blocks: [`Self::TAPS`], [`Self::TILE`] and [`Self::STEP`] are one number.
    const BLOCKS: bool;
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

/// `x + p y` and `x - p y`
#[inline(always)]
fn both(x: F32x4, p: F32x4, y: F32x4) -> [F32x4; 2] {
    [y.mul_add(p, x), y.neg_mul_add(p, x)]
}

/// 4 results of 3 taps.
pub enum F4x3 {}

impl F4x3 {
    const P: f32 = 0.75;
    const Q: f32 = 1.5;
    const P2: f32 = Self::P * Self::P;
    const Q2: f32 = Self::Q * Self::Q;
}

impl Algorithm for F4x3 {
    const PATCH: usize = 6;
    const POINTS: usize = 6;
    const TILE: usize = 4;
    const STEP: usize = 4;
    const TAPS: usize = 3;
    const WEIGHTS: usize = 6;
    const BLOCKS: bool = false;
    const SCALE: [f64; MOST] = {
        let (p2, q2) = (Self::P2 as f64, Self::Q2 as f64);
        let (p, q) = (1.0 / (2.0 * p2 * (p2 - q2)), 1.0 / (2.0 * q2 * (q2 - p2)));
        [1.0 / (p2 * q2), p, p, q, q, 1.0, 0.0, 0.0, 0.0]
    };

    const INPUT: Numbers = input_numbers(Self::P, Self::Q);

    #[inline(always)]
    fn input(d: Line, &[p, q, p2, q2, sum, product, ..]: &Factors) -> Line {
        let [a, b] = both(d[2].neg_mul_add(q2, d[4]), p, d[1].neg_mul_add(q2, d[3]));
        let [e, f] = both(d[2].neg_mul_add(p2, d[4]), q, d[1].neg_mul_add(p2, d[3]));
        let zero = d[0].mul_add(product, d[2].neg_mul_add(sum, d[4]));
        let infinity = d[1].mul_add(product, d[3].neg_mul_add(sum, d[5]));
        line([zero, a, b, e, f, infinity])
    }

    const OUTPUT: Numbers = output_numbers(Self::P, Self::Q);

    #[inline(always)]
    fn output(m: Line, &[p, q, p2, q2, p3, q3, ..]: &Factors) -> Line {
        let (p_even, p_odd) = (m[1] + m[2], m[1] - m[2]);
        let (q_even, q_odd) = (m[3] + m[4], m[3] - m[4]);
        line([
            m[0] + p_even + q_even,
            q_odd.mul_add(q, p_odd * p),
            q_even.mul_add(q2, p_even * p2),
            q_odd.mul_add(q3, p_odd.mul_add(p3, m[5])),
        ])
    }

    #[inline(always)]
    fn weight(g: Line) -> Line {
        let [p, q] = [Self::P, Self::Q].map(splat);
        let [a, b] = both(g[2].mul_add(splat(Self::P2), g[0]), p, g[1]);
        let [e, f] = both(g[2].mul_add(splat(Self::Q2), g[0]), q, g[1]);
        line([g[0], a, b, e, f, g[2]])
    }
}

/// 4 results of 4 taps.
pub enum F4x4 {}

impl F4x4 {
    const P: f32 = 0.5;
    const Q: f32 = 1.0;
    const S: f32 = 2.0;

    /// Taps at p and -p.
    #[inline(always)]
    fn weights_at(g: &Line, p: f32) -> [F32x4; 2] {
        let p2 = splat(p * p);
        both(g[2].mul_add(p2, g[0]), splat(p), g[3].mul_add(p2, g[1]))
    }

    /// Inputs at p and -p, and what the squares of the other points sum and multiply to.
    #[inline(always)]
    fn inputs_at(d: &Line, p: F32x4, sum: F32x4, product: F32x4) -> [F32x4; 2] {
        let odd = d[1].mul_add(product, d[3].neg_mul_add(sum, d[5]));
        let even = d[0].mul_add(product, d[2].neg_mul_add(sum, d[4]));
        both(odd, p, even)
    }

    const fn scale(p: f64, q: f64, s: f64) -> f64 {
        1.0 / (2.0 * p * (p * p - q * q) * (p * p - s * s))
    }
}

impl Algorithm for F4x4 {
    const PATCH: usize = 7;
    const POINTS: usize = 7;
    const TILE: usize = 4;
    const STEP: usize = 4;
    const TAPS: usize = 4;
    const WEIGHTS: usize = 7;
    const BLOCKS: bool = true;
    const SCALE: [f64; MOST] = {
        let (p, q, s) = (Self::P as f64, Self::Q as f64, Self::S as f64);
        let (at_p, at_q, at_s) = (
            Self::scale(p, q, s),
            Self::scale(q, p, s),
            Self::scale(s, p, q),
        );
        [at_p, -at_p, at_q, -at_q, at_s, -at_s, 1.0, 0.0, 0.0]
    };
    const INPUT: Numbers = {
        let (p, q, s) = (Self::P, Self::Q, Self::S);
        let (p2, q2, s2) = (p * p, q * q, s * s);
        let (sum, pairs) = (p2 + q2 + s2, p2 * q2 + q2 * s2 + s2 * p2);
        let product = p2 * q2 * s2;
        let [at_p, at_q, at_s] = [q2 * s2, s2 * p2, p2 * q2];
        [
            p,
            q2 + s2,
            at_p,
            q,
            s2 + p2,
            at_q,
            s,
            p2 + q2,
            at_s,
            sum,
            pairs,
            product,
        ]
    };

    #[inline(always)]
    fn input(d: Line, factors: &Factors) -> Line {
        let [p, p_sum, p_product, q, q_sum, q_product, ..] = *factors;
        let [.., s, s_sum, s_product, sum, pairs, product] = *factors;
        let [a, b] = Self::inputs_at(&d, p, p_sum, p_product);
        let [e, f] = Self::inputs_at(&d, q, q_sum, q_product);
        let [i, j] = Self::inputs_at(&d, s, s_sum, s_product);
        let infinity = d[4].neg_mul_add(sum, d[6]);
        let infinity = d[0].neg_mul_add(product, d[2].mul_add(pairs, infinity));
        line([a, b, e, f, i, j, infinity])
    }

    /// Those of q, which is 1, are left out.
    const OUTPUT: Numbers = {
        assert!(Self::Q == 1.0);
        output_numbers(Self::P, Self::S)
    };

    #[inline(always)]
    fn output(m: Line, factors: &Factors) -> Line {
        let [p, s, p2, s2, p3, s3, ..] = *factors;
        let (p_even, p_odd) = (m[0] + m[1], m[0] - m[1]);
        let (one_even, one_odd) = (m[2] + m[3], m[2] - m[3]);
        let (s_even, s_odd) = (m[4] + m[5], m[4] - m[5]);
        line([
            p_even + one_even + s_even,
            s_odd.mul_add(s, p_odd.mul_add(p, one_odd)),
            s_even.mul_add(s2, p_even.mul_add(p2, one_even)),
            s_odd.mul_add(s3, p_odd.mul_add(p3, one_odd)) + m[6],
        ])
    }

    #[inline(always)]
    fn weight(g: Line) -> Line {
        let [a, b] = Self::weights_at(&g, Self::P);
        let [e, f] = Self::weights_at(&g, Self::Q);
        let [i, j] = Self::weights_at(&g, Self::S);
        line([a, b, e, f, i, j, g[3]])
    }
}

#[cfg(test)]
mod tests;
