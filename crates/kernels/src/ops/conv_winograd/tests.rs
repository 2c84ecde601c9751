//! conv_winograd and its packing against the definitions in float64, every algorithm over odd sizes; and how far off it is.

use std::format;
use std::vec::Vec;

use crate::layout::Blocked;
use crate::micro::winograd::{Algorithm, Visitor, visit};
use crate::ops::conv::tests::{Fusion, check_moments, fused};
use crate::ops::conv_transpose2d::tests as transposed;
use crate::ops::conv2d::tests::case::{Case, PLAIN};
use crate::record::{ConvWinograd, Operand, PackBias, PackConv2d, PackConvWinograd};
use crate::testing::{Random, TestPlan, assert_close};

const F4X3: u32 = 0;
const F3X3: u32 = 1;
const F4X4: u32 = 2;
const STRIDE_2: u32 = 3;
const TRANSPOSED_2: u32 = 4;

/// How the work is divided, and from which weights the transformed ones are made.
#[derive(Clone, Copy, Debug)]
struct Division {
    tile_rows: u32,
    tile_cols: u32,
    group_o: u32,
    tile_o: u32,
    packed: bool,
}

const DIVISIONS: [Division; 4] = [
    Division {
        tile_rows: 4,
        tile_cols: 12,
        group_o: 16,
        tile_o: 64,
        packed: false,
    },
    Division {
        tile_rows: 1,
        tile_cols: 5,
        group_o: 8,
        tile_o: 8,
        packed: true,
    },
    Division {
        tile_rows: 1,
        tile_cols: 1,
        group_o: 16,
        tile_o: 8,
        packed: false,
    },
    Division {
        tile_rows: 3,
        tile_cols: 2,
        group_o: 8,
        tile_o: 24,
        packed: true,
    },
];

/// Along one axis: results of a square, inputs from one to the next, inputs under one, products, products with their own weights, taps.
struct Sizes([usize; 6]);

fn sizes(algorithm: u32) -> Sizes {
    struct Get;
    impl Visitor for Get {
        type Output = [usize; 6];
        fn visit<A: Algorithm>(self) -> Self::Output {
            [A::TILE, A::STEP, A::PATCH, A::POINTS, A::WEIGHTS, A::TAPS]
        }
    }
    Sizes(visit(algorithm, Get).unwrap())
}

/// What is computed: the case of conv2d, or the transposed convolution that has its sizes.
#[derive(Clone, Copy, Debug)]
struct Work {
    algorithm: u32,
    case: Case,
    /// Of the transposed convolution
    out_pad: (usize, usize),
}

impl Work {
    fn of(algorithm: u32, case: Case) -> Self {
        let stride = if algorithm == STRIDE_2 { 2 } else { 1 };
        Self {
            algorithm,
            case: Case {
                stride: (stride, stride),
                ..case
            },
            out_pad: (1, 1),
        }
    }

    fn transposed(&self) -> Option<transposed::Case> {
        let Case {
            n,
            c,
            h,
            w,
            o,
            activation,
            bias,
            fusion,
            ..
        } = self.case;
        (self.algorithm == TRANSPOSED_2).then_some(transposed::Case {
            n,
            c,
            h,
            w,
            o,
            activation,
            bias,
            fusion,
            out_pad: self.out_pad,
            ..transposed::PLAIN
        })
    }

    fn y_shape(&self) -> Blocked {
        self.transposed()
            .map_or_else(|| self.case.y_shape(), |case| case.y_shape())
    }

    /// Tiles of a plane.
    fn parts(&self, division: Division) -> usize {
        let (Sizes([tile, ..]), shape) = (sizes(self.algorithm), self.y_shape());
        let tiles = |size: usize, squares: u32| size.div_ceil(tile).div_ceil(squares as usize);
        tiles(shape.h, division.tile_rows) * tiles(shape.w, division.tile_cols)
    }

    fn naive(&self, x: &[f64], weight: &[f32], bias: &[f32]) -> Vec<f64> {
        match self.transposed() {
            Some(case) => case.naive(x, weight, bias),
            None => self.case.naive(x, weight, bias),
        }
    }
}

