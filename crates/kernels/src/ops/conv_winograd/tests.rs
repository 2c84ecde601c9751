//! conv_winograd and its packing against the definitions in float64, every algorithm over odd sizes; and how far off it is.

mod work;

use std::format;
use std::vec::Vec;

use crate::ops::Fault;
use crate::ops::conv::fault_tests::check_spoilt;
use crate::ops::conv::tests::{EPILOGUES, Fusion, check_moments};
use crate::ops::conv2d::tests::case::{Case, PLAIN};
use crate::record::{ConvWinograd, field};
use crate::testing::assert_close;
use work::{DIVISIONS, F3X3, F4X3, F4X4, F4X5, F5X3, STRIDE_2, TRANSPOSED_2, Work, plan};

/// However the work is divided, the results are right and have the same bits, with a normalisation in the load and without.
fn check(work: Work) {
    for fusion in Fusion::USUAL {
        let case = Case {
            fusion,
            ..work.case
        };
        check_fusion(Work { case, ..work });
    }
}

fn check_fusion(work: Work) {
    // Some ten times the rms error, in units of the results' standard deviation: x and w are uniform, of variance 1/3 and 1/12.
    let Case { c, kernel, .. } = work.case;
    let terms = (c * kernel.0 * kernel.1) as f64 / 9.0;
    let tolerance = 1e-5 * terms.sqrt().max(2.0) / 2.0;
    // With more points, these err 2.5 to 3.2 and 3.8 times as much as F(3, 3).
    let tolerance = match work.algorithm {
        F4X4 | F4X5 => 3.0 * tolerance,
        F5X3 => 4.0 * tolerance,
        _ => tolerance,
    };
    // Normalised, x may be five times as large.
    let size = if work.case.fusion == Fusion::Nothing {
        1.0
    } else {
        5.0
    };
    let mut first: Option<Vec<f32>> = None;
    for division in DIVISIONS {
        let (plan, conv, wanted) = plan(&work, division);
        let run = plan.run_everywhere();
        let got = run.blocked(conv.frame.y, work.y_shape());
        let what = format!("{work:?} {division:?}");
        assert_close(&got, &wanted, size * tolerance, &what);
        let y = (&got[..], work.y_shape());
        check_moments(&run, conv.frame.moments, y, work.parts(division), &what);
        let first = first.get_or_insert_with(|| got.clone());
        assert_eq!(*first, got, "{work:?} {division:?}: other bits");
    }
}

/// Each algorithm with the kernels that it takes.
fn kinds() -> Vec<Work> {
    let kernel = |kernel| Case { kernel, ..PLAIN };
    [
        Work::of(F4X3, PLAIN),
        Work::of(F3X3, PLAIN),
        Work::of(F3X3, kernel((9, 9))),
        Work::of(F3X3, kernel((5, 2))),
        Work::of(F4X5, PLAIN),
        Work::of(F5X3, kernel((9, 9))),
        Work::of(F5X3, kernel((5, 2))),
        Work::of(F5X3, kernel((1, 7))),
        Work::of(F4X4, kernel((4, 4))),
        Work::of(F4X4, kernel((7, 7))),
        Work::of(F4X4, kernel((5, 3))),
        Work::of(STRIDE_2, PLAIN),
        Work::of(TRANSPOSED_2, PLAIN),
    ]
    .map(|work| {
        let pad = (work.case.kernel.0 / 2).max(work.case.kernel.1 / 2);
        Work {
            case: Case {
                pad: [pad; 4],
                ..work.case
            },
            ..work
        }
    })
    .to_vec()
}

fn check_with(change: impl Fn(Case) -> Case) {
    for work in kinds() {
        check(Work {
            case: change(work.case),
            ..work
        });
    }
}

#[test]
fn channel_tails() {
    for c in [1, 2, 3, 4, 5, 8, 9] {
        for o in [1, 3, 4, 5, 8, 13] {
            check_with(|case| Case { c, o, ..case });
        }
    }
    check_with(|case| Case {
        c: 33,
        o: 41,
        n: 2,
        ..case
    });
}

#[test]
fn few_outputs() {
    for c in [4, 7, 16] {
        for o in 1..=3 {
            check_with(|case| Case {
                c,
                o,
                packing: 1,
                n: 2,
                ..case
            });
        }
    }
}

#[test]
fn odd_sizes_and_borders() {
    for mode in 0..3 {
        for h in [1, 4, 9] {
            for w in [1, 2, 3, 5, 6, 17] {
                for work in kinds() {
                    if work.algorithm != TRANSPOSED_2 || mode == 0 {
                        let c = 4 + (h + w) % 3;
                        let case = Case {
                            h,
                            w,
                            mode,
                            c,
                            ..work.case
                        };
                        check(Work { case, ..work });
                    }
                }
            }
        }
    }
}

#[test]
fn pads() {
    for mode in 0..3 {
        for pad in [[0; 4], [2, 0, 0, 3], [0, 5, 4, 1], [7, 6, 5, 9]] {
            for work in kinds() {
                if work.algorithm != TRANSPOSED_2 {
                    let case = Case {
                        pad,
                        mode,
                        n: 3,
                        h: 9,
                        w: 10,
                        ..work.case
                    };
                    check(Work { case, ..work });
                }
            }
        }
    }
}

#[test]
fn transposed_output_padding() {
    for out_pad in [(0, 0), (0, 1), (1, 0)] {
        for (h, w) in [(1, 1), (4, 5), (3, 8)] {
            let case = Case { h, w, ..PLAIN };
            check(Work {
                out_pad,
                ..Work::of(TRANSPOSED_2, case)
            });
        }
    }
}

