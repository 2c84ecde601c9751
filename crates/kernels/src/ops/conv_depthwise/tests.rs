//! conv_depthwise against conv2d's definition of as many groups as channels, over odd sizes; and the records that it refuses.

use crate::ops::Fault;
use crate::ops::conv::tests::{EPILOGUES, small};
use crate::ops::conv2d::tests::case::{Case, PLAIN};
use crate::record::{ConvDepthwise, Operand, field};
use crate::testing::{TestPlan, assert_close};

fn of(c: usize, case: Case) -> Case {
    Case {
        c,
        o: c,
        groups: c,
        depthwise: true,
        ..case
    }
}

#[test]
fn channels_widths_and_tiles() {
    for c in [1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 17] {
        of(c, Case { n: 2, ..PLAIN }).check();
    }
    for w in 1..=19 {
        for tile in [(1, 12, 1), (3, 4, 2), (100, 100, 64)] {
            of(9, Case { w, tile, ..PLAIN }).check();
        }
    }
}

#[test]
fn kernels_strides_dilations_borders() {
    for kernel in [(1, 1), (1, 3), (3, 1), (2, 3), (5, 5), (7, 2)] {
        for stride in [(1, 1), (2, 2), (1, 3), (3, 1)] {
            let pad = [kernel.0 / 2, kernel.0, kernel.1 - 1, kernel.1 / 2];
            for mode in 0..3 {
                let case = Case {
                    kernel,
                    stride,
                    pad,
                    mode,
                    ..PLAIN
                };
                of(6, case).check();
            }
        }
    }
    for dilation in [(2, 1), (1, 2), (3, 2)] {
        let case = Case {
            dilation,
            pad: [3, 2, 2, 4],
            tile: (1, 12, 2),
            ..PLAIN
        };
        of(6, case).check();
    }
}

#[test]
fn programs_with_and_without_bias() {
    for epilogue in 0..EPILOGUES.len() {
        for bias in [false, true] {
            let case = Case {
                epilogue,
                bias,
                ..PLAIN
            };
            of(5, case).check();
        }
    }
}

/// Every output element is the same sum in the same order, whatever tile it falls in.
#[test]
fn tiles_do_not_change_bits() {
    let bits = |tile| {
        let case = of(6, Case { tile, ..PLAIN });
        let (plan, conv, _) = case.plan();
        plan.run_everywhere().blocked(conv.frame.y, case.y_shape())
    };
    let first = bits((2, 12, 1));
    for tile in [(1, 1, 1), (5, 7, 2), (9, 13, 8)] {
        assert_eq!(first, bits(tile), "{tile:?}");
    }
}

/// An infinite or NaN pixel reaches the results that it is under the kernel of, in its own channel.
#[test]
fn infinities_stay_where_they_are() {
    for bad in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        let case = of(5, PLAIN);
        let planes = 4 * case.h * case.w;
        let (plan, conv, wanted) = case.plan_of(|x| {
            x[planes + 4 * case.w + 7] = bad;
            x[planes] = bad;
        });
        let got = plan.run_everywhere().blocked(conv.frame.y, case.y_shape());
        assert_close(&got, &wanted, 1e-5, "infinities");
        assert_eq!(got.iter().filter(|y| !y.is_finite()).count(), 9 + 4);
    }
}

fn fault_of(change: impl Fn(&mut ConvDepthwise)) -> Result<u32, Fault> {
    let mut plan = TestPlan::new();
    let (frame, sliding, loading, (program, epilogue)) = small(&mut plan, 8 * 9);
    let mut conv = ConvDepthwise {
        scratch: plan.scratch(3 * 10 * 16),
        scratch_bytes: 3 * 10 * 16,
        tile_blocks: 1,
        frame,
        sliding,
        loading,
        program,
        epilogue,
    };
    change(&mut conv);
    plan.push(conv);
    plan.load()
}

