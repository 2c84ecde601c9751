//! conv2d, its packing and its bias against the definition in float64, over odd sizes.

use std::vec::Vec;

use crate::layout::Blocked;
use crate::ops::Fault;
use crate::record::{Conv2d, Operand, PackBias, PackConv2d, field};
use crate::testing::{Random, TestPlan, assert_close};

#[derive(Clone, Copy, Debug)]
struct Case {
    n: usize,
    c: usize,
    h: usize,
    w: usize,
    o: usize,
    kernel: (usize, usize),
    stride: (usize, usize),
    dilation: (usize, usize),
    /// top, bottom, left, right
    pad: [usize; 4],
    mode: u32,
    activation: u32,
    packing: u32,
    bias: bool,
    tile: (u32, u32, u32),
}

const PLAIN: Case = Case {
    n: 1,
    c: 5,
    h: 9,
    w: 13,
    o: 9,
    kernel: (3, 3),
    stride: (1, 1),
    dilation: (1, 1),
    pad: [1; 4],
    mode: 0,
    activation: 0,
    packing: 0,
    bias: true,
    tile: (2, 12, 8),
};

impl Case {
    fn out(&self) -> (usize, usize) {
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

    fn y_shape(&self) -> Blocked {
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
        let pixel = if self.c < 4 {
            self.c
        } else {
            self.c.next_multiple_of(4)
        };
        (rows * cols * pixel * 4).next_multiple_of(16) as u32
    }

    fn naive(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f64> {
        let ((kh, kw), (out_h, out_w)) = (self.kernel, self.out());
        let mut y = Vec::new();
        for n in 0..self.n {
            for o in 0..self.o {
                for oy in 0..out_h {
                    for ox in 0..out_w {
                        let mut sum = if self.bias { f64::from(bias[o]) } else { 0.0 };
                        for c in 0..self.c {
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
                                    sum += f64::from(
                                        x[((n * self.c + c) * self.h + iy) * self.w + ix],
                                    ) * f64::from(
                                        weight[((o * self.c + c) * kh + ky) * kw + kx],
                                    );
                                }
                            }
                        }
                        y.push(match self.activation {
                            1 => sum.max(0.0),
                            2 => sum.tanh(),
                            _ => sum,
                        });
                    }
                }
            }
        }
        y
    }

