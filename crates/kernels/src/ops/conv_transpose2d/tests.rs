//! conv_transpose2d and its packing against the definition in float64 (each input adds its kernel to the output), over odd sizes.

use std::vec::Vec;

use crate::layout::Blocked;
use crate::ops::conv::tests::{EPILOGUES, Fusion, check_moments, fused};
use crate::record::{ConvTranspose2d, Frame, Operand, PackBias, PackConvTranspose2d};
use crate::testing::{Random, TestPlan, assert_close};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) n: usize,
    pub(crate) c: usize,
    pub(crate) h: usize,
    pub(crate) w: usize,
    pub(crate) o: usize,
    pub(crate) groups: usize,
    pub(crate) dilation: (usize, usize),
    pub(crate) kernel: (usize, usize),
    pub(crate) stride: (usize, usize),
    pub(crate) pad: (usize, usize),
    pub(crate) out_pad: (usize, usize),
    pub(crate) epilogue: usize,
    pub(crate) bias: bool,
    pub(crate) tile: (u32, u32, u32),
    pub(crate) fusion: Fusion,
}

pub(crate) const PLAIN: Case = Case {
    n: 1,
    c: 5,
    h: 5,
    w: 9,
    o: 9,
    groups: 1,
    dilation: (1, 1),
    kernel: (3, 3),
    stride: (2, 2),
    pad: (1, 1),
    out_pad: (1, 1),
    epilogue: 0,
    bias: true,
    tile: (2, 7, 8),
    fusion: Fusion::Nothing,
};

impl Case {
    pub(crate) fn y_shape(&self) -> Blocked {
        let out = |size: usize, stride, pad, kernel, out_pad| {
            (size - 1) * stride + kernel + out_pad - 2 * pad
        };
        Blocked {
            n: self.n,
            c: self.o,
            h: out(
                self.h,
                self.stride.0,
                self.pad.0,
                self.spread().0,
                self.out_pad.0,
            ),
            w: out(
                self.w,
                self.stride.1,
                self.pad.1,
                self.spread().1,
                self.out_pad.1,
            ),
        }
    }

    /// The kernel with zeros between its taps, as the record has it.
    fn spread(&self) -> (usize, usize) {
        let size = |k: usize, dilation: usize| (k - 1) * dilation + 1;
        (
            size(self.kernel.0, self.dilation.0),
            size(self.kernel.1, self.dilation.1),
        )
    }

    fn pixel(&self) -> usize {
        if self.c < 4 {
            self.c
        } else {
            self.c.next_multiple_of(4)
        }
    }

    /// What `scratchBytes` of the descriptor says.
    fn scratch_bytes(&self) -> u32 {
        let rows = self.tile.0 as usize + self.spread().0.div_ceil(self.stride.0);
        let cols = self.tile.1 as usize + self.spread().1.div_ceil(self.stride.1);
        (rows * cols * self.pixel() * 4).next_multiple_of(16) as u32
    }

