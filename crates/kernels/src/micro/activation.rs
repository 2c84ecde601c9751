//! ReLU, leaky ReLU and Tanh on vectors, as steps of programs and registers have them. Not the loops that apply them.
//!
//! Tanh doubles the angle of a rational approximation at half of it: `t = tanh(x / 2)`, `tanh x = 2t / (1 + t^2)`.
//! 1. Doubling multiplies a relative error of t by (1 - t^2) / (1 + t^2), so the fit may be loose where x is large: it is
//!    `t = x P(x^2) / Q(x^2)`, degrees 2 and 3, with P(0) / Q(0) = 1/2 exactly, minimax in that weighted relative error over
//!    |x| <= 9.6 (Lawson's reweighted least squares at 40 digits on 500 Chebyshev points): 1.4e-8. All coefficients are
//!    positive, so rounding stays relative.
//! 2. `1 + t^2 >= 2t` holds after rounding too (2t - 1 is representable), so the result never leaves [-1, 1].
//! 3. `(1 - t)^2 / 2 < 2^-25` at the clamp, so it is +-1 from there on; below 9.01 tanh itself is smaller than 1 in float32.
//!
//! Not taken: one rational for tanh itself, where the roundings of both its halves count in full near 1.

use crate::simd::F32x4;

/// max(x, 0); NaN stays NaN.
#[inline(always)]
pub fn relu(x: F32x4) -> F32x4 {
    x.zero_below(F32x4::splat(0.0))
}

/// Where x is above 0 x, elsewhere x times the slope: compared and selected, since slopes may be above 1 or below 0.
#[inline(always)]
pub fn leaky_relu(x: F32x4, slope: F32x4) -> F32x4 {
    F32x4::select(F32x4::splat(0.0).less(x), x, x * slope)
}

/// Where tanh is 1 in float32 and the fit ends.
const SATURATED: f32 = 9.5;
/// Numerator, by power of x^2; the first is a factor of the whole.
const P: [f32; 3] = [0.5, 2.0 * 0.014_831_285, 2.0 * 5.592_616e-5];
/// Denominator, by power of x^2.
const Q: [f32; 4] = [1.0, 0.112_995_84, 1.194_901_1e-3, 1.178_721_9e-6];

/// tanh(x) within 1.6e-7 absolutely and 5 units in the last place relatively (1.53e-7 and 4.2 over all floats, the product
/// rounded twice); odd, NaN stays NaN.
#[inline(always)]
pub fn tanh(x: F32x4) -> F32x4 {
    let c = F32x4::splat;
    let x = x.max(c(-SATURATED)).min(c(SATURATED));
    let u = x * x;
    let half = x * c(P[0]);
    let p = (u.mul_add(c(P[2]), c(P[1])) * u).mul_add(half, half);
    let q = u
        .mul_add(c(Q[3]), c(Q[2]))
        .mul_add(u, c(Q[1]))
        .mul_add(u, c(Q[0]));
    let t = p / q;
    (t + t) / t.mul_add(t, c(1.0))
}

#[cfg(test)]
mod tests {
    use super::{relu, tanh};
    use crate::simd::F32x4;

    fn tanh_of(x: f32) -> f32 {
        tanh(F32x4::splat(x)).to_array()[0]
    }

    #[test]
    fn tanh_is_within_its_bounds_over_all_magnitudes() {
        let (mut worst_abs, mut worst_ulps) = (0.0f64, 0.0f64);
        // Every 61st float from 2^-30 to 16: some five million, in every binade.
        for bits in (0x3080_0000..0x4180_0000).step_by(61) {
            let x = f32::from_bits(bits);
            let wanted = f64::from(x).tanh();
            let got = tanh_of(x);
            let error = (f64::from(got) - wanted).abs();
            let nearest = wanted as f32;
            let ulp = f64::from(f32::from_bits(nearest.to_bits() + 1)) - f64::from(nearest);
            worst_abs = worst_abs.max(error);
            worst_ulps = worst_ulps.max(error / ulp);
            assert!(got <= 1.0 && tanh_of(-x) == -got, "at {x}");
        }
        assert!(worst_abs <= 1.6e-7, "absolute error {worst_abs}");
        assert!(worst_ulps <= 5.0, "units in the last place {worst_ulps}");
    }

    #[test]
    fn tanh_saturates_and_keeps_zero_and_nan() {
        for x in [9.1f32, 9.5, 10.0, 88.0, 1e30, f32::MAX, f32::INFINITY] {
            assert_eq!((tanh_of(x), tanh_of(-x)), (1.0, -1.0));
        }
        assert_eq!(tanh_of(-0.0).to_bits(), (-0.0f32).to_bits());
        assert_eq!(tanh_of(1e-40), 1e-40);
        assert!(tanh_of(f32::NAN).is_nan());
    }

    #[test]
    fn relu_keeps_nan() {
        let got = relu(F32x4::new([-1.0, 2.0, f32::NAN, f32::NEG_INFINITY])).to_array();
        assert_eq!((got[0], got[1], got[3]), (0.0, 2.0, 0.0));
        assert!(got[2].is_nan());
    }
}
