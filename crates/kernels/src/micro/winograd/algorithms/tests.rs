//! Each algorithm along one axis, with its weights, is the convolution that it stands for.

use super::{Algorithm, F3x3, F4x3, F4x4, F5x3, F5x5, Line, MOST, Stride2, Transposed2, factors};
use crate::simd::F32x4;

const D: [f32; MOST] = [0.5, -1.0, 2.0, 0.25, -3.0, 1.5, -0.75, 4.0, 1.0];
const G: [f32; 5] = [1.0, -2.0, 0.5, 3.0, -1.5];

fn line_of(numbers: &[f32]) -> Line {
    core::array::from_fn(|i| F32x4::splat(numbers.get(i).copied().unwrap_or(0.0)))
}

/// `y[i]` is the sum of `taps(i)`: an input and a weight each.
fn check<A: Algorithm>(taps: impl Fn(usize) -> std::vec::Vec<(usize, usize)>) {
    let (d, g) = (
        A::input(line_of(&D[..A::PATCH]), &factors(&A::INPUT)),
        A::weight(line_of(&G[..A::TAPS])),
    );
    let products = core::array::from_fn(|i| {
        let weight = i.min(A::WEIGHTS - 1);
        if i < A::POINTS {
            d[i] * g[weight] * F32x4::splat(A::SCALE[weight] as f32)
        } else {
            F32x4::splat(f32::NAN)
        }
    });
    let y = A::output(products, &factors(&A::OUTPUT));
    for (i, y) in y.iter().enumerate().take(A::TILE) {
        let wanted: f32 = taps(i).iter().map(|&(d, g)| D[d] * G[g]).sum();
        let got = y.to_array()[0];
        assert!(
            (got - wanted).abs() < 2e-5,
            "result {i}: {got}, not {wanted}"
        );
    }
}

#[test]
fn each_is_its_convolution() {
    let plain = |taps: usize| move |i| (0..taps).map(|k| (i + k, k)).collect();
    check::<F4x3>(plain(3));
    check::<F3x3>(plain(3));
    check::<F4x4>(plain(4));
    check::<F5x3>(plain(3));
    check::<F5x5>(plain(5));
    check::<Stride2>(|i| (0..3).map(|k| (2 * i + k, k)).collect());
    // y[2 i - 1 + k] += x[i] w[k]
    check::<Transposed2>(|y| {
        let pairs = (0..5).flat_map(|i| (0..3).map(move |k| (i, k)));
        pairs.filter(|&(i, k)| 2 * i + k == y + 1).collect()
    });
}
