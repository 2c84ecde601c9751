//! Loops over rows of vectors: one in, one out, and two in, one out. What happens to a vector is the caller's. Programs of pointwise ops
//! have their own (pointwise.rs).
//!
//! A row is any run of pixels that lie one after the other. Outputs may be the inputs: each vector is read before its place
//! is written.

use crate::mem::{Dst, Src};
use crate::simd::{F32x4, LANES};

/// Vectors of a step of `stream`.
const TOGETHER: usize = 4;

/// `y[i] = f(x[i])` for every vector of y.
#[inline(always)]
pub fn map(x: Src, y: Dst, f: impl Fn(F32x4) -> F32x4) {
    assert!(x.len() == y.len() && y.len().is_multiple_of(LANES));
    let (from, to) = (x.as_ptr(), y.as_mut_ptr());
    let mut i = 0;
    while i < y.len() {
        // SAFETY: i + 4 <= len, which both views have.
        unsafe { f(F32x4::load(from.add(i))).store(to.add(i)) };
        i += LANES;
    }
}

/// As [`map`], four vectors a step: a seventh faster where `f` is a few instructions, and four times the code.
#[inline(always)]
pub fn stream(x: Src, y: Dst, f: impl Fn(F32x4) -> F32x4) {
    let whole = y.len() / (TOGETHER * LANES) * (TOGETHER * LANES);
    assert!(x.len() == y.len());
    let (mut from, mut to) = (x.as_ptr(), y.as_mut_ptr());
    let end = to.wrapping_add(whole);
    while to != end {
        for k in 0..TOGETHER {
            // SAFETY: from and to stay that far before the end of their views, which are as long.
            unsafe { f(F32x4::load(from.add(k * LANES))).store(to.add(k * LANES)) };
        }
        from = from.wrapping_add(TOGETHER * LANES);
        to = to.wrapping_add(TOGETHER * LANES);
    }
    let rest = y.len() - whole;
    map(x.slice(whole, rest), y.slice(whole, rest), f);
}

/// `y[i] = f(a[i], b[i])` for every vector of y.
#[inline(always)]
pub fn zip(a: Src, b: Src, y: Dst, f: impl Fn(F32x4, F32x4) -> F32x4) {
    assert!(a.len() == y.len() && b.len() == y.len() && y.len().is_multiple_of(LANES));
    let (from_a, from_b, to) = (a.as_ptr(), b.as_ptr(), y.as_mut_ptr());
    let mut i = 0;
    while i < y.len() {
        // SAFETY: i + 4 <= len, which all three views have.
        unsafe { f(F32x4::load(from_a.add(i)), F32x4::load(from_b.add(i))).store(to.add(i)) };
        i += LANES;
    }
}

/// Sets every vector of y.
#[inline(always)]
pub fn fill(y: Dst, x: F32x4) {
    map(y.as_src(), y, |_| x);
}

/// Copies x to y; they may be the same, but not overlap otherwise.
#[inline(always)]
pub fn copy(x: Src, y: Dst) {
    map(x, y, |x| x);
}
