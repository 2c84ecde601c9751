//! One convolution: its plan, packing and bias included, and its definition in float64.

use std::vec::Vec;

use crate::layout::Blocked;
use crate::ops::conv::tests::{Fusion, check_moments, fused};
use crate::record::{Conv2d, ConvDepthwise, Frame, Operand, PackBias, PackConv2d, Sliding};
use crate::testing::{Random, TestPlan, assert_close};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) n: usize,
    pub(crate) c: usize,
    pub(crate) h: usize,
    pub(crate) w: usize,
    pub(crate) o: usize,
    pub(crate) groups: usize,
    /// Those that the kernel computes apart from each other
    pub(crate) packed_groups: usize,
    /// By conv_depthwise, whose tiles have blocks instead of outputs
    pub(crate) depthwise: bool,
    pub(crate) kernel: (usize, usize),
    pub(crate) stride: (usize, usize),
    pub(crate) dilation: (usize, usize),
    /// top, bottom, left, right
    pub(crate) pad: [usize; 4],
    pub(crate) mode: u32,
    pub(crate) epilogue: usize,
    pub(crate) packing: u32,
    pub(crate) bias: bool,
    pub(crate) tile: (u32, u32, u32),
    pub(crate) fusion: Fusion,
}

pub(crate) const PLAIN: Case = Case {
    n: 1,
    c: 5,
    h: 9,
    w: 13,
    o: 9,
    groups: 1,
    packed_groups: 1,
    depthwise: false,
    kernel: (3, 3),
    stride: (1, 1),
    dilation: (1, 1),
    pad: [1; 4],
    mode: 0,
    epilogue: 0,
    packing: 0,
    bias: true,
    tile: (2, 12, 8),
    fusion: Fusion::Nothing,
};

impl Case {
    pub(crate) fn out(&self) -> (usize, usize) {
        let out = |size, before, after, kernel, dilation, stride| {
            (size + before + after - (dilation * (kernel - 1) + 1)) / stride + 1
        };
        let [top, bottom, left, right] = self.pad;
        (
            out(
                self.h,
                top,
                bottom,
                self.kernel.0,
                self.dilation.0,
                self.stride.0,
            ),
            out(
                self.w,
                left,
                right,
                self.kernel.1,
                self.dilation.1,
                self.stride.1,
            ),
        )
    }

    pub(crate) fn y_shape(&self) -> Blocked {
        let (h, w) = self.out();
        Blocked {
            n: self.n,
            c: self.o,
            h,
            w,
        }
    }

    /// What `scratchBytes` of the descriptor says.
    fn scratch_bytes(&self) -> u32 {
        let (h, w) = self.out();
        let rows = if self.dilation.0 == 1 {
            (h.min(self.tile.0 as usize) - 1) * self.stride.0 + self.kernel.0
        } else {
            self.kernel.0
        };
        let cols = (w.min(self.tile.1 as usize) - 1) * self.stride.1
            + (self.kernel.1 - 1) * self.dilation.1
            + 1;
        let pixel = self.packed_shape().1;
        (rows * cols * pixel * 4).next_multiple_of(16) as u32
    }

    /// Packed outputs, and floats of a staged pixel.
    fn packed_shape(&self) -> (usize, usize) {
        let c = self.c / self.packed_groups;
        (
            if self.packing == 1 {
                self.o
            } else {
                self.o.next_multiple_of(4)
            },
            if c < 4 && !self.depthwise {
                c
            } else {
                c.next_multiple_of(4)
            },
        )
    }

    pub(crate) fn naive(&self, x: &[f64], weight: &[f32], bias: &[f32]) -> Vec<f64> {
        let ((kh, kw), (out_h, out_w)) = (self.kernel, self.out());
        let channels = self.c / self.groups;
        let mut y = Vec::new();
        for n in 0..self.n {
            for o in 0..self.o {
                for oy in 0..out_h {
                    for ox in 0..out_w {
                        let mut sum = if self.bias { f64::from(bias[o]) } else { 0.0 };
                        for i in 0..channels {
                            let c = o / (self.o / self.groups) * channels + i;
                            for ky in 0..kh {
                                for kx in 0..kw {
                                    let iy = outside(
                                        oy * self.stride.0 + ky * self.dilation.0,
                                        self.pad[0],
                                        self.h,
                                        self.mode,
                                    );
                                    let ix = outside(
                                        ox * self.stride.1 + kx * self.dilation.1,
                                        self.pad[2],
                                        self.w,
                                        self.mode,
                                    );
                                    let (Some(iy), Some(ix)) = (iy, ix) else {
                                        continue;
                                    };
                                    sum += x[((n * self.c + c) * self.h + iy) * self.w + ix]
                                        * f64::from(
                                            weight[((o * channels + i) * kh + ky) * kw + kx],
                                        );
                                }
                            }
                        }
                        y.push(sum);
                    }
                }
            }
        }
        y
    }