#[test]
fn other_loads() {
    for fusion in Fusion::OTHERS {
        for algorithm in [F4X3, STRIDE_2, TRANSPOSED_2] {
            let case = Case {
                fusion,
                n: 2,
                ..PLAIN
            };
            check_fusion(Work::of(algorithm, case));
        }
    }
}

#[test]
fn programs_with_and_without_bias() {
    for epilogue in 0..EPILOGUES.len() {
        check_with(|case| Case {
            epilogue,
            bias: epilogue % 2 == 0,
            n: 2,
            ..case
        });
    }
}

/// Rms error over the results' standard deviation, against float64, at the most channels that each algorithm is chosen for (`mostTerms`
/// of its descriptor): what the choice of points promises.
#[test]
fn error_of_one_layer() {
    for (algorithm, kernel, c, packing) in [
        (F4X3, 3, 16, 0),
        (F4X3, 3, 256, 0),
        (F3X3, 3, 1024, 0),
        (F4X5, 3, 128, 0),
        (F4X5, 3, 160, 0),
        (F5X3, 9, 48, 1),
        (F3X3, 9, 3, 0),
        (F3X3, 9, 113, 0),
        (F4X4, 7, 10, 0),
        (F4X4, 4, 40, 0),
        (F4X4, 4, 224, 1),
        (F4X4, 7, 128, 1),
        (F4X4, 13, 37, 1),
        (F5X3, 4, 108, 1),
        (STRIDE_2, 3, 1024, 0),
        (TRANSPOSED_2, 3, 1024, 0),
    ] {
        let case = Case {
            c,
            o: if packing == 1 { 3 } else { 4 },
            packing,
            h: 24,
            w: 25,
            kernel: (kernel, kernel),
            pad: [kernel / 2; 4],
            bias: false,
            ..PLAIN
        };
        let work = Work::of(algorithm, case);
        let (plan, conv, wanted) = plan(&work, DIVISIONS[0]);
        let got = plan.run(1, u32::MAX).unwrap();
        let got = got.blocked(conv.frame.y, work.y_shape());
        let count = wanted.len() as f64;
        let mean = wanted.iter().sum::<f64>() / count;
        let variance = wanted.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
        let errors = got.iter().zip(&wanted).map(|(&got, &x)| f64::from(got) - x);
        let square = errors.map(|error| error * error).sum::<f64>() / count;
        let relative = (square / variance).sqrt();
        std::println!(
            "algorithm {algorithm}, {kernel}x{kernel}, {c} channels, packing {packing}: {relative:.2e}"
        );
        assert!(relative <= 2e-6, "{work:?}: {relative:e}");
    }
}

/// The fault of the convolution's record as `change` leaves it, behind the whole of a sound plan.
fn fault_of(work: &Work, change: impl Fn(&mut ConvWinograd)) -> u32 {
    let (mut plan, mut conv, _) = plan(work, DIVISIONS[0]);
    assert!(plan.load().is_ok());
    change(&mut conv);
    plan.push(conv);
    plan.load().expect_err("a fault").field
}

#[test]
fn wrong_fields_are_named() {
    let case = Case {
        n: 2,
        fusion: Fusion::Samples,
        ..PLAIN
    };
    let works = [F4X3, STRIDE_2, TRANSPOSED_2].map(|algorithm| Work::of(algorithm, case));
    let [plain, stride_2, transposed] = works;
    let names = |change: fn(&mut ConvWinograd)| fault_of(&plain, change);
    check_spoilt::<ConvWinograd>(|spoil| {
        fault_of(&plain, |r| {
            spoil(
                &mut r.frame,
                &mut r.loading,
                &mut r.program,
                &mut r.epilogue,
            )
        })
    });
    for (got, wanted) in [
        (names(|r| r.frame.o = u32::MAX), field!(ConvWinograd, o)),
        (names(|r| r.group_o = 12), field!(ConvWinograd, group_o)),
        (names(|r| r.group_o = 0), field!(ConvWinograd, group_o)),
        (names(|r| r.tile_o = 4), field!(ConvWinograd, tile_o)),
        (names(|r| r.tile_rows = 0), field!(ConvWinograd, tile_rows)),
        (names(|r| r.tile_cols = 0), field!(ConvWinograd, tile_cols)),
        (names(|r| r.pad_mode = 3), field!(ConvWinograd, pad_mode)),
        (names(|r| r.algorithm = 7), field!(ConvWinograd, algorithm)),
        (names(|r| r.packing = 1), field!(ConvWinograd, packing)),
        (names(|r| r.blocks_h = 0), field!(ConvWinograd, blocks_h)),
        (names(|r| r.blocks_w = 2), field!(ConvWinograd, blocks_w)),
        (
            names(|r| r.pad_top = u32::MAX),
            field!(ConvWinograd, pad_top),
        ),
        (
            names(|r| r.pad_left = 1 << 30),
            field!(ConvWinograd, pad_left),
        ),
        (
            fault_of(&stride_2, |r| r.blocks_h = 2),
            field!(ConvWinograd, blocks_h),
        ),
        (
            fault_of(&transposed, |r| r.pad_mode = 1),
            field!(ConvWinograd, pad_mode),
        ),
        // Less scratch than a tile takes.
        (names(|r| r.scratch_bytes = 16), Fault::NO_FIELD),
    ] {
        assert_eq!(got, wanted);
    }
}
