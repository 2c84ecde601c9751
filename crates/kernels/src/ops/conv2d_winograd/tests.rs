//! conv2d_winograd against the definition in float64, over odd sizes; and how far off it is.

use std::format;
use std::vec::Vec;

use crate::layout::Blocked;
use crate::ops::conv::tests::{Fusion, check_moments, fused};
use crate::ops::conv2d::tests::case::{Case, PLAIN};
use crate::record::{Conv2dWinograd, Operand, PackBias, PackConv2d, PackConv2dWinograd};
use crate::testing::{Random, TestPlan, assert_close};

/// How the work is divided, and from which weights the transformed ones are made.
#[derive(Clone, Copy, Debug)]
struct Division {
    squares: u32,
    group_o: u32,
    tile_o: u32,
    packed: bool,
}

const DIVISIONS: [Division; 4] = [
    Division {
        squares: 48,
        group_o: 16,
        tile_o: 64,
        packed: false,
    },
    Division {
        squares: 5,
        group_o: 8,
        tile_o: 8,
        packed: true,
    },
    Division {
        squares: 1,
        group_o: 16,
        tile_o: 8,
        packed: false,
    },
    Division {
        squares: 7,
        group_o: 8,
        tile_o: 24,
        packed: true,
    },
];

/// Tiles of a plane.
fn parts(case: &Case, division: Division) -> usize {
    let (h, w) = case.out();
    (h.div_ceil(4) * w.div_ceil(4)).div_ceil(division.squares.max(1) as usize)
}

fn plan(case: &Case, division: Division) -> (TestPlan, Conv2dWinograd, Vec<f64>) {
    let Case { n, c, h, w, o, .. } = *case;
    let mut random = Random::new((c * 31 + o * 7 + w) as u32);
    let x = random.floats(n * c * h * w, -1.0, 1.0);
    let weight = random.floats(o * c * 9, -0.5, 0.5);
    let bias = random.floats(o, -1.0, 1.0);

    let mut plan = TestPlan::new();
    let shape = Blocked { n, c, h, w };
    let target = (case.y_shape(), parts(case, division));
    let fused = fused(case.fusion, &mut plan, (&x, shape), target);
    let wanted = case.naive(&fused.x, &weight, &bias);
    let (o4, c4) = (o.next_multiple_of(4), c.next_multiple_of(4));
    let (scratch, scratch_bytes) = (Operand::ABSENT, 0);
    let dense = plan.dense(&weight);
    let panels = plan.room(o4 * c4 * 9);
    let transformed = plan.room(o4 * c4 * 36);
    if division.packed {
        plan.push(PackConv2d {
            scratch,
            scratch_bytes,
            src: dense,
            y: panels,
            o: o as u32,
            c: c as u32,
            kh: 3,
            kw: 3,
            packing: 0,
        });
    }
    let pack = PackConv2dWinograd {
        scratch,
        scratch_bytes,
        src: if division.packed { panels } else { dense },
        y: transformed,
        o: o as u32,
        c: c as u32,
        packed: division.packed.into(),
    };
    let padded = o.next_multiple_of(8);
    let pack_bias = PackBias {
        scratch,
        scratch_bytes,
        src: plan.dense(&bias),
        y: plan.room(padded),
        c: o as u32,
        padded_c: padded as u32,
    };
    let floats = division.squares as usize * (c4 + division.group_o as usize) + 32;
    let y = plan.room_blocked(case.y_shape());
    let conv = Conv2dWinograd {
        scratch: plan.scratch(floats as u32 * 36 * 4),
        scratch_bytes: floats as u32 * 36 * 4,
        x: plan.blocked(&x, shape),
        weight: transformed,
        bias: if case.bias {
            pack_bias.y
        } else {
            Operand::ABSENT
        },
        y,
        n: n as u32,
        c: c as u32,
        h: h as u32,
        w: w as u32,
        o: o as u32,
        out_h: case.out().0 as u32,
        out_w: case.out().1 as u32,
        pad_top: case.pad[0] as u32,
        pad_left: case.pad[2] as u32,
        pad_mode: case.mode,
        activation: case.activation,
        squares: division.squares,
        group_o: division.group_o,
        tile_o: division.tile_o,
        moments: fused.moments,
        constants: fused.constants,
        constants_n: fused.constants_n,
        load_activation: fused.load_activation,
    };
    plan.push(pack).push(pack_bias).push(conv);
    (plan, conv, wanted)
}

