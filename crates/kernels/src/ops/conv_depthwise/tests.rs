//! conv_depthwise against conv2d's definition of as many groups as channels, over odd sizes; and the records that it refuses.

use crate::ops::Fault;
use crate::ops::conv::fault_tests::{check_sliding_spoilt, check_spoilt};
use crate::ops::conv::tests::{EPILOGUES, Fusion, small};
use crate::ops::conv2d::tests::case::{Case, PLAIN};
use crate::record::{ConvDepthwise, field};
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
fn other_loads() {
    for fusion in Fusion::OTHERS {
        for c in [3, 6, 16] {
            of(
                c,
                Case {
                    fusion,
                    c,
                    n: 2,
                    ..PLAIN
                },
            )
            .check_fusion();
        }
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
    let (frame, sliding, loading) = small(&mut plan, 8 * 9);
    let mut conv = ConvDepthwise {
        scratch: plan.scratch(3 * 10 * 16),
        scratch_bytes: 3 * 10 * 16,
        tile_blocks: 1,
        frame,
        sliding,
        loading,
        ..ConvDepthwise::default()
    };
    change(&mut conv);
    plan.push(conv);
    plan.load()
}

#[test]
fn wrong_fields_are_named() {
    assert_eq!(fault_of(|_| ()), Ok(16));
    let field_of =
        |change: &dyn Fn(&mut ConvDepthwise)| fault_of(change).expect_err("a fault").field;
    check_spoilt::<ConvDepthwise>(|spoil| {
        field_of(&|r| {
            spoil(
                &mut r.frame,
                &mut r.loading,
                &mut r.program,
                &mut r.epilogue,
            )
        })
    });
    check_sliding_spoilt::<ConvDepthwise>(|spoil| {
        field_of(&|r| spoil(&mut r.frame, &mut r.sliding))
    });
    assert_eq!(field_of(&|r| r.frame.o = 4), field!(ConvDepthwise, o));
    assert_eq!(
        field_of(&|r| r.tile_blocks = 0),
        field!(ConvDepthwise, tile_blocks)
    );
    // Scratch that is one row short.
    assert_eq!(field_of(&|r| r.sliding.tile_rows = 2), Fault::NO_FIELD);
}
