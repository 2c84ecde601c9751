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

use crate::simd::F32x4;

/// The longest line: inputs, products or results along one axis.
pub(super) const MOST: usize = 9;

/// Numbers along one axis, of which an algorithm uses the first few.
pub(super) type Line = [F32x4; MOST];

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
    /// B d
    fn input(d: Line) -> Line;
    /// A m
    fn output(m: Line) -> Line;
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
fn both(x: F32x4, p: f32, y: F32x4) -> [F32x4; 2] {
    [y.mul_add(splat(p), x), y.mul_add(splat(-p), x)]
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

    #[inline(always)]
    fn input(d: Line) -> Line {
        let (p2, q2) = (splat(-Self::P2), splat(-Self::Q2));
        let (sum, product) = (splat(-Self::P2 - Self::Q2), splat(Self::P2 * Self::Q2));
        let [a, b] = both(d[2].mul_add(q2, d[4]), Self::P, d[1].mul_add(q2, d[3]));
        let [e, f] = both(d[2].mul_add(p2, d[4]), Self::Q, d[1].mul_add(p2, d[3]));
        let zero = d[0].mul_add(product, d[2].mul_add(sum, d[4]));
        let infinity = d[1].mul_add(product, d[3].mul_add(sum, d[5]));
        line([zero, a, b, e, f, infinity])
    }

    #[inline(always)]
    fn output(m: Line) -> Line {
        let (p_even, p_odd) = (m[1] + m[2], m[1] - m[2]);
        let (q_even, q_odd) = (m[3] + m[4], m[3] - m[4]);
        line([
            m[0] + p_even + q_even,
            q_odd.mul_add(splat(Self::Q), p_odd * splat(Self::P)),
            q_even.mul_add(splat(Self::Q2), p_even * splat(Self::P2)),
            q_odd.mul_add(
                splat(Self::Q2 * Self::Q),
                p_odd.mul_add(splat(Self::P2 * Self::P), m[5]),
            ),
        ])
    }

    #[inline(always)]
    fn weight(g: Line) -> Line {
        let [a, b] = both(g[2].mul_add(splat(Self::P2), g[0]), Self::P, g[1]);
        let [e, f] = both(g[2].mul_add(splat(Self::Q2), g[0]), Self::Q, g[1]);
        line([g[0], a, b, e, f, g[2]])
    }
}

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

    #[inline(always)]
    fn input(d: [F32x4; 5]) -> [F32x4; 5] {
        let (p2, q2) = (splat(-Self::P2), splat(-Self::Q2));
        let (sum, product) = (splat(-Self::P2 - Self::Q2), splat(Self::P2 * Self::Q2));
        let [a, b] = both(d[1].mul_add(q2, d[3]), Self::P, d[0].mul_add(q2, d[2]));
        let [e, f] = both(d[1].mul_add(p2, d[3]), Self::Q, d[0].mul_add(p2, d[2]));
        [a, b, e, f, d[0].mul_add(product, d[2].mul_add(sum, d[4]))]
    }

    /// Four results without the part of infinity, which the last one that is asked for has.
    #[inline(always)]
    fn output(m: &Line) -> [F32x4; 4] {
        let (p_even, p_odd) = (m[0] + m[1], m[0] - m[1]);
        let (q_even, q_odd) = (m[2] + m[3], m[2] - m[3]);
        [
            p_even + q_even,
            q_odd.mul_add(splat(Self::Q), p_odd * splat(Self::P)),
            q_even.mul_add(splat(Self::Q2), p_even * splat(Self::P2)),
            q_odd.mul_add(splat(Self::Q2 * Self::Q), p_odd * splat(Self::P2 * Self::P)),
        ]
    }

    /// Of two taps, and a sixth that is a tap by itself.
    #[inline(always)]
    fn weight_2(first: F32x4, second: F32x4, alone: F32x4) -> Line {
        let [a, b] = both(first, Self::P, second);
        let [e, f] = both(first, Self::Q, second);
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

    #[inline(always)]
    fn input(d: Line) -> Line {
        line(Five::input([d[0], d[1], d[2], d[3], d[4]]))
    }

    #[inline(always)]
    fn output(m: Line) -> Line {
        let [a, b, c, _] = Five::output(&m);
        line([a, b, c + m[4]])
    }

    #[inline(always)]
    fn weight(g: Line) -> Line {
        let [a, b] = both(g[2].mul_add(splat(Five::P2), g[0]), Five::P, g[1]);
        let [e, f] = both(g[2].mul_add(splat(Five::Q2), g[0]), Five::Q, g[1]);
        line([a, b, e, f, g[2]])
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
        both(g[2].mul_add(p2, g[0]), p, g[3].mul_add(p2, g[1]))
    }

    /// Inputs at p and -p, q and s being the other points.
    #[inline(always)]
    fn inputs_at(d: &Line, p: f32, q: f32, s: f32) -> [F32x4; 2] {
        let (sum, product) = (splat(-q * q - s * s), splat(q * q * s * s));
        let odd = d[1].mul_add(product, d[3].mul_add(sum, d[5]));
        let even = d[0].mul_add(product, d[2].mul_add(sum, d[4]));
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

    #[inline(always)]
    fn input(d: Line) -> Line {
        const P2: f32 = F4x4::P * F4x4::P;
        const Q2: f32 = F4x4::Q * F4x4::Q;
        const S2: f32 = F4x4::S * F4x4::S;
        let [a, b] = Self::inputs_at(&d, Self::P, Self::Q, Self::S);
        let [e, f] = Self::inputs_at(&d, Self::Q, Self::P, Self::S);
        let [i, j] = Self::inputs_at(&d, Self::S, Self::P, Self::Q);
        let infinity = d[0].mul_add(
            splat(-P2 * Q2 * S2),
            d[2].mul_add(
                splat(P2 * Q2 + Q2 * S2 + S2 * P2),
                d[4].mul_add(splat(-P2 - Q2 - S2), d[6]),
            ),
        );
        line([a, b, e, f, i, j, infinity])
    }

    #[inline(always)]
    fn output(m: Line) -> Line {
        let [p, q, s] = [Self::P, Self::Q, Self::S];
        let (p_even, p_odd) = (m[0] + m[1], m[0] - m[1]);
        let (q_even, q_odd) = (m[2] + m[3], m[2] - m[3]);
        let (s_even, s_odd) = (m[4] + m[5], m[4] - m[5]);
        let sum = |a: F32x4, p: f32, b: F32x4, q: f32, c: F32x4, s: f32| {
            c.mul_add(splat(s), b.mul_add(splat(q), a * splat(p)))
        };
        line([
            p_even + q_even + s_even,
            sum(p_odd, p, q_odd, q, s_odd, s),
            sum(p_even, p * p, q_even, q * q, s_even, s * s),
            sum(p_odd, p * p * p, q_odd, q * q * q, s_odd, s * s * s) + m[6],
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

    #[inline(always)]
    fn input(d: Line) -> Line {
        let [a, b, c, e, f] = Five::input([d[0], d[2], d[4], d[6], d[8]]);
        [a, b, c, e, f, d[1], d[3], d[5], d[7]]
    }

    #[inline(always)]
    fn output(m: Line) -> Line {
        let [a, b, c, d] = Five::output(&m);
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

    #[inline(always)]
    fn input(d: Line) -> Line {
        let [a, b, c, e, f] = Five::input([d[0], d[1], d[2], d[3], d[4]]);
        [a, b, c, e, f, d[0], d[1], d[2], d[3]]
    }

    #[inline(always)]
    fn output(m: Line) -> Line {
        let [a, b, c, d] = Five::output(&m);
        line([m[5], a, m[6], b, m[7], c, m[8], d + m[4]])
    }

    #[inline(always)]
    fn weight(g: Line) -> Line {
        Five::weight_2(g[2], g[0], g[1])
    }
}

#[cfg(test)]
mod tests;