/// However the work is divided, the results are right and have the same bits, with a normalisation in the load and without.
fn check(case: Case) {
    for fusion in Fusion::ALL {
        check_fusion(Case { fusion, ..case });
    }
}

fn check_fusion(case: Case) {
    // Six times the rms error, in units of the results' standard deviation: x and w are uniform, of variance 1/3 and 1/12.
    // Normalised, x may be five times as large.
    let size = if case.fusion == Fusion::Nothing {
        1.0
    } else {
        5.0
    };
    let tolerance = size * 1e-5 * (case.c as f64).sqrt().max(2.0) / 2.0;
    let mut first: Option<Vec<f32>> = None;
    for division in DIVISIONS {
        let (plan, conv, wanted) = plan(&case, division);
        let run = plan.run_everywhere();
        let (got, what) = (
            run.blocked(conv.y, case.y_shape()),
            format!("{case:?} {division:?}"),
        );
        assert_close(&got, &wanted, tolerance, &what);
        let y = (&got[..], case.y_shape());
        check_moments(&run, conv.moments, y, parts(&case, division), &what);
        let first = first.get_or_insert_with(|| got.clone());
        assert_eq!(*first, got, "{case:?} {division:?}: other bits");
    }
}

#[test]
fn channel_tails() {
    for c in 1..=9 {
        for o in [1, 3, 4, 5, 8, 9, 13] {
            check(Case { c, o, ..PLAIN });
        }
    }
    check(Case {
        c: 33,
        o: 41,
        n: 2,
        ..PLAIN
    });
}

#[test]
fn odd_sizes_and_borders() {
    for mode in 0..3 {
        for h in [1, 2, 4, 5, 9] {
            for w in [1, 2, 3, 4, 5, 6, 11, 13] {
                let tail = (h + w) % 3;
                check(Case {
                    h,
                    w,
                    mode,
                    c: 4 + tail,
                    ..PLAIN
                });
            }
        }
    }
}

#[test]
fn pads() {
    for mode in 0..3 {
        for pad in [[0; 4], [2, 0, 0, 3], [0, 5, 4, 1], [7, 6, 5, 9]] {
            check(Case {
                pad,
                mode,
                n: 3,
                h: 5,
                w: 6,
                ..PLAIN
            });
        }
    }
}

#[test]
fn activations_with_and_without_bias() {
    for activation in 0..3 {
        for bias in [false, true] {
            check(Case {
                activation,
                bias,
                n: 2,
                ..PLAIN
            });
        }
    }
}

/// Rms error over the results' standard deviation, against float64: what the choice of points promises.
#[test]
fn error_of_one_layer() {
    for (c, seed) in [(16, 0), (128, 1)] {
        let case = Case {
            c,
            o: 16,
            h: 24,
            w: 24 + seed,
            bias: false,
            ..PLAIN
        };
        let (plan, conv, wanted) = plan(&case, DIVISIONS[0]);
        let run = plan.run(1, u32::MAX).unwrap();
        let got = run.blocked(conv.y, case.y_shape());
        let count = wanted.len() as f64;
        let mean = wanted.iter().sum::<f64>() / count;
        let variance = wanted.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
        let errors = got.iter().zip(&wanted).map(|(&got, &x)| f64::from(got) - x);
        let square = errors.map(|error| error * error).sum::<f64>() / count;
        let relative = (square / variance).sqrt();
        assert!(relative <= 2e-6, "{c} channels: {relative:e}");
    }
}

#[test]
fn damaged_records_are_refused() {
    let (plan_of, ..) = plan(&PLAIN, DIVISIONS[0]);
    assert!(plan_of.load().is_ok());
    for division in [
        Division {
            squares: 0,
            ..DIVISIONS[0]
        },
        Division {
            group_o: 12,
            ..DIVISIONS[0]
        },
        Division {
            tile_o: 4,
            ..DIVISIONS[0]
        },
    ] {
        assert!(plan(&PLAIN, division).0.load().is_err(), "{division:?}");
    }
    assert!(
        plan(&Case { mode: 3, ..PLAIN }, DIVISIONS[0])
            .0
            .load()
            .is_err()
    );
}
