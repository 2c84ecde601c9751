//! What convolution tests share: what is done to x as it is loaded and to results before they are stored, with its definition in float64,
//! and a look at the moments that tiles leave.

use std::vec::Vec;

use crate::layout::Blocked;
use crate::micro::pointwise::steps::{code_of, exact};
use crate::micro::statistics::{Moments, merge};
use crate::record::{Epilogue, Frame, Loading, Operand, Program, Sliding};
use crate::testing::{Finished, Random, TestPlan};

/// What is fused into a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fusion {
    Nothing,
    /// Moments, and a load with constants of each sample and ReLU
    Samples,
    /// Moments, and a load with the same constants for all samples
    Shared,
    /// A load with scales alone, of each sample, and leaky ReLU
    Scaled,
    /// A load with the same constants for all samples, and clamp
    Clamped,
}

impl Fusion {
    /// Of every case.
    pub(crate) const USUAL: [Self; 3] = [Self::Nothing, Self::Samples, Self::Shared];
    /// Of some: in kernels they are other numbers and the same code.
    pub(crate) const OTHERS: [Self; 2] = [Self::Scaled, Self::Clamped];

    /// Sets of constants there are `n` of or one, vectors a block, the step.
    fn load(self) -> (bool, usize, Option<(&'static str, [f32; 2])>) {
        match self {
            Self::Nothing | Self::Shared => (false, 3, None),
            Self::Samples => (true, 3, Some(("relu", [0.0; 2]))),
            Self::Scaled => (true, 1, Some(("leaky_relu", [0.3, 0.0]))),
            Self::Clamped => (false, 3, Some(("clamp", [-0.4, 0.7]))),
        }
    }
}

/// An argument of a step: a number, or an operand, which lies as a kind of `pointwise` says, of each sample or of all.
#[derive(Clone, Copy)]
pub(crate) enum Argument {
    Number(f32),
    Operand { kind: u32, samples: bool },
}

const SAME: u32 = 0;
const CHANNELS: u32 = 1;
const PIXELS: u32 = 2;
const NUMBER: u32 = 3;

const fn operand(kind: u32, samples: bool) -> Argument {
    Argument::Operand { kind, samples }
}

/// Programs that results pass, by number: those whose first step fits registers, those that have none, and both.
pub(crate) const EPILOGUES: &[&[(&str, &[Argument])]] = &[
    &[],
    &[("relu", &[])],
    &[("tanh", &[])],
    &[("leaky_relu", &[Argument::Number(1.5)])],
    &[("leaky_relu", &[operand(CHANNELS, false)])],
    &[("clamp", &[Argument::Number(-0.5), Argument::Number(0.75)])],
    &[
        ("add", &[operand(SAME, true)]),
        ("relu", &[]),
        ("mul", &[operand(CHANNELS, true)]),
    ],
    &[
        ("sigmoid", &[]),
        ("mul", &[operand(PIXELS, true)]),
        ("sub", &[operand(SAME, false)]),
        ("max", &[operand(NUMBER, true)]),
    ],
    &[
        ("leaky_relu", &[operand(NUMBER, false)]),
        ("add", &[operand(SAME, false)]),
    ],
];

/// What a fusion and a program add to a record, and x as the convolution sees it.
pub(crate) struct Fused {
    pub(crate) loading: Loading,
    pub(crate) program: Program,
    pub(crate) epilogue: Epilogue,
    pub(crate) moments: Operand,
    pub(crate) x: Vec<f64>,
    steps: Vec<(u32, [Values; 2])>,
    y_shape: Blocked,
}

/// An argument's values over y, dense, of sizes that are y's or 1.
struct Values {
    all: Vec<f32>,
    shape: Blocked,
}

impl Values {
    fn at(&self, [n, c, pixel]: [usize; 3]) -> f64 {
        let of = |i: usize, size: usize| if size == 1 { 0 } else { i };
        let (n, c, pixel) = (
            of(n, self.shape.n),
            of(c, self.shape.c),
            of(pixel, self.shape.plane_px()),
        );
        f64::from(self.all[(n * self.shape.c + c) * self.shape.plane_px() + pixel])
    }
}

impl Fused {
    /// What results of the convolution proper become.
    pub(crate) fn passed(&self, y: Vec<f64>) -> Vec<f64> {
        let pass = |(i, y): (usize, f64)| {
            let plane = i / self.y_shape.plane_px();
            let at = [
                plane / self.y_shape.c,
                plane % self.y_shape.c,
                i % self.y_shape.plane_px(),
            ];
            self.steps.iter().fold(y, |y, (code, arguments)| {
                let [first, second] = arguments;
                exact(*code, y, [first.at(at), second.at(at)])
            })
        };
        y.into_iter().enumerate().map(pass).collect()
    }
}

/// Puts it into the plan; `parts` tiles lie in a plane of y.
pub(crate) fn fused(
    (fusion, epilogue): (Fusion, usize),
    plan: &mut TestPlan,
    (x, x_shape): (&[f32], Blocked),
    (y_shape, parts): (Blocked, usize),
) -> Fused {
    let mut random = Random::new(77);
    let (by_sample, vectors, step) = fusion.load();
    let (sets, set_elems) = (if by_sample { x_shape.n } else { 1 }, vectors * 4);
    let blocks = x_shape.channel_blocks();
    let mut constants = random.floats(sets * blocks * set_elems, -1.5, 1.5);
    // Constants past C may be anything too.
    for set in 0..sets {
        for i in 0..set_elems {
            if i % 4 >= x_shape.lanes_in(blocks - 1) {
                constants[(set * blocks + blocks - 1) * set_elems + i] = f32::NAN;
            }
        }
    }
    let loaded = x.iter().enumerate().map(|(i, &x)| {
        let (n, c) = (
            i / x_shape.plane_px() / x_shape.c,
            i / x_shape.plane_px() % x_shape.c,
        );
        let at = (n % sets * blocks + c / 4) * set_elems + c % 4;
        let x = f64::from(x);
        let constant = |k: usize| f64::from(constants[at + k * 4]);
        let mapped = match (fusion, vectors) {
            (Fusion::Nothing, _) => x,
            (_, 1) => x * constant(0),
            _ => (x - constant(0)) * constant(1) + constant(2),
        };
        match step {
            Some((name, numbers)) => exact(code_of(name), mapped, numbers.map(f64::from)),
            None => mapped,
        }
    });
    let x = loaded.collect();
    let partials = y_shape.n * y_shape.channel_blocks() * parts * Moments::PARTIAL_ELEMS;
    let (constants, moments) = match fusion {
        Fusion::Nothing => (Operand::ABSENT, Operand::ABSENT),
        _ => (plan.dense(&constants), plan.room(partials)),
    };
    let [load_first, load_second] = step.map_or([0.0; 2], |(_, numbers)| numbers);
    let loading = Loading {
        at: 0,
        constants,
        constants_n: sets as u32,
        constants_vectors: vectors as u32,
        load_steps: step.is_some().into(),
        load_step: step.map_or(0, |(name, _)| code_of(name)),
        load_first,
        load_second,
    };
    let (mut words, mut steps) = ([(0, [0.0; 2]); 8], Vec::new());
    let mut operands = [(Operand::ABSENT, 0, 0); 3];
    let (mut kinds, mut count) = (0, 0);
    for (step, word) in EPILOGUES[epilogue].iter().zip(&mut words) {
        let (name, arguments) = step;
        word.0 = code_of(name);
        let values = core::array::from_fn(|index| match arguments.get(index) {
            Some(&Argument::Operand { kind, samples }) => {
                let shape = Blocked {
                    n: if samples { y_shape.n } else { 1 },
                    c: if kind < PIXELS { y_shape.c } else { 1 },
                    h: if kind == CHANNELS || kind == NUMBER {
                        1
                    } else {
                        y_shape.h
                    },
                    w: if kind == CHANNELS || kind == NUMBER {
                        1
                    } else {
                        y_shape.w
                    },
                };
                let all = random.floats(shape.n * shape.c * shape.plane_px(), -1.5, 1.5);
                let sample = (shape.channel_blocks() * shape.plane_px() * 4) as u32;
                operands[count] = (
                    plan.blocked(&all, shape),
                    if samples { sample } else { 0 },
                    if kind < PIXELS {
                        shape.plane_px() as u32 * 4
                    } else {
                        0
                    },
                );
                kinds |= kind << (4 * count);
                count += 1;
                word.0 |= (count as u32 + 1) << (8 + 8 * index);
                Values { all, shape }
            }
            other => {
                let number = match other {
                    Some(&Argument::Number(number)) => number,
                    _ => 0.0,
                };
                word.1[index] = number;
                let shape = Blocked {
                    n: 1,
                    c: 1,
                    h: 1,
                    w: 1,
                };
                Values {
                    all: std::vec![number],
                    shape,
                }
            }
        });
        steps.push((code_of(name), values));
    }
    let [first, second, third] = operands;
    Fused {
        loading,
        program: Program::of(steps.len(), &words),
        epilogue: Epilogue {
            at: 0,
            operand1: first.0,
            operand2: second.0,
            operand3: third.0,
            operand_kinds: kinds,
            operand1_outer: first.1,
            operand1_inner: first.2,
            operand2_outer: second.1,
            operand2_inner: second.2,
            operand3_outer: third.1,
            operand3_inner: third.2,
        },
        moments,
        x,
        steps,
        y_shape,
    }
}

/// A 3x3 convolution of one 8 x 8 picture of 8 channels in all that a record has with others, a row a tile; there is room for a second picture.
pub(crate) fn small(plan: &mut TestPlan, weight_elems: usize) -> (Frame, Sliding, Loading) {
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
        moments: plan.room(2 * 8 * 24),
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
    let loading = Loading {
        at: 0,
        constants: plan.room(2 * 12),
        constants_n: 1,
        constants_vectors: 3,
        ..Loading::default()
    };
    (frame, sliding, loading)
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