#[test]
fn wrong_fields_are_named() {
    assert_eq!(fault_of(|_| ()), Ok(16));
    let names = |change: fn(&mut ConvDepthwise)| fault_of(change).expect_err("a fault").field;
    assert_eq!(names(|r| r.frame.c = 0), field!(ConvDepthwise, c));
    assert_eq!(names(|r| r.frame.n = 0), field!(ConvDepthwise, x));
    assert_eq!(names(|r| r.frame.h = u32::MAX), field!(ConvDepthwise, x));
    assert_eq!(
        names(|r| r.frame.out_w = u32::MAX),
        field!(ConvDepthwise, y)
    );
    assert_eq!(names(|r| r.sliding.kw = 0), field!(ConvDepthwise, kw));
    assert_eq!(
        names(|r| r.sliding.kh = u32::MAX),
        field!(ConvDepthwise, weight)
    );
    assert_eq!(
        names(|r| r.sliding.stride_h = 0),
        field!(ConvDepthwise, stride_h)
    );
    assert_eq!(
        names(|r| r.sliding.dilation_w = 0),
        field!(ConvDepthwise, dilation_w)
    );
    assert_eq!(
        names(|r| r.sliding.pad_top = u32::MAX),
        field!(ConvDepthwise, pad_top)
    );
    assert_eq!(
        names(|r| r.sliding.pad_mode = 3),
        field!(ConvDepthwise, pad_mode)
    );
    assert_eq!(names(|r| r.program.steps = 9), field!(ConvDepthwise, steps));
    assert_eq!(
        names(|r| r.program.step0 = 4 << 8),
        field!(ConvDepthwise, step0)
    );
    assert_eq!(
        names(|r| r.epilogue.operand1 = Operand::new(Operand::ARENA, 1 << 27)),
        field!(ConvDepthwise, operand1)
    );
    assert_eq!(
        names(|r| (r.frame.n, r.epilogue.operand1_outer) = (2, u32::MAX)),
        field!(ConvDepthwise, operand1)
    );
    assert_eq!(
        names(|r| r.epilogue.operand_kinds = 5),
        field!(ConvDepthwise, operand_kinds)
    );
    assert_eq!(
        names(|r| r.loading.constants_vectors = 2),
        field!(ConvDepthwise, constants_vectors)
    );
    // Tanh does not fit registers.
    assert_eq!(
        names(|r| (r.loading.load_steps, r.loading.load_step) = (1, 7)),
        field!(ConvDepthwise, load_step)
    );
    // Zeros of padding would become something else.
    let clamp = |r: &mut ConvDepthwise| (r.loading.load_steps, r.loading.load_step) = (1, 13);
    assert_eq!(fault_of(clamp), fault_of(|_| ()));
    assert_eq!(
        names(|r| (
            r.loading.load_steps,
            r.loading.load_step,
            r.loading.load_first
        ) = (1, 13, 0.5)),
        field!(ConvDepthwise, load_step)
    );
    assert_eq!(
        names(|r| r.sliding.tile_rows = 0),
        field!(ConvDepthwise, tile_rows)
    );
    assert_eq!(
        names(|r| (r.sliding.dilation_h, r.sliding.tile_rows) = (2, 2)),
        field!(ConvDepthwise, tile_rows)
    );
    assert_eq!(
        names(|r| r.sliding.tile_cols = 0),
        field!(ConvDepthwise, tile_cols)
    );
    assert_eq!(
        names(|r| r.tile_blocks = 0),
        field!(ConvDepthwise, tile_blocks)
    );
    assert_eq!(
        names(|r| r.frame.moments = Operand::new(Operand::ARENA, 1 << 27)),
        field!(ConvDepthwise, moments)
    );
    assert_eq!(
        names(|r| r.loading.constants_n = 2),
        field!(ConvDepthwise, constants_n)
    );
    assert_eq!(
        names(|r| (r.frame.out_w, r.sliding.stride_w) = (1, 1 << 28)),
        field!(ConvDepthwise, stride_w)
    );
    // Scratch that is one row short.
    assert_eq!(names(|r| r.sliding.tile_rows = 2), Fault::NO_FIELD);
}
