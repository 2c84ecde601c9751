//! The algorithms that are made of F(3, 3) and F(4, 2).

use super::{
    Algorithm, Factors, Line, MOST, Numbers, both, input_numbers, line, output_numbers, splat,
};
use crate::simd::F32x4;

/// What F(3, 3) and F(4, 2) share: five inputs, at the points +-1/2, +-5/4 and infinity.
enum Five {}

impl Five {
    const P: f32 = 0.5;
    const Q: f32 = 1.25;
    const P2: f32 = Self::P * Self::P;
    const Q2: f32 = Self::Q * Self::Q;
    const SCALES: [f64; 2] = {
        let (p, q) = (Self::P as f64, Self::Q as f64);
        let (p2, q2) = (p * p, q * q);
        [1.0 / (2.0 * p * (p2 - q2)), 1.0 / (2.0 * q * (q2 - p2))]
    };
    /// The last is that of what follows infinity.
    const SCALE: [f64; MOST] = {
        let [p, q] = Self::SCALES;
        [p, -p, q, -q, 1.0, 1.0, 0.0, 0.0, 0.0]
    };

    const INPUT: Numbers = input_numbers(Self::P, Self::Q);

    #[inline(always)]
    fn input(d: [F32x4; 5], &[p, q, p2, q2, sum, product, ..]: &Factors) -> [F32x4; 5] {
        let [a, b] = both(d[1].neg_mul_add(q2, d[3]), p, d[0].neg_mul_add(q2, d[2]));
        let [e, f] = both(d[1].neg_mul_add(p2, d[3]), q, d[0].neg_mul_add(p2, d[2]));
        let infinity = d[0].mul_add(product, d[2].neg_mul_add(sum, d[4]));
        [a, b, e, f, infinity]
    }

    const OUTPUT: Numbers = output_numbers(Self::P, Self::Q);

    /// Four results without the part of infinity, which the last one that is asked for has.
    #[inline(always)]
    fn output(m: &Line, &[p, q, p2, q2, p3, q3, ..]: &Factors) -> [F32x4; 4] {
        let (p_even, p_odd) = (m[0] + m[1], m[0] - m[1]);
        let (q_even, q_odd) = (m[2] + m[3], m[2] - m[3]);
        [
            p_even + q_even,
            q_odd.mul_add(q, p_odd * p),
            q_even.mul_add(q2, p_even * p2),
            q_odd.mul_add(q3, p_odd * p3),
        ]
    }

    /// Of two taps, and a sixth that is a tap by itself.
    #[inline(always)]
    fn weight_2(first: F32x4, second: F32x4, alone: F32x4) -> Line {
        let [a, b] = both(first, splat(Self::P), second);
        let [e, f] = both(first, splat(Self::Q), second);
        line([a, b, e, f, second, alone])
    }
}

/// 3 results of 3 taps.
pub enum F3x3 {}

impl Algorithm for F3x3 {
    const PATCH: usize = 5;
    const POINTS: usize = 5;
    const TILE: usize = 3;
    const STEP: usize = 3;
    const TAPS: usize = 3;
    const WEIGHTS: usize = 5;
    const BLOCKS: bool = true;
    const SCALE: [f64; MOST] = Five::SCALE;
    const INPUT: Numbers = Five::INPUT;
    const OUTPUT: Numbers = Five::OUTPUT;

    #[inline(always)]
    fn input(d: Line, factors: &Factors) -> Line {
        line(Five::input([d[0], d[1], d[2], d[3], d[4]], factors))
    }

    #[inline(always)]
    fn output(m: Line, factors: &Factors) -> Line {
        let [a, b, c, _] = Five::output(&m, factors);
        line([a, b, c + m[4]])
    }

    #[inline(always)]
    fn weight(g: Line) -> Line {
        let [p, q] = [Five::P, Five::Q].map(splat);
        let [a, b] = both(g[2].mul_add(splat(Five::P2), g[0]), p, g[1]);
        let [e, f] = both(g[2].mul_add(splat(Five::Q2), g[0]), q, g[1]);
        line([a, b, e, f, g[2]])
    }
}

/// 4 results of 3 taps, 2 inputs apart.
pub enum Stride2 {}

impl Algorithm for Stride2 {
    const PATCH: usize = 9;
    const POINTS: usize = 9;
    const TILE: usize = 4;
    const STEP: usize = 8;
    const TAPS: usize = 3;
    const WEIGHTS: usize = 6;
    const BLOCKS: bool = false;
    const SCALE: [f64; MOST] = Five::SCALE;
    const INPUT: Numbers = Five::INPUT;
    const OUTPUT: Numbers = Five::OUTPUT;

    #[inline(always)]
    fn input(d: Line, factors: &Factors) -> Line {
        let [a, b, c, e, f] = Five::input([d[0], d[2], d[4], d[6], d[8]], factors);
        [a, b, c, e, f, d[1], d[3], d[5], d[7]]
    }

    #[inline(always)]
    fn output(m: Line, factors: &Factors) -> Line {
        let [a, b, c, d] = Five::output(&m, factors);
        line([a + m[5], b + m[6], c + m[7], (d + m[4]) + m[8]])
    }

    #[inline(always)]
    fn weight(g: Line) -> Line {
        Five::weight_2(g[0], g[2], g[1])
    }
}

/// 8 results of a transposed convolution of 3 taps and stride 2. Tap 1 of the first input makes the first result, which is where
/// padding by 1 begins.
pub enum Transposed2 {}

impl Algorithm for Transposed2 {
    const PATCH: usize = 5;
    const POINTS: usize = 9;
    const TILE: usize = 8;
    const STEP: usize = 4;
    const TAPS: usize = 3;
    const WEIGHTS: usize = 6;
    const BLOCKS: bool = false;
    const SCALE: [f64; MOST] = Five::SCALE;
    const INPUT: Numbers = Five::INPUT;
    const OUTPUT: Numbers = Five::OUTPUT;

    #[inline(always)]
    fn input(d: Line, factors: &Factors) -> Line {
        let [a, b, c, e, f] = Five::input([d[0], d[1], d[2], d[3], d[4]], factors);
        [a, b, c, e, f, d[0], d[1], d[2], d[3]]
    }

    #[inline(always)]
    fn output(m: Line, factors: &Factors) -> Line {
        let [a, b, c, d] = Five::output(&m, factors);
        line([m[5], a, m[6], b, m[7], c, m[8], d + m[4]])
    }

    #[inline(always)]
    fn weight(g: Line) -> Line {
        Five::weight_2(g[2], g[0], g[1])
    }
}