    /// Tiles of a plane.
    fn parts(&self) -> usize {
        let (h, w) = self.out();
        h.div_ceil(self.tile.0 as usize) * w.div_ceil(self.tile.1 as usize)
    }

    pub(crate) fn plan(&self) -> (TestPlan, Conv2d, Vec<f64>) {
        self.plan_of(|_| ())
    }

    /// Of a picture that `change` has changed.
    pub(crate) fn plan_of(&self, change: impl Fn(&mut [f32])) -> (TestPlan, Conv2d, Vec<f64>) {
        let mut random = Random::new((self.c * 31 + self.o * 7 + self.w) as u32);
        let mut x = random.floats(self.n * self.c * self.h * self.w, -1.0, 1.0);
        change(&mut x);
        let taps = self.c / self.groups * self.kernel.0 * self.kernel.1;
        let weight = random.floats(self.o * taps, -0.5, 0.5);
        let bias = random.floats(self.o, -1.0, 1.0);

        let mut plan = TestPlan::new();
        let shape = Blocked {
            n: self.n,
            c: self.c,
            h: self.h,
            w: self.w,
        };
        let y = (self.y_shape(), self.parts());
        let fused = fused((self.fusion, self.epilogue), &mut plan, (&x, shape), y);
        let wanted = fused.passed(self.naive(&fused.x, &weight, &bias));
        let (packed_o, pixel) = self.packed_shape();
        let pixel = if self.depthwise { 1 } else { pixel };
        let packed = plan.room(packed_o * pixel * self.kernel.0 * self.kernel.1);
        let pack = PackConv2d {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            src: plan.dense(&weight),
            y: packed,
            o: self.o as u32,
            c: if self.depthwise { 1 } else { self.c as u32 },
            kh: self.kernel.0 as u32,
            kw: self.kernel.1 as u32,
            packing: self.packing,
            groups: if self.depthwise {
                1
            } else {
                self.groups as u32
            },
            packed_groups: self.packed_groups as u32,
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
        let conv = Conv2d {
            scratch: plan.scratch(self.scratch_bytes()),
            scratch_bytes: self.scratch_bytes(),
            packing: self.packing,
            groups: self.packed_groups as u32,
            tile_o: self.tile.2,
            frame: Frame {
                at: 0,
                x: plan.blocked(&x, shape),
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
                out_h: self.out().0 as u32,
                out_w: self.out().1 as u32,
                moments: fused.moments,
            },
            sliding: Sliding {
                at: 0,
                kh: self.kernel.0 as u32,
                kw: self.kernel.1 as u32,
                stride_h: self.stride.0 as u32,
                stride_w: self.stride.1 as u32,
                dilation_h: self.dilation.0 as u32,
                dilation_w: self.dilation.1 as u32,
                pad_top: self.pad[0] as u32,
                pad_left: self.pad[2] as u32,
                pad_mode: self.mode,
                tile_rows: self.tile.0,
                tile_cols: self.tile.1,
            },
            program: fused.program,
            epilogue: fused.epilogue,
            loading: fused.loading,
        };
        plan.push(pack).push(pack_bias);
        if self.depthwise {
            plan.push(depthwise_of(&conv));
        } else {
            plan.push(conv);
        }
        (plan, conv, wanted)
    }

    pub(crate) fn check(&self) {
        for fusion in Fusion::USUAL {
            Self { fusion, ..*self }.check_fusion();
        }
    }

    pub(crate) fn check_fusion(&self) {
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

/// The record of conv_depthwise with the same fields.
fn depthwise_of(conv: &Conv2d) -> ConvDepthwise {
    ConvDepthwise {
        scratch: conv.scratch,
        scratch_bytes: conv.scratch_bytes,
        tile_blocks: conv.tile_o,
        frame: conv.frame,
        sliding: conv.sliding,
        loading: conv.loading,
        program: conv.program,
        epilogue: conv.epilogue,
    }
}

/// The pixel under a padded coordinate, by walking back from the border.
fn outside(at: usize, pad: usize, size: usize, mode: u32) -> Option<usize> {
    let (mut at, size) = (at as isize - pad as isize, size as isize);
    while at < 0 || at >= size {
        at = match mode {
            0 => return None,
            1 if size == 1 => 0,
            1 if at < 0 => -at,
            1 => 2 * (size - 1) - at,
            _ => at.clamp(0, size - 1),
        };
    }
    Some(at as usize)
}
