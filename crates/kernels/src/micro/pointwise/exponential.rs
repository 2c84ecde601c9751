//! exp, log and what is made of them, on vectors; pow lane by lane in float64. Errors are measured in tests.rs.

use crate::simd::F32x4;

const LOG2_E: f32 = core::f32::consts::LOG2_E;
/// log(2) in two parts; multiples of the first by whole numbers below 2^14 are exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// Adding and subtracting it rounds to whole numbers, of magnitudes below 2^22.
const WHOLE: f32 = 12_582_912.0;
/// exp(-x) of it and beyond is 0, and so is its product with x.
const VANISHES: f32 = -120.0;
/// exp of it and beyond is infinite.
const OVERFLOWS: f32 = 89.0;

#[inline(always)]
fn c(x: f32) -> F32x4 {
    F32x4::splat(x)
}

/// Horner's scheme, the highest power's coefficient first.
#[inline(always)]
fn polynomial<const N: usize>(x: F32x4, coefficients: [f32; N]) -> F32x4 {
    let mut sum = c(coefficients[0]);
    for &coefficient in &coefficients[1..] {
        sum = sum.mul_add(x, c(coefficient));
    }
    sum
}

/// `by * exp(x)`, which may be where exp(x) alone is beyond float32's range: scaled twice, so that it is rounded once where it is denormal.
/// Infinite and vanishing exponents are cut off; `by` must not make up for them.
#[inline(always)]
fn exp_times(x: F32x4, by: F32x4) -> F32x4 {
    let x = x.max(c(VANISHES)).min(c(OVERFLOWS));
    let n = x.mul_add(c(LOG2_E), c(WHOLE)) - c(WHOLE);
    let r = n.neg_mul_add(c(LN2_HIGH), x);
    let r = n.neg_mul_add(c(LN2_LOW), r);
    // Cephes' expf: exp(r) = 1 + r + r^2 P(r) for |r| <= log(2) / 2, within 4e-9.
    let p = polynomial(
        r,
        [
            1.987_569_1e-4,
            1.398_199_9e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            1.666_666_5e-1,
            0.5,
        ],
    );
    let e = (r * r).mul_add(p, r) + c(1.0);
    let half = n.mul_add(c(0.5), c(WHOLE)) - c(WHOLE);
    by * e * half.power_of_two() * (n - half).power_of_two()
}

/// exp(x)
#[inline(always)]
pub(super) fn exp(x: F32x4) -> F32x4 {
    exp_times(x, c(1.0))
}

/// x, or a zero of its sign where exp(x) * x vanishes; NaN of -infinity, as 0 * infinity is.
#[inline(always)]
fn vanishing(x: F32x4) -> F32x4 {
    F32x4::select(x.less(c(VANISHES)), x * c(0.0), x)
}

/// 1 / (1 + exp(-x)), by exp of what is not above 0.
#[inline(always)]
pub(super) fn sigmoid(x: F32x4) -> F32x4 {
    let e = exp_times(c(0.0) - x.abs(), c(1.0));
    F32x4::select(x.less(c(0.0)), e, c(1.0)) / (e + c(1.0))
}

/// x * sigmoid(x)
#[inline(always)]
pub(super) fn silu(x: F32x4) -> F32x4 {
    let below = c(0.0) - x.abs();
    let scaled = exp_times(below, vanishing(x));
    let e = exp_times(below, c(1.0));
    F32x4::select(x.less(c(0.0)), scaled, x) / (e + c(1.0))
}

/// x * tanh(log(1 + exp(x))) = x * n / (n + 2) with n = exp(x) * (exp(x) + 2), divided by exp(x)^2 where x is above 0.
#[inline(always)]
pub(super) fn mish(x: F32x4) -> F32x4 {
    let below = c(0.0) - x.abs();
    let e = exp_times(below, c(1.0));
    let scaled = exp_times(below, vanishing(x));
    let is_below = x.less(c(0.0));
    let numerator = F32x4::select(
        is_below,
        scaled * (e + c(2.0)),
        x * e.mul_add(c(2.0), c(1.0)),
    );
    let denominator = F32x4::select(
        is_below,
        (e + c(2.0)).mul_add(e, c(2.0)),
        (e * c(2.0)).mul_add(e + c(1.0), c(1.0)),
    );
    numerator / denominator
}