fn plan(work: &Work, division: Division) -> (TestPlan, ConvWinograd, Vec<f64>) {
    let Case {
        n,
        c,
        h,
        w,
        o,
        kernel,
        ..
    } = work.case;
    let Sizes([_, step, patch, points, weight_points, taps]) = sizes(work.algorithm);
    let mut random = Random::new((c * 31 + o * 7 + w) as u32);
    let x = random.floats(n * c * h * w, -1.0, 1.0);
    let weight = random.floats(o * c * kernel.0 * kernel.1, -0.5, 0.5);
    let bias = random.floats(o, -1.0, 1.0);

    let mut plan = TestPlan::new();
    let (x_shape, y_shape) = (Blocked { n, c, h, w }, work.y_shape());
    let target = (y_shape, work.parts(division));
    let fused = fused(work.case.fusion, &mut plan, (&x, x_shape), target);
    let wanted = work.naive(&fused.x, &weight, &bias);
    let packing = work.case.packing;
    let channels = if c < 4 { c } else { c.next_multiple_of(4) };
    let o4 = o.next_multiple_of(4);
    let blocks = (kernel.0.div_ceil(taps), kernel.1.div_ceil(taps));
    let (scratch, scratch_bytes) = (Operand::ABSENT, 0);
    let dense = plan.dense(&weight);
    let packed = division.packed && packing == 0 && work.algorithm != TRANSPOSED_2;
    let panels = plan.room(o4 * channels * kernel.0 * kernel.1);
    let outputs = if packing == 1 { o } else { o4 };
    let transformed =
        plan.room(outputs * channels * blocks.0 * blocks.1 * weight_points * weight_points);
    if packed {
        plan.push(PackConv2d {
            scratch,
            scratch_bytes,
            src: dense,
            y: panels,
            o: o as u32,
            c: c as u32,
            kh: kernel.0 as u32,
            kw: kernel.1 as u32,
            packing: 0,
        });
    }
    let pack = PackConvWinograd {
        scratch,
        scratch_bytes,
        src: if packed { panels } else { dense },
        y: transformed,
        o: o as u32,
        c: c as u32,
        kh: kernel.0 as u32,
        kw: kernel.1 as u32,
        algorithm: work.algorithm,
        packing,
        packed: packed.into(),
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
    let (rows, cols) = (division.tile_rows as usize, division.tile_cols as usize);
    let (in_rows, in_cols) = (rows + blocks.0 - 1, cols + blocks.1 - 1);
    let px = |squares: usize| (squares - 1) * step + patch;
    let staged = c.div_ceil(4).min(4) * px(in_rows) * px(in_cols) * 4;
    let inputs = in_rows * in_cols * channels + 16;
    let products = rows * cols * division.group_o as usize;
    let floats = staged + points * points * (inputs + products);
    let scratch_bytes = (floats.next_multiple_of(4) * 4) as u32;
    let y = plan.room_blocked(y_shape);
    let conv = ConvWinograd {
        scratch: plan.scratch(scratch_bytes),
        scratch_bytes,
        x: plan.blocked(&x, x_shape),
        weight: transformed,
        bias: if work.case.bias {
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
        out_h: y_shape.h as u32,
        out_w: y_shape.w as u32,
        pad_top: if work.algorithm == TRANSPOSED_2 {
            0
        } else {
            work.case.pad[0] as u32
        },
        pad_left: if work.algorithm == TRANSPOSED_2 {
            0
        } else {
            work.case.pad[2] as u32
        },
        pad_mode: work.case.mode,
        activation: work.case.activation,
        algorithm: work.algorithm,
        blocks_h: blocks.0 as u32,
        blocks_w: blocks.1 as u32,
        packing,
        tile_rows: division.tile_rows,
        tile_cols: division.tile_cols,
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
fn check(work: Work) {
    for fusion in Fusion::ALL {
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
    let tolerance = if work.algorithm == F4X4 {
        3.0 * tolerance
    } else {
        tolerance
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
        let got = run.blocked(conv.y, work.y_shape());
        let what = format!("{work:?} {division:?}");
        assert_close(&got, &wanted, size * tolerance, &what);
        let y = (&got[..], work.y_shape());
        check_moments(&run, conv.moments, y, work.parts(division), &what);
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
fn activations_with_and_without_bias() {
    for activation in 0..3 {
        for bias in [false, true] {
            check_with(|case| Case {
                activation,
                bias,
                n: 2,
                ..case
            });
        }
    }
}

/// Rms error over the results' standard deviation, against float64, at the most channels that each algorithm is chosen for (`mostTerms`
/// of its descriptor): what the choice of points promises.
#[test]
fn error_of_one_layer() {
    for (algorithm, kernel, c) in [
        (F4X3, 3, 16),
        (F4X3, 3, 256),
        (F3X3, 3, 1024),
        (F3X3, 9, 3),
        (F3X3, 9, 113),
        (F4X4, 7, 4),
        (F4X4, 4, 16),
        (STRIDE_2, 3, 1024),
        (TRANSPOSED_2, 3, 1024),
    ] {
        let case = Case {
            c,
            o: 4,
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
        let got = got.blocked(conv.y, work.y_shape());
        let count = wanted.len() as f64;
        let mean = wanted.iter().sum::<f64>() / count;
        let variance = wanted.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
        let errors = got.iter().zip(&wanted).map(|(&got, &x)| f64::from(got) - x);
        let square = errors.map(|error| error * error).sum::<f64>() / count;
        let relative = (square / variance).sqrt();
        std::println!("algorithm {algorithm}, {kernel}x{kernel}, {c} channels: {relative:.2e}");
        assert!(relative <= 2e-6, "{work:?}: {relative:e}");
    }
}

#[test]
fn damaged_records_are_refused() {
    let work = Work::of(F4X3, PLAIN);
    assert!(plan(&work, DIVISIONS[0]).0.load().is_ok());
    for division in [
        Division {
            group_o: 12,
            ..DIVISIONS[0]
        },
        Division {
            tile_o: 4,
            ..DIVISIONS[0]
        },
    ] {
        assert!(plan(&work, division).0.load().is_err(), "{division:?}");
    }
    for (algorithm, case) in [
        (F4X3, Case { mode: 3, ..PLAIN }),
        (TRANSPOSED_2, Case { mode: 1, ..PLAIN }),
        (
            F4X3,
            Case {
                kernel: (4, 3),
                ..PLAIN
            },
        ),
        (
            STRIDE_2,
            Case {
                kernel: (5, 5),
                ..PLAIN
            },
        ),
    ] {
        let work = Work::of(algorithm, case);
        assert!(plan(&work, DIVISIONS[0]).0.load().is_err(), "{work:?}");
    }
}
