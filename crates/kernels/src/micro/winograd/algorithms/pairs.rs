//! What algorithms share whose points are pairs p and -p, perhaps with 0 and infinity beside them: the rows of a pair share their even
//! and odd parts.

use super::{Factors, Line, MOST, MOST_FACTORS, Numbers, splat};
use crate::simd::F32x4;

/// The points p of `N` pairs.
pub(super) struct Pairs<const N: usize>(pub(super) [f32; N]);

impl<const N: usize> Pairs<N> {
    /// `(x - s0) (x - s1) ..`, where these are the squares of the points but that of pair `without`: its coefficients after the first,
    /// but for their signs, which alternate.
    const fn coefficients(&self, without: usize) -> [f32; N] {
        let mut found = [0.0; N];
        let mut i = 0;
        while i < N {
            let square = self.0[i] * self.0[i];
            let mut k = N;
            while k > 0 && i != without {
                k -= 1;
                found[k] += square * if k > 0 { found[k - 1] } else { 1.0 };
            }
            i += 1;
        }
        found
    }

    /// What [`input`] multiplies by: for each pair its point and the coefficients without it; then those of all.
    pub(super) const fn input_numbers(&self) -> Numbers {
        let mut all = [0.0; MOST_FACTORS];
        let mut i = 0;
        while i <= N {
            let coefficients = self.coefficients(i);
            let mut k = 0;
            while k < N {
                all[i * N + k] = match (i, k) {
                    (_, 0) if i < N => self.0[i],
                    _ if i < N => coefficients[k - 1],
                    _ => coefficients[k],
                };
                k += 1;
            }
            i += 1;
        }
        all
    }

    /// What [`output`] multiplies by: powers from the first of all points, for so many results.
    pub(super) const fn output_numbers(&self, results: usize) -> Numbers {
        let mut all = [0.0; MOST_FACTORS];
        let mut at = 0;
        while at < (results - 1) * N {
            let p = self.0[at % N];
            all[at] = if at < N { p } else { all[at - N] * p };
            at += 1;
        }
        all
    }

    /// What weights are still to be multiplied by: those of the pairs from row `from` on, as if there were no point 0.
    pub(super) const fn scales(&self, from: usize) -> [f64; MOST] {
        let mut all = [1.0; MOST];
        let mut i = 0;
        while i < N {
            let p = self.0[i] as f64;
            let mut product = 2.0 * p;
            let mut k = 0;
            while k < N {
                let q = self.0[k] as f64;
                if k != i {
                    product *= p * p - q * q;
                }
                k += 1;
            }
            all[from + 2 * i] = 1.0 / product;
            all[from + 2 * i + 1] = -1.0 / product;
            i += 1;
        }
        all
    }

    /// Weights of the given taps at the pairs' points, from row `from` on.
    #[inline(always)]
    pub(super) fn weight(&self, g: &[F32x4], from: usize) -> Line {
        let mut line = [splat(0.0); MOST];
        for (i, &p) in self.0.iter().enumerate() {
            let square = splat(p * p);
            // Every second tap, from the last to the first.
            let part = |first: usize| {
                let taps = g.iter().skip(first).step_by(2).rev().copied();
                taps.reduce(|sum, tap| sum.mul_add(square, tap))
            };
            let (even, odd) = (part(0), part(1));
            let [even, odd] = [even, odd].map(|part| part.unwrap_or(splat(0.0)));
            [line[from + 2 * i], line[from + 2 * i + 1]] = both(even, splat(p), odd);
        }
        line
    }
}

/// `x + p y` and `x - p y`
#[inline(always)]
fn both(x: F32x4, p: F32x4, y: F32x4) -> [F32x4; 2] {
    [y.mul_add(p, x), y.neg_mul_add(p, x)]
}

/// Every second input from `d[from]` on, times the coefficients of a polynomial.
#[inline(always)]
fn polynomial(d: &Line, from: usize, coefficients: &[F32x4]) -> F32x4 {
    let degree = coefficients.len();
    let mut sum = d[from + 2 * degree];
    for (k, &factor) in coefficients.iter().enumerate() {
        let x = d[from + 2 * (degree - 1 - k)];
        sum = match k % 2 {
            0 => x.neg_mul_add(factor, sum),
            _ => x.mul_add(factor, sum),
        };
    }
    sum
}

/// Inputs from `d[from]` on at the pairs' points, from row `to` on.
#[inline(always)]
pub(super) fn input<const N: usize>(d: &Line, from: usize, factors: &Factors, to: usize) -> Line {
    let mut line = [splat(0.0); MOST];
    for i in 0..N {
        let others = &factors[i * N + 1..(i + 1) * N];
        let [even, odd] = [from, from + 1].map(|from| polynomial(d, from, others));
        [line[to + 2 * i], line[to + 2 * i + 1]] = both(odd, factors[i * N], even);
    }
    line
}

/// The row that is 0 at all pairs' points, of inputs from `d[from]` on: that of infinity, or, where inputs begin earlier, of 0.
#[inline(always)]
pub(super) fn rest<const N: usize>(d: &Line, from: usize, factors: &Factors) -> F32x4 {
    polynomial(d, from, &factors[N * N..N * (N + 1)])
}

/// `R` results of the pairs' products, from `m[from]` on. The first takes the product at 0 too, the last that at infinity.
#[inline(always)]
pub(super) fn output<const N: usize, const R: usize>(
    m: &Line,
    from: usize,
    zero: Option<F32x4>,
    infinity: F32x4,
    factors: &Factors,
) -> [F32x4; R] {
    let pair = |i: usize| [m[from + 2 * i], m[from + 2 * i + 1]];
    let even: [F32x4; N] = core::array::from_fn(|i| pair(i)[0] + pair(i)[1]);
    let odd: [F32x4; N] = core::array::from_fn(|i| pair(i)[0] - pair(i)[1]);
    core::array::from_fn(|power| {
        let parts = if power % 2 == 0 { &even } else { &odd };
        if power == 0 {
            let first = zero.map_or(parts[0], |zero| zero + parts[0]);
            return parts[1..].iter().fold(first, |sum, &part| sum + part);
        }
        let factors = &factors[(power - 1) * N..power * N];
        let first = match power + 1 == R {
            true => parts[0].mul_add(factors[0], infinity),
            false => parts[0] * factors[0],
        };
        (1..N).fold(first, |sum, i| parts[i].mul_add(factors[i], sum))
    })
}