/// log(x) of base e; NaN below 0.
#[inline(always)]
pub(super) fn log(x: F32x4) -> F32x4 {
    // Denormal numbers are made normal.
    let is_small = x.less(c(f32::MIN_POSITIVE));
    let normal = F32x4::select(is_small, x * c(8_388_608.0), x);
    let (m, e) = normal.mantissa_and_exponent();
    let e = e - F32x4::select(is_small, c(23.0), c(0.0));
    let f = m - c(1.0);
    let square = f * f;
    // Cephes' logf: log(1 + f) = f - f^2 / 2 + f^3 P(f).
    let p = polynomial(
        f,
        [
            7.037_683_6e-2,
            -1.151_461e-1,
            1.167_699_9e-1,
            -1.242_014e-1,
            1.424_932_3e-1,
            -1.666_805_8e-1,
            2.000_071_5e-1,
            -2.499_999_4e-1,
            3.333_333e-1,
        ],
    );
    let tail = e.mul_add(c(LN2_LOW), p * f * square);
    let y = e.mul_add(c(LN2_HIGH), square.mul_add(c(-0.5), tail) + f);
    let finite = F32x4::select(x.less(c(f32::INFINITY)), y, x);
    let at_zero = F32x4::select(x.equal(c(0.0)), c(f32::NEG_INFINITY), finite);
    F32x4::select(x.less(c(0.0)), c(f32::NAN), at_zero)
}

/// x to the power of a.
#[inline(always)]
pub(super) fn pow(x: F32x4, a: F32x4) -> F32x4 {
    let (x, a) = (x.to_array(), a.to_array());
    F32x4::new(core::array::from_fn(|i| pow_one(x[i], a[i])))
}

/// In float64, since the exponent multiplies the logarithm's error: within one rounding of the result and 1e-9 of it.
#[inline(never)]
fn pow_one(x: f32, a: f32) -> f32 {
    if a == 0.0 || x == 1.0 {
        return 1.0;
    }
    if x.is_nan() || a.is_nan() {
        return f32::NAN;
    }
    // From 2^24 on every float is an even number.
    let is_whole = a.abs() >= 16_777_216.0 || (a as i32) as f32 == a;
    let is_odd = a.abs() < 16_777_216.0 && is_whole && (a as i32) & 1 == 1;
    let size = if x == 0.0 || x.is_infinite() {
        // Infinite if it grows without bound, else 0.
        if (x == 0.0) == (a < 0.0) {
            f64::INFINITY
        } else {
            0.0
        }
    } else if x < 0.0 && !is_whole && a.is_finite() {
        return f32::NAN;
    } else if x == -1.0 {
        1.0
    } else {
        exp_f64(log_f64(f64::from(x.abs())) * f64::from(a))
    };
    let is_negative = is_odd && x.is_sign_negative();
    (if is_negative { -size } else { size }) as f32
}

/// log of positive numbers that are normal in float64, within 1e-12 of it.
fn log_f64(x: f64) -> f64 {
    const SQRT_HALF: u64 = 0x3FE6_A09E_667F_3BCD;
    let bits = x.to_bits();
    let e = (bits.wrapping_sub(SQRT_HALF)).cast_signed() >> 52;
    let m = f64::from_bits(bits.wrapping_sub((e << 52).cast_unsigned()));
    // 2 artanh(s), |s| < 0.172
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for k in [17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * square + 1.0 / k;
    }
    e as f64 * core::f64::consts::LN_2 + 2.0 * s * sum
}

/// exp of what is not NaN, as far as float32 holds it; within 1e-11.
fn exp_f64(x: f64) -> f64 {
    let x = x.clamp(-200.0, 200.0);
    let scaled = x * core::f64::consts::LOG2_E;
    let n = (scaled + if scaled < 0.0 { -0.5 } else { 0.5 }) as i64;
    let r = x - n as f64 * core::f64::consts::LN_2;
    let mut sum = 1.0;
    for k in [10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0] {
        sum = sum * r / k + 1.0;
    }
    sum * f64::from_bits(((n + 1023) as u64) << 52)
}
