//! statistics and what applies them against the definitions in float64.

use crate::layout::Blocked;
use crate::micro::load::CONSTANTS_ELEMS;
use crate::micro::pointwise::steps::code_of;
use crate::micro::statistics::Moments;
use crate::record::{Operand, PartialMoments, Pointwise, Program, Statistics};
use crate::testing::{Random, TestPlan, assert_close};
use std::vec::Vec;

struct Case {
    shape: Blocked,
    groups: usize,
    across_batch: bool,
    affine: bool,
    chunk_px: u32,
}

const EPS: f32 = 1e-5;

/// Runs statistics and their affine map over `values`; the normalised values.
fn run(case: &Case, values: &[f32], gamma: &[f32], beta: &[f32]) -> Vec<f32> {
    let s = case.shape;
    let [n, c, h, w] = [s.n, s.c, s.h, s.w].map(|size| size as u32);
    let constants_n = if case.across_batch { 1 } else { s.n };
    let mut plan = TestPlan::new();
    let x = plan.blocked(values, s);
    let (scratch, scratch_bytes) = (Operand::ABSENT, 0);
    let gamma = if case.affine {
        plan.dense(gamma)
    } else {
        Operand::ABSENT
    };
    let beta = if case.affine {
        plan.dense(beta)
    } else {
        Operand::ABSENT
    };
    let constants = plan.room(constants_n * s.channel_blocks() * CONSTANTS_ELEMS);
    let tiles = s.n * s.channel_blocks() * s.chunks(case.chunk_px);
    let partials = plan.room(tiles * Moments::PARTIAL_ELEMS);
    let y = plan.room_blocked(s);
    plan.push(PartialMoments {
        scratch,
        scratch_bytes,
        x,
        partials,
        n,
        c,
        h,
        w,
        chunk_px: case.chunk_px,
    });
    plan.push(Statistics {
        scratch,
        scratch_bytes,
        partials,
        gamma,
        beta,
        constants,
        n,
        c,
        parts: s.chunks(case.chunk_px) as u32,
        groups: case.groups as u32,
        across_batch: u32::from(case.across_batch),
        eps: EPS,
    });
    let plane = h * w * 4;
    let blocks = s.channel_blocks() as u32;
    plan.push(Pointwise {
        y,
        a: x,
        b: constants,
        kinds: 4 << 4,
        row_elems: plane,
        d0: 1,
        d1: 1,
        d2: 1,
        d3: n,
        d4: blocks,
        a_step3: plane * blocks,
        a_step4: plane,
        b_step3: if constants_n == 1 { 0 } else { blocks * 12 },
        b_step4: 12,
        program: Program::of(1, &[(code_of("affine") | 2 << 8, [0.0; 2]); 8]),
        tile_strips: 1,
        ..Pointwise::default()
    });
    plan.run_everywhere().blocked(y, s)
}

fn naive(case: &Case, values: &[f32], gamma: &[f32], beta: &[f32]) -> Vec<f64> {
    let s = case.shape;
    let key = |i: usize| {
        let (n, c) = (i / s.plane_px() / s.c, i / s.plane_px() % s.c);
        let group = c / (s.c / case.groups);
        if case.across_batch {
            group
        } else {
            n * case.groups + group
        }
    };
    let mut sums = std::vec![(0.0f64, 0.0f64); s.n * case.groups];
    for (i, &x) in values.iter().enumerate() {
        sums[key(i)].0 += 1.0;
        sums[key(i)].1 += f64::from(x);
    }
    let mut squares = std::vec![0.0f64; sums.len()];
    for (i, &x) in values.iter().enumerate() {
        let (count, sum) = sums[key(i)];
        squares[key(i)] += (f64::from(x) - sum / count).powi(2);
    }
    values
        .iter()
        .enumerate()
        .map(|(i, &x)| {
            let (count, sum) = sums[key(i)];
            let var = squares[key(i)] / count;
            let y = (f64::from(x) - sum / count) / (var + f64::from(EPS)).sqrt();
            let c = i / s.plane_px() % s.c;
            if case.affine {
                y * f64::from(gamma[c]) + f64::from(beta[c])
            } else {
                y
            }
        })
        .collect()
}

