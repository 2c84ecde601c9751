//! What the tests compute: a convolution, its plan by one of the algorithms, packing and bias included, and its definition.

use std::vec::Vec;

use crate::layout::Blocked;
use crate::micro::winograd::algorithm;
use crate::ops::conv::tests::fused;
use crate::ops::conv_transpose2d::tests as transposed;
use crate::ops::conv2d::tests::case::Case;
use crate::record::{ConvWinograd, Frame, Operand, PackBias, PackConv2d, PackConvWinograd};
use crate::testing::{Random, TestPlan};

pub(super) const F4X3: u32 = 0;
pub(super) const F3X3: u32 = 1;
pub(super) const F4X4: u32 = 2;
pub(super) const STRIDE_2: u32 = 3;
pub(super) const TRANSPOSED_2: u32 = 4;
pub(super) const F4X5: u32 = 5;
pub(super) const F5X3: u32 = 6;

/// How the work is divided, and from which weights the transformed ones are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Division {
    pub(super) tile_rows: u32,
    pub(super) tile_cols: u32,
    pub(super) group_o: u32,
    pub(super) tile_o: u32,
    pub(super) packed: bool,
}

pub(super) const DIVISIONS: [Division; 4] = [
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

/// What is computed: the case of conv2d, or the transposed convolution that has its sizes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    pub(super) algorithm: u32,
    pub(super) case: Case,
    /// Of the transposed convolution
    pub(super) out_pad: (usize, usize),
}

impl Work {
    pub(super) fn of(algorithm: u32, case: Case) -> Self {
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

    pub(super) fn transposed(&self) -> Option<transposed::Case> {
        let Case {
            n,
            c,
            h,
            w,
            o,
            epilogue,
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
            epilogue,
            bias,
            fusion,
            out_pad: self.out_pad,
            ..transposed::PLAIN
        })
    }

    pub(super) fn y_shape(&self) -> Blocked {
        self.transposed()
            .map_or_else(|| self.case.y_shape(), |case| case.y_shape())
    }

    /// Tiles of a plane.
    pub(super) fn parts(&self, division: Division) -> usize {
        let (algorithm, shape) = (algorithm(self.algorithm).unwrap(), self.y_shape());
        shape
            .h
            .div_ceil(algorithm.vertical.tile)
            .div_ceil(division.tile_rows as usize)
            * shape
                .w
                .div_ceil(algorithm.horizontal.tile)
                .div_ceil(division.tile_cols as usize)
    }

    pub(super) fn naive(&self, x: &[f64], weight: &[f32], bias: &[f32]) -> Vec<f64> {
        match self.transposed() {
            Some(case) => case.naive(x, weight, bias),
            None => self.case.naive(x, weight, bias),
        }
    }
}

pub(super) fn plan(work: &Work, division: Division) -> (TestPlan, ConvWinograd, Vec<f64>) {
    let Case {
        n,
        c,
        h,
        w,
        o,
        kernel,
        ..
    } = work.case;
    let algorithm = algorithm(work.algorithm).unwrap();
    let (down, along, points) = (
        &algorithm.vertical,
        &algorithm.horizontal,
        algorithm.points(),
    );
    let mut random = Random::new((c * 31 + o * 7 + w) as u32);
    let x = random.floats(n * c * h * w, -1.0, 1.0);
    let weight = random.floats(o * c * kernel.0 * kernel.1, -0.5, 0.5);
    let bias = random.floats(o, -1.0, 1.0);

    let mut plan = TestPlan::new();
    let (x_shape, y_shape) = (Blocked { n, c, h, w }, work.y_shape());
    let target = (y_shape, work.parts(division));
    let fused = fused(
        (work.case.fusion, work.case.epilogue),
        &mut plan,
        (&x, x_shape),
        target,
    );
    let wanted = fused.passed(work.naive(&fused.x, &weight, &bias));
    let packing = work.case.packing;
    let channels = if c < 4 { c } else { c.next_multiple_of(4) };
    let o4 = o.next_multiple_of(4);
    let blocks = (kernel.0.div_ceil(down.taps), kernel.1.div_ceil(along.taps));
    let (scratch, scratch_bytes) = (Operand::ABSENT, 0);
    let dense = plan.dense(&weight);
    let packed = division.packed && packing == 0 && work.algorithm != TRANSPOSED_2;
    let panels = plan.room(o4 * channels * kernel.0 * kernel.1);
    let outputs = if packing == 1 { o } else { o4 };
    let transformed = plan.room(outputs * channels * blocks.0 * blocks.1 * algorithm.weights());
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
            groups: 1,
            packed_groups: 1,
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
    let staged = c.div_ceil(4).min(4) * down.px(in_rows) * along.px(in_cols) * 4;
    let point = match channels {
        ..4 => rows * (in_cols * blocks.0 * channels + 4),
        _ => in_rows * in_cols * channels,
    };
    let inputs = point + 16;
    let products = rows * cols * division.group_o as usize;
    let floats = staged + points * (inputs + products);
    let scratch_bytes = (floats.next_multiple_of(4) * 4) as u32;
    let y = plan.room_blocked(y_shape);
    let conv = ConvWinograd {
        scratch: plan.scratch(scratch_bytes),
        scratch_bytes,
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
        algorithm: work.algorithm,
        blocks_h: blocks.0 as u32,
        blocks_w: blocks.1 as u32,
        packing,
        tile_rows: division.tile_rows,
        tile_cols: division.tile_cols,
        group_o: division.group_o,
        tile_o: division.tile_o,
        frame: Frame {
            at: 0,
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
            moments: fused.moments,
        },
        program: fused.program,
        epilogue: fused.epilogue,
        loading: fused.loading,
    };
    plan.push(pack).push(pack_bias).push(conv);
    (plan, conv, wanted)
}