    fn plan(&self) -> (TestPlan, Operand, Vec<f64>) {
        let mut random = Random::new((self.c * 31 + self.o * 7 + self.w) as u32);
        let x = random.floats(self.n * self.c * self.h * self.w, -1.0, 1.0);
        let taps = self.c * self.kernel.0 * self.kernel.1;
        let weight = random.floats(self.o * taps, -0.5, 0.5);
        let bias = random.floats(self.o, -1.0, 1.0);
        let wanted = self.naive(&x, &weight, &bias);

        let mut plan = TestPlan::new();
        let (pixel, packed_o) = (
            if self.c < 4 {
                self.c
            } else {
                self.c.next_multiple_of(4)
            },
            if self.packing == 1 {
                self.o
            } else {
                self.o.next_multiple_of(4)
            },
        );
        let packed = plan.room(packed_o * pixel * self.kernel.0 * self.kernel.1);
        let pack = PackConv2d {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            src: plan.dense(&weight),
            y: packed,
            o: self.o as u32,
            c: self.c as u32,
            kh: self.kernel.0 as u32,
            kw: self.kernel.1 as u32,
            packing: self.packing,
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
        let shape = Blocked {
            n: self.n,
            c: self.c,
            h: self.h,
            w: self.w,
        };
        let conv = Conv2d {
            scratch: plan.scratch(self.scratch_bytes()),
            scratch_bytes: self.scratch_bytes(),
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
            kh: self.kernel.0 as u32,
            kw: self.kernel.1 as u32,
            stride_h: self.stride.0 as u32,
            stride_w: self.stride.1 as u32,
            dilation_h: self.dilation.0 as u32,
            dilation_w: self.dilation.1 as u32,
            pad_top: self.pad[0] as u32,
            pad_left: self.pad[2] as u32,
            pad_mode: self.mode,
            activation: self.activation,
            packing: self.packing,
            tile_rows: self.tile.0,
            tile_cols: self.tile.1,
            tile_o: self.tile.2,
        };
        plan.push(pack).push(pack_bias).push(conv);
        (plan, conv.y, wanted)
    }

    fn check(&self) {
        let (plan, y, wanted) = self.plan();
        let got = plan.run_everywhere().blocked(y, self.y_shape());
        assert_close(&got, &wanted, 1e-5, &std::format!("{self:?}"));
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

#[test]
fn channel_tails() {
    for c in 1..=9 {
        for o in 1..=9 {
            Case { c, o, ..PLAIN }.check();
        }
    }
    Case {
        c: 19,
        o: 20,
        tile: (3, 12, 16),
        ..PLAIN
    }
    .check();
    Case {
        c: 32,
        o: 17,
        n: 2,
        ..PLAIN
    }
    .check();
}

#[test]
fn few_outputs() {
    for c in 4..=9 {
        for o in 1..=3 {
            Case {
                c,
                o,
                n: 2,
                packing: 1,
                ..PLAIN
            }
            .check();
        }
    }
    Case {
        c: 16,
        o: 3,
        packing: 1,
        kernel: (9, 9),
        pad: [4; 4],
        activation: 2,
        ..PLAIN
    }
    .check();
    Case {
        c: 7,
        o: 2,
        packing: 1,
        dilation: (1, 2),
        stride: (2, 3),
        mode: 1,
        activation: 1,
        ..PLAIN
    }
    .check();
}

#[test]
fn widths_and_tiles() {
    for w in 1..=15 {
        for tile in [(1, 12, 8), (3, 4, 16), (100, 100, 64)] {
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
fn kernels_strides_dilations_pads() {
    for kernel in [(1, 1), (1, 4), (2, 3), (5, 2), (7, 7)] {
        for stride in [(1, 1), (2, 2), (1, 3), (3, 1)] {
            let pad = [kernel.0 / 2, kernel.0, kernel.1 - 1, kernel.1 / 2];
            Case {
                kernel,
                stride,
                pad,
                n: 2,
                ..PLAIN
            }
            .check();
            Case {
                kernel,
                stride,
                pad,
                c: 3,
                o: 4,
                ..PLAIN
            }
            .check();
        }
    }
    for dilation in [(2, 1), (1, 2), (3, 2)] {
        for stride in [(1, 1), (2, 2)] {
            for c in [2, 6] {
                Case {
                    c,
                    dilation,
                    stride,
                    pad: [3, 2, 2, 4],
                    tile: (1, 12, 8),
                    ..PLAIN
                }
                .check();
            }
        }
    }
}

#[test]
fn borders() {
    for mode in 0..3 {
        for c in [3, 6] {
            Case {
                c,
                mode,
                kernel: (9, 9),
                pad: [4; 4],
                ..PLAIN
            }
            .check();
            Case {
                c,
                mode,
                pad: [3, 0, 0, 3],
                kernel: (2, 4),
                stride: (2, 2),
                ..PLAIN
            }
            .check();
        }
        Case {
            mode,
            h: 1,
            w: 2,
            pad: [7, 6, 5, 4],
            ..PLAIN
        }
        .check();
    }
}

#[test]
fn activations_with_and_without_bias() {
    for activation in 0..3 {
        for bias in [false, true] {
            Case {
                activation,
                bias,
                ..PLAIN
            }
            .check();
            Case {
                activation,
                bias,
                o: 3,
                packing: 1,
                ..PLAIN
            }
            .check();
        }
    }
}

/// Every output element is the same sum in the same order, whatever tile it falls in.
#[test]
fn tiles_do_not_change_bits() {
    let (plan, y, _) = PLAIN.plan();
    let shape = PLAIN.y_shape();
    let first = plan.run_everywhere().blocked(y, shape);
    for tile in [(1, 1, 8), (5, 7, 16), (9, 13, 16)] {
        let (plan, y, _) = Case { tile, ..PLAIN }.plan();
        assert_eq!(first, plan.run_everywhere().blocked(y, shape), "{tile:?}");
    }
}

/// A lane past C, or a pixel outside the picture, may hold NaN: nothing of it may reach a result.
#[test]
fn infinities_stay_where_they_are() {
    let case = Case {
        c: 5,
        o: 4,
        ..PLAIN
    };
    let (plan, y, wanted) = case.plan();
    assert!(wanted.iter().all(|x| x.is_finite()));
    assert!(
        plan.run_everywhere()
            .blocked(y, case.y_shape())
            .iter()
            .all(|x| x.is_finite())
    );
}

fn fault_of(change: impl Fn(&mut Conv2d)) -> Result<u32, Fault> {
    let mut plan = TestPlan::new();
    let mut conv = Conv2d {
        scratch: plan.scratch(3 * 10 * 8 * 4),
        scratch_bytes: 3 * 10 * 8 * 4,
        x: plan.room(2 * 8 * 8 * 4),
        weight: plan.room(8 * 8 * 9),
        bias: Operand::ABSENT,
        y: plan.room(2 * 8 * 8 * 4),
        n: 1,
        c: 8,
        h: 8,
        w: 8,
        o: 8,
        out_h: 8,
        out_w: 8,
        kh: 3,
        kw: 3,
        stride_h: 1,
        stride_w: 1,
        dilation_h: 1,
        dilation_w: 1,
        pad_top: 1,
        pad_left: 1,
        pad_mode: 0,
        activation: 0,
        packing: 0,
        tile_rows: 1,
        tile_cols: 8,
        tile_o: 8,
    };
    change(&mut conv);
    plan.push(conv);
    plan.load()
}

#[test]
fn wrong_fields_are_named() {
    assert_eq!(fault_of(|_| ()), Ok(8));
    let names = |change: fn(&mut Conv2d)| fault_of(change).expect_err("a fault").field;
    assert_eq!(names(|r| r.kh = 0), field!(Conv2d, kh));
    assert_eq!(names(|r| r.stride_w = 0), field!(Conv2d, stride_w));
    assert_eq!(names(|r| r.dilation_h = 0), field!(Conv2d, dilation_h));
    assert_eq!(names(|r| r.n = 0), field!(Conv2d, x));
    assert_eq!(names(|r| r.h = u32::MAX), field!(Conv2d, x));
    assert_eq!(names(|r| r.out_w = u32::MAX), field!(Conv2d, y));
    assert_eq!(names(|r| r.kh = u32::MAX), field!(Conv2d, weight));
    assert_eq!(
        names(|r| r.weight = Operand::ABSENT),
        field!(Conv2d, weight)
    );
    assert_eq!(
        names(|r| r.bias = Operand::new(Operand::ARENA, 1 << 27)),
        field!(Conv2d, bias)
    );
    assert_eq!(names(|r| r.pad_top = u32::MAX), field!(Conv2d, pad_top));
    assert_eq!(names(|r| r.stride_w = u32::MAX), field!(Conv2d, pad_left));
    assert_eq!(names(|r| r.pad_mode = 3), field!(Conv2d, pad_mode));
    assert_eq!(names(|r| r.activation = 3), field!(Conv2d, activation));
    assert_eq!(names(|r| r.packing = 1), field!(Conv2d, packing));
    assert_eq!(names(|r| r.tile_rows = 0), field!(Conv2d, tile_rows));
    assert_eq!(
        names(|r| (r.dilation_h, r.tile_rows) = (2, 2)),
        field!(Conv2d, tile_rows)
    );
    assert_eq!(names(|r| r.tile_cols = 0), field!(Conv2d, tile_cols));
    assert_eq!(names(|r| r.tile_o = 12), field!(Conv2d, tile_o));
    // Scratch that is one row short.
    assert_eq!(names(|r| r.tile_rows = 2), Fault::NO_FIELD);
}