#[test]
fn instance_group_layer_and_batch_equal_the_naive_ones() {
    let mut random = Random::new(11);
    for (n, c, h, w) in [(1, 1, 1, 1), (2, 6, 5, 7), (3, 9, 9, 4), (2, 12, 1, 70)] {
        let shape = Blocked::new(n, c, h, w);
        let c = shape.c;
        for (groups, across_batch) in [(c, false), (1, false), (c.div_ceil(3), false), (c, true)] {
            for (affine, chunk_px) in [(false, 4), (true, 33), (true, 1 << 20)] {
                let case = Case {
                    shape,
                    groups,
                    across_batch,
                    affine,
                    chunk_px,
                };
                let values = random.floats(shape.n * c * shape.plane_px(), -2.0, 3.0);
                let (gamma, beta) = (random.floats(c, -1.0, 1.0), random.floats(c, -1.0, 1.0));
                let got = run(&case, &values, &gamma, &beta);
                let wanted = naive(&case, &values, &gamma, &beta);
                assert_close(
                    &got,
                    &wanted,
                    2e-6,
                    &std::format!("{shape:?} in {groups} groups"),
                );
            }
        }
    }
}

#[test]
fn a_small_spread_around_a_large_mean_keeps_its_digits() {
    let mut random = Random::new(12);
    let shape = Blocked::new(1, 5, 64, 64);
    for (mean, spread) in [(1000.0, 0.5), (1e4, 1.0), (-3e4, 2.0), (0.0, 1e-3)] {
        let case = Case {
            shape,
            groups: 5,
            across_batch: false,
            affine: false,
            chunk_px: 1000,
        };
        let len = shape.c * shape.plane_px();
        let mut values = random.floats(len, mean - spread, mean + spread);
        // The first pixels are outliers: they must not spoil the shift.
        for c in 0..shape.c {
            values[c * shape.plane_px()] = mean + 30.0 * spread;
        }
        let (got, wanted) = (
            run(&case, &values, &[], &[]),
            naive(&case, &values, &[], &[]),
        );
        assert_close(&got, &wanted, 2e-6, &std::format!("{mean} +- {spread}"));
    }
}

/// Squares overflow in float32 from 1.8e19 on, differences from 1.7e38 on.
#[test]
fn the_largest_values_keep_their_digits() {
    let mut random = Random::new(13);
    let shape = Blocked::new(2, 5, 9, 20);
    for (groups, across_batch, chunk_px) in [(5, false, 33), (1, false, 400), (5, true, 7)] {
        for most in [1e18, 1e19, 1e20, 1e38, f32::MAX] {
            let case = Case {
                shape,
                groups,
                across_batch,
                affine: false,
                chunk_px,
            };
            let len = shape.n * shape.c * shape.plane_px();
            let mut values = random.floats(len, -1.0, 1.0);
            values.iter_mut().for_each(|x| *x *= most);
            // One channel has its mean near one end, and a value at the other.
            values[..shape.plane_px()].fill(-most);
            values[17] = most;
            let got = run(&case, &values, &[], &[]);
            let wanted = naive(&case, &values, &[], &[]);
            assert_close(&got, &wanted, 2e-6, &std::format!("{most:e}, {groups}"));
        }
    }
}

#[test]
fn infinity_and_nan_stay_in_their_channel() {
    let mut random = Random::new(14);
    let shape = Blocked::new(1, 6, 4, 11);
    for bad in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        for (at, chunk_px) in [(0, 100), (43, 100), (20, 3)] {
            let case = Case {
                shape,
                groups: 6,
                across_batch: false,
                affine: false,
                chunk_px,
            };
            let mut values = random.floats(6 * 44, -1.0, 1.0);
            values[44 + at] = bad;
            let got = run(&case, &values, &[], &[]);
            for (i, y) in got.iter().enumerate() {
                assert_eq!(y.is_nan(), i / 44 == 1, "{bad} at {at}: element {i} is {y}");
            }
        }
    }
}

#[test]
fn a_constant_picture_becomes_zero() {
    let shape = Blocked::new(1, 3, 5, 5);
    for value in [123.456, 3e38, -f32::MAX] {
        let case = Case {
            shape,
            groups: 3,
            across_batch: false,
            affine: false,
            chunk_px: 7,
        };
        let got = run(&case, &[value; 75], &[], &[]);
        assert_eq!(got, [0.0; 75]);
    }
}
