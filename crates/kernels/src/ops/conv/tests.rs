//! What convolution tests share about normalisation: constants for the load, and a look at the moments that tiles leave.

use std::vec::Vec;

use crate::layout::Blocked;
use crate::micro::load::CONSTANTS_ELEMS;
use crate::micro::statistics::{Moments, merge};
use crate::record::{Epilogue, Frame, Loading, Operand, Sliding};
use crate::testing::{Finished, Random, TestPlan};

/// What is fused into a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fusion {
    Nothing,
    /// Moments, and a load with constants of each sample and ReLU
    Samples,
    /// Moments, and a load with the same constants for all samples
    Shared,
}

impl Fusion {
    pub(crate) const ALL: [Self; 3] = [Self::Nothing, Self::Samples, Self::Shared];
}

/// What a fusion adds to a record, and x as the convolution sees it.
pub(crate) struct Fused {
    pub(crate) loading: Loading,
    pub(crate) epilogue: Epilogue,
    pub(crate) x: Vec<f64>,
}

/// Puts it into the plan; `parts` tiles lie in a plane of y.
pub(crate) fn fused(
    (fusion, activation): (Fusion, u32),
    plan: &mut TestPlan,
    (x, x_shape): (&[f32], Blocked),
    (y_shape, parts): (Blocked, usize),
) -> Fused {
    let relu = fusion == Fusion::Samples;
    let sets = if relu { x_shape.n } else { 1 };
    let blocks = x_shape.channel_blocks();
    let mut constants = Random::new(77).floats(sets * blocks * CONSTANTS_ELEMS, -1.5, 1.5);
    // Constants past C may be anything too.
    for set in 0..sets {
        for i in 0..CONSTANTS_ELEMS {
            if i % 4 >= x_shape.lanes_in(blocks - 1) {
                constants[(set * blocks + blocks - 1) * CONSTANTS_ELEMS + i] = f32::NAN;
            }
        }
    }
    let loaded = x.iter().enumerate().map(|(i, &x)| {
        let (n, c) = (
            i / x_shape.plane_px() / x_shape.c,
            i / x_shape.plane_px() % x_shape.c,
        );
        let at = (n % sets * blocks + c / 4) * CONSTANTS_ELEMS + c % 4;
        let [m, s, b] = [0, 4, 8].map(|k| f64::from(constants[at + k]));
        match fusion {
            Fusion::Nothing => f64::from(x),
            Fusion::Samples => ((f64::from(x) - m) * s + b).max(0.0),
            Fusion::Shared => (f64::from(x) - m) * s + b,
        }
    });
    let x = loaded.collect();
    let partials = y_shape.n * y_shape.channel_blocks() * parts * Moments::PARTIAL_ELEMS;
    let (constants, moments) = match fusion {
        Fusion::Nothing => (Operand::ABSENT, Operand::ABSENT),
        _ => (plan.dense(&constants), plan.room(partials)),
    };
    Fused {
        loading: Loading {
            at: 0,
            constants,
            constants_n: sets as u32,
            load_activation: relu.into(),
        },
        epilogue: Epilogue {
            at: 0,
            activation,
            moments,
        },
        x,
    }
}

/// A 3x3 convolution of one 8 x 8 picture of 8 channels in all that a record has with others, a row a tile; there is room for a second picture.
pub(crate) fn small(
    plan: &mut TestPlan,
    weight_elems: usize,
) -> (Frame, Sliding, Loading, Epilogue) {
    let frame = Frame {
        at: 0,
        x: plan.room(2 * 8 * 8 * 4),
        weight: plan.room(weight_elems),
        bias: Operand::ABSENT,
        y: plan.room(2 * 8 * 8 * 4),
        n: 1,
        c: 8,
        h: 8,
        w: 8,
        o: 8,
        out_h: 8,
        out_w: 8,
    };
    let sliding = Sliding {
        at: 0,
        kh: 3,
        kw: 3,
        stride_h: 1,
        stride_w: 1,
        dilation_h: 1,
        dilation_w: 1,
        pad_top: 1,
        pad_left: 1,
        pad_mode: 0,
        tile_rows: 1,
        tile_cols: 8,
    };
    let epilogue = Epilogue {
        at: 0,
        activation: 0,
        moments: plan.room(2 * 8 * 24),
    };
    let loading = Loading {
        at: 0,
        constants: plan.room(2 * 12),
        constants_n: 1,
        load_activation: 0,
    };
    (frame, sliding, loading, epilogue)
}

/// The moments that tiles left, merged, are those of y.
pub(crate) fn check_moments(
    run: &Finished,
    moments: Operand,
    (y, shape): (&[f32], Blocked),
    parts: usize,
    what: &str,
) {
    if !moments.is_present() {
        return;
    }
    let blocks = shape.channel_blocks();
    let floats = run.dense(moments, shape.n * blocks * parts * Moments::PARTIAL_ELEMS);
    let double = |at: usize| {
        let [low, high] = [floats[at], floats[at + 1]].map(|half| u64::from(half.to_bits()));
        f64::from_bits(high << 32 | low)
    };
    for plane in 0..shape.n * shape.c {
        let (n, c) = (plane / shape.c, plane % shape.c);
        let part = |part: usize| {
            let at = ((n * blocks + c / 4) * parts + part) * Moments::PARTIAL_ELEMS + c % 4 * 2;
            let [count, mean, m2] = [0, 8, 16].map(|k| double(at + k));
            Moments { count, mean, m2 }
        };
        let got = merge(|| (0..parts).map(part));
        let values = &y[plane * shape.plane_px()..(plane + 1) * shape.plane_px()];
        let mean = values.iter().map(|&y| f64::from(y)).sum::<f64>() / got.count;
        let m2: f64 = values.iter().map(|&y| (f64::from(y) - mean).powi(2)).sum();
        assert_eq!(got.count, values.len() as f64, "{what}: pixels");
        // Float32 sums of at most 16 terms about a shift near them.
        let deviation = (m2 / got.count).sqrt();
        let mean_error = (got.mean - mean).abs();
        assert!(
            mean_error <= 1e-6 * deviation,
            "{what}: mean {got:?} {mean}"
        );
        assert!((got.m2 - m2).abs() <= 3e-6 * m2, "{what}: M2 {got:?} {m2}");
    }
}
