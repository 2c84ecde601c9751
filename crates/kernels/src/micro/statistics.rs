//! Mean and sum of squared deviations of each lane, over any number of pixels: accurate when the mean is 10000 times the
//! deviation. `E[x^2] - E[x]^2` appears nowhere.
//!
//! ```text
//! K = mean of a few pixels                         a shift near the data: x - K loses nothing that matters
//! for run of 64 pixels { s += x - K; q += (x - K)^2 }      float32, four accumulators each
//!   S += s; Q += q                                 float64, once a run; what overflows in float32 is summed again in float64
//! mean = K + S / n, M2 = Q - S^2 / n               float64; S is small because K is near
//! merged: mean = sum n_i mean_i / n, M2 = sum M2_i + n_i (mean_i - mean)^2       Chan's formula for many parts, in their order
//! ```

use crate::mem::{Dst, Src};
use crate::simd::{F32x4, LANES};

/// Pixels added up in float32 before float64 takes over: 16 to an accumulator, so a sum's rounding stays near its terms'.
const RUN_PX: usize = 64;
/// Pixels that the shift is the mean of.
const SHIFT_PX: usize = 8;
/// Accumulators of a sum: enough to hide the latency of an addition.
const ACCUMULATORS: usize = 4;

/// Leaves the moments of each lane in the `i`-th group of partials.
pub fn store_moments(parts: [Moments; LANES], partials: Dst, i: usize) {
    for (lane, part) in parts.into_iter().enumerate() {
        part.store(partials, i, lane);
    }
}

/// Mean and summed squared deviations of a number of values.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    /// How many values, a whole number
    pub count: f64,
    /// Mean
    pub mean: f64,
    /// Sum of squared deviations from it
    pub m2: f64,
}

impl Moments {
    /// Floats that the moments of four lanes take: count, mean and M2 of each lane in float64.
    pub const PARTIAL_ELEMS: usize = 3 * LANES * 2;

    /// From sums of `x - shift` and `(x - shift)^2`.
    #[inline]
    pub fn of_sums(count: f64, shift: f64, sum: f64, squares: f64) -> Self {
        let m2 = squares - sum * sum / count;
        Self {
            count,
            mean: shift + sum / count,
            // Rounding may leave less than nothing; NaN stays.
            m2: if m2 < 0.0 { 0.0 } else { m2 },
        }
    }
    /// Leaves the moments of one lane in the `i`-th group of partials.
    pub fn store(&self, partials: Dst, i: usize, lane: usize) {
        let at = i * Self::PARTIAL_ELEMS + lane * 2;
        for (k, x) in [self.count, self.mean, self.m2].into_iter().enumerate() {
            partials.set_f64(at + k * LANES * 2, x);
        }
    }
    /// Reads what `store` left.
    #[inline(always)]
    pub fn load(partials: Dst, i: usize, lane: usize) -> Self {
        let at = i * Self::PARTIAL_ELEMS + lane * 2;
        Self {
            count: partials.get_f64(at),
            mean: partials.get_f64(at + LANES * 2),
            m2: partials.get_f64(at + 2 * LANES * 2),
        }
    }
}

/// The moments of each lane over the pixels of `x`, of which there is at least one.
#[inline(never)]
pub fn moments(x: Src) -> [Moments; LANES] {
    moments_of_rows(1, |_| x)
}

/// The moments of each lane over `count` rows of pixels, of which there is at least one and none is empty. They may be rows that
/// a tile has just stored: read again while the first caches hold them.
#[inline]
pub fn moments_of_rows(count: usize, row: impl Fn(usize) -> Src) -> [Moments; LANES] {
    assert!(count > 0);
    let mut sums = Sums::about(shift(count, &row));
    let pixels = (0..count).fold(0, |pixels, i| {
        let x = row(i);
        sums.add(x);
        pixels + x.len() / LANES
    });
    sums.moments(pixels)
}

/// As [`moments_of_rows`], of rows that come one at a time: meanwhile the `i`-th group of partials holds shift and sums.
#[inline(never)]
pub fn add_row(partials: Dst, i: usize, x: Src, is_first: bool) {
    let mut sums = if is_first {
        Sums::about(shift(1, &|_| x))
    } else {
        Sums::load(partials, i)
    };
    sums.add(x);
    sums.store(partials, i);
}

/// Makes moments of what [`add_row`] has left after rows of `pixels` pixels in all.
pub fn end_rows(partials: Dst, i: usize, pixels: usize) {
    store_moments(Sums::load(partials, i).moments(pixels), partials, i);
}

/// Sums of x - shift and of its square.
struct Sums {
    shift: F32x4,
    sum: [f64; LANES],
    squares: [f64; LANES],
}

impl Sums {
    fn about(shift: F32x4) -> Self {
        Self {
            shift,
            sum: [0.0; LANES],
            squares: [0.0; LANES],
        }
    }