    pub(crate) fn naive(&self, x: &[f64], weight: &[f32], bias: &[f32]) -> Vec<f64> {
        let ((kh, kw), shape) = (self.kernel, self.y_shape());
        let group_o = self.o / self.groups;
        let mut y = std::vec![0.0; shape.n * shape.c * shape.plane_px()];
        for (i, y) in y.iter_mut().enumerate() {
            *y = if self.bias {
                f64::from(bias[i / shape.plane_px() % self.o])
            } else {
                0.0
            };
        }
        for n in 0..self.n {
            for c in 0..self.c {
                for (iy, ix) in (0..self.h).flat_map(|iy| (0..self.w).map(move |ix| (iy, ix))) {
                    let value = x[((n * self.c + c) * self.h + iy) * self.w + ix];
                    let group = c / (self.c / self.groups);
                    for o_in in 0..group_o {
                        let o = group * group_o + o_in;
                        for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                            let oy = iy * self.stride.0 + ky * self.dilation.0;
                            let ox = ix * self.stride.1 + kx * self.dilation.1;
                            let (Some(oy), Some(ox)) =
                                (oy.checked_sub(self.pad.0), ox.checked_sub(self.pad.1))
                            else {
                                continue;
                            };
                            if oy < shape.h && ox < shape.w {
                                y[((n * self.o + o) * shape.h + oy) * shape.w + ox] += value
                                    * f64::from(weight[((c * group_o + o_in) * kh + ky) * kw + kx]);
                            }
                        }
                    }
                }
            }
        }
        y
    }

    /// Tiles of a plane.
    fn parts(&self) -> usize {
        let shape = self.y_shape();
        let along = |out: usize, tile: u32, stride: usize| out.div_ceil(tile as usize * stride);
        along(shape.h, self.tile.0, self.stride.0) * along(shape.w, self.tile.1, self.stride.1)
    }

    pub(crate) fn plan(&self) -> (TestPlan, ConvTranspose2d, Vec<f64>) {
        let mut random = Random::new((self.c * 31 + self.o * 7 + self.w) as u32);
        let x = random.floats(self.n * self.c * self.h * self.w, -1.0, 1.0);
        let weight = random.floats(
            self.c * self.o / self.groups * self.kernel.0 * self.kernel.1,
            -0.5,
            0.5,
        );
        let bias = random.floats(self.o, -1.0, 1.0);

        let mut plan = TestPlan::new();
        let x_shape = Blocked {
            n: self.n,
            c: self.c,
            h: self.h,
            w: self.w,
        };
        let y = (self.y_shape(), self.parts());
        let fused = fused((self.fusion, self.epilogue), &mut plan, (&x, x_shape), y);
        let wanted = fused.passed(self.naive(&fused.x, &weight, &bias));
        let taps = self.spread().0 * self.spread().1;
        let packed = plan.room(self.o.next_multiple_of(4) * self.pixel() * taps);
        let pack = PackConvTranspose2d {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            src: plan.dense(&weight),
            y: packed,
            o: self.o as u32,
            c: self.c as u32,
            kh: self.kernel.0 as u32,
            kw: self.kernel.1 as u32,
            stride_h: self.stride.0 as u32,
            stride_w: self.stride.1 as u32,
            dilation_h: self.dilation.0 as u32,
            dilation_w: self.dilation.1 as u32,
            groups: self.groups as u32,
        };
        let padded = self.o.next_multiple_of(8);
        let packed_bias = plan.room(padded);
        let pack_bias = PackBias {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            src: plan.dense(&bias),
            y: packed_bias,
            c: self.o as u32,
            padded_c: padded as u32,
        };
        let conv = ConvTranspose2d {
            scratch: plan.scratch(self.scratch_bytes()),
            scratch_bytes: self.scratch_bytes(),
            kh: self.spread().0 as u32,
            kw: self.spread().1 as u32,
            stride_h: self.stride.0 as u32,
            stride_w: self.stride.1 as u32,
            pad_top: self.pad.0 as u32,
            pad_left: self.pad.1 as u32,
            tile_rows: self.tile.0,
            tile_cols: self.tile.1,
            tile_o: self.tile.2,
            frame: Frame {
                at: 0,
                x: plan.blocked(&x, x_shape),
                weight: packed,
                bias: if self.bias {
                    packed_bias
                } else {
                    Operand::ABSENT
                },
                y: plan.room_blocked(self.y_shape()),
                n: self.n as u32,
                c: self.c as u32,
                h: self.h as u32,
                w: self.w as u32,
                o: self.o as u32,
                out_h: self.y_shape().h as u32,
                out_w: self.y_shape().w as u32,
                moments: fused.moments,
            },
            program: fused.program,
            epilogue: fused.epilogue,
            loading: fused.loading,
        };
        plan.push(pack).push(pack_bias).push(conv);
        (plan, conv, wanted)
    }

    fn check(&self) {
        for fusion in Fusion::USUAL {
            Self { fusion, ..*self }.check_fusion();
        }
    }

    fn check_fusion(&self) {
        let case = *self;
        let (plan, conv, wanted) = case.plan();
        let run = plan.run_everywhere();
        let (got, what) = (
            run.blocked(conv.frame.y, case.y_shape()),
            std::format!("{case:?}"),
        );
        // A normalised x may be five times as large.
        let tolerance = if self.fusion == Fusion::Nothing {
            1e-5
        } else {
            2e-5
        };
        assert_close(&got, &wanted, tolerance, &what);
        let y = (&got[..], case.y_shape());
        check_moments(&run, conv.frame.moments, y, case.parts(), &what);
    }
}

#[test]
fn channel_tails() {
    for c in 1..=9 {
        for o in 1..=9 {
            Case { c, o, ..PLAIN }.check();
        }
    }
    Case {
        c: 18,
        o: 20,
        n: 2,
        tile: (1, 100, 16),
        ..PLAIN
    }
    .check();
}

#[test]
fn kernels_strides_pads() {
    for kernel in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 3)] {
        for stride in [(1, 1), (2, 2), (3, 2), (1, 4)] {
            for pad in [
                (0, 0),
                (kernel.0 / 2, (kernel.1 - 1) / 2),
                (kernel.0 - 1, 0),
            ] {
                for out_pad in [(0, 0), (stride.0 - 1, stride.1 - 1)] {
                    Case {
                        kernel,
                        stride,
                        pad,
                        out_pad,
                        ..PLAIN
                    }
                    .check();
                }
            }
        }
    }
}

#[test]
fn groups_and_dilations() {
    for (c, o, groups) in [(6, 9, 3), (8, 8, 8), (12, 20, 2), (4, 2, 2)] {
        for dilation in [(1, 1), (2, 1), (3, 2)] {
            for stride in [(1, 1), (2, 3)] {
                Case {
                    c,
                    o,
                    groups,
                    dilation,
                    stride,
                    out_pad: (0, stride.1 - 1),
                    ..PLAIN
                }
                .check();
            }
        }
    }
}

#[test]
fn widths_and_tiles() {
    for w in 1..=14 {
        for tile in [(1, 1, 8), (3, 5, 16), (100, 100, 64)] {
            Case { w, tile, ..PLAIN }.check();
        }
    }
    Case {
        h: 1,
        w: 1,
        ..PLAIN
    }
    .check();
}

#[test]
fn other_loads() {
    for fusion in Fusion::OTHERS {
        for c in [3, 6, 16] {
            Case {
                fusion,
                c,
                n: 2,
                ..PLAIN
            }
            .check_fusion();
        }
    }
}

#[test]
fn programs_with_and_without_bias() {
    for epilogue in 0..EPILOGUES.len() {
        for bias in [false, true] {
            Case {
                epilogue,
                bias,
                n: 2,
                ..PLAIN
            }
            .check();
        }
    }
}

#[test]
fn tiles_do_not_change_bits() {
    let (plan, conv, _) = PLAIN.plan();
    let shape = PLAIN.y_shape();
    let first = plan.run_everywhere().blocked(conv.frame.y, shape);
    for tile in [(1, 1, 8), (2, 3, 16), (5, 9, 16)] {
        let (plan, conv, _) = Case { tile, ..PLAIN }.plan();
        assert_eq!(
            first,
            plan.run_everywhere().blocked(conv.frame.y, shape),
            "{tile:?}"
        );
    }
}