    /// A call a row: inlined it would be in every op that leaves moments.
    #[inline(never)]
    fn add(&mut self, x: Src) {
        assert!(!x.is_empty() && x.len().is_multiple_of(LANES));
        let before = (self.sum, self.squares);
        let mut start = 0;
        while start < x.len() {
            let len = (RUN_PX * LANES).min(x.len() - start);
            let (s, q) = run(x.slice(start, len), self.shift);
            let (s, q) = (s.to_array(), q.to_array());
            for lane in 0..LANES {
                self.sum[lane] += f64::from(s[lane]);
                self.squares[lane] += f64::from(q[lane]);
            }
            start += len;
        }
        for lane in 0..LANES {
            let before = (before.0[lane], before.1[lane]);
            // Squares of float32 overflow from 1.8e19 on.
            let overflows = !(self.sum[lane] + self.squares[lane]).is_finite();
            if overflows && (before.0 + before.1).is_finite() {
                let shift = f64::from(self.shift.to_array()[lane]);
                (self.sum[lane], self.squares[lane]) = add_wide(before, x, lane, shift);
            }
        }
    }

    fn moments(&self, pixels: usize) -> [Moments; LANES] {
        let (count, shift) = (pixels as f64, self.shift.to_array());
        core::array::from_fn(|lane| {
            let (sum, squares) = (self.sum[lane], self.squares[lane]);
            Moments::of_sums(count, f64::from(shift[lane]), sum, squares)
        })
    }

    fn load(partials: Dst, i: usize) -> Self {
        let parts: [Moments; LANES] = core::array::from_fn(|lane| Moments::load(partials, i, lane));
        Self {
            shift: F32x4::new(parts.map(|part| part.count as f32)),
            sum: parts.map(|part| part.mean),
            squares: parts.map(|part| part.m2),
        }
    }

    fn store(&self, partials: Dst, i: usize) {
        let shift = self.shift.to_array();
        let parts = core::array::from_fn(|lane| Moments {
            count: f64::from(shift[lane]),
            mean: self.sum[lane],
            m2: self.squares[lane],
        });
        store_moments(parts, partials, i);
    }
}

/// A value near the data of each lane: one pixel alone could be an outlier.
fn shift(count: usize, row: &impl Fn(usize) -> Src) -> F32x4 {
    let scale = F32x4::splat(1.0 / SHIFT_PX as f32);
    (0..SHIFT_PX).fold(F32x4::splat(0.0), |sum, i| {
        let x = row(i * count / SHIFT_PX);
        sum + x.load(i * (x.len() / LANES) / SHIFT_PX * LANES) * scale
    })
}

/// Sums of (x - shift) and of its square.
#[inline(always)]
fn run(x: Src, shift: F32x4) -> (F32x4, F32x4) {
    let zero = F32x4::splat(0.0);
    let (mut s, mut q) = ([zero; ACCUMULATORS], [zero; ACCUMULATORS]);
    let whole = x.len() / (ACCUMULATORS * LANES) * (ACCUMULATORS * LANES);
    let mut from = x.as_ptr();
    let end = from.wrapping_add(whole);
    while from != end {
        for k in 0..ACCUMULATORS {
            // SAFETY: from stays so many vectors before the end.
            let d = unsafe { F32x4::load(from.add(k * LANES)) } - shift;
            s[k] = s[k] + d;
            q[k] = d.mul_add(d, q[k]);
        }
        from = from.wrapping_add(ACCUMULATORS * LANES);
    }
    let mut i = whole;
    while i < x.len() {
        let d = x.load(i) - shift;
        s[0] = s[0] + d;
        q[0] = d.mul_add(d, q[0]);
        i += LANES;
    }
    ((s[0] + s[1]) + (s[2] + s[3]), (q[0] + q[1]) + (q[2] + q[3]))
}

/// Adds the sums of one lane in float64, where no square of a float32 overflows.
#[cold]
#[inline(never)]
fn add_wide(before: (f64, f64), x: Src, lane: usize, shift: f64) -> (f64, f64) {
    let values = (lane..x.len()).step_by(LANES).map(|i| f64::from(x.get(i)));
    values.fold(before, |(sum, squares), x| {
        let d = x - shift;
        (sum + d, squares + d * d)
    })
}

/// The moments of all values, given those of their parts, of which none is empty. The parts are walked twice, in the same order.
pub fn merge<I: Iterator<Item = Moments>>(parts: impl Fn() -> I) -> Moments {
    let (count, sum) = parts().fold((0.0, 0.0), |(count, sum), part| {
        (count + part.count, sum + part.count * part.mean)
    });
    let mean = sum / count;
    let m2 = parts().fold(0.0, |m2, part| {
        let off = part.mean - mean;
        m2 + part.m2 + part.count * off * off
    });
    Moments { count, mean, m2 }
}

#[cfg(test)]
mod tests {
    use super::{Moments, merge};

    #[test]
    fn merging_parts_gives_the_moments_of_the_whole() {
        let values = [1e6, 1e6 + 1.0, 1e6 + 3.0, -5.0, 2.0];
        let of = |part: &[f64]| {
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            let m2 = part.iter().map(|x| (x - mean) * (x - mean)).sum();
            Moments {
                count: part.len() as f64,
                mean,
                m2,
            }
        };
        let parts = [of(&values[..1]), of(&values[1..3]), of(&values[3..])];
        let (got, wanted) = (merge(|| parts.into_iter()), of(&values));
        assert_eq!(got.count, 5.0);
        assert!((got.mean - wanted.mean).abs() < 1e-9);
        assert!((got.m2 / wanted.m2 - 1.0).abs() < 1e-14);
    }
}
