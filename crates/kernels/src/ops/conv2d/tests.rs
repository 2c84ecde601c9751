//! conv2d, its packing and its bias against the definition in float64, over odd sizes.

pub(crate) mod case;

use crate::ops::conv::tests::{EPILOGUES, Fusion};
use crate::testing::assert_close;
use case::{Case, PLAIN};

/// Of four channels to four, which have a register tile of their own.
const GROUPS: Case = Case {
    c: 8,
    o: 8,
    groups: 2,
    packed_groups: 2,
    ..PLAIN
};

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
        epilogue: 2,
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
        epilogue: 1,
        ..PLAIN
    }
    .check();
}

#[test]
fn widths_and_tiles() {
    for w in 1..=15 {
        for tile in [(1, 12, 8), (3, 4, 16), (100, 100, 64)] {
            Case { w, tile, ..PLAIN }.check();
            Case { w, tile, ..GROUPS }.check();
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
                ..PLAIN
            }
            .check();
            Case {
                epilogue,
                bias,
                o: 3,
                packing: 1,
                ..PLAIN
            }
            .check();
            Case {
                epilogue,
                bias,
                ..GROUPS
            }
            .check();
        }
    }
}

/// Every output element is the same sum in the same order, whatever tile it falls in.
#[test]
fn tiles_do_not_change_bits() {
    // The last has a panel of one vector, in a tile of its own or with others.
    for case in [
        PLAIN,
        GROUPS,
        Case {
            c: 4,
            o: 12,
            ..PLAIN
        },
    ] {
        let (plan, conv, _) = case.plan();
        let shape = case.y_shape();
        let first = plan.run_everywhere().blocked(conv.frame.y, shape);
        for tile in [(1, 1, 8), (5, 7, 16), (9, 13, 16)] {
            let (plan, conv, _) = Case { tile, ..case }.plan();
            let got = plan.run_everywhere().blocked(conv.frame.y, shape);
            assert_eq!(first, got, "{case:?}, {tile:?}");
        }
    }
}

/// An infinite or NaN pixel reaches the results that it is under the kernel of, and no other; lanes past C, which hold NaN, reach none.
#[test]
fn infinities_stay_where_they_are() {
    for (c, o, packing) in [
        (5, 4, 0),
        (4, 4, 0),
        (5, 3, 1),
        (3, 9, 0),
        (19, 8, 0),
        (6, 1, 1),
    ] {
        for bad in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            let case = Case {
                c,
                o,
                packing,
                ..PLAIN
            };
            // Of the last channel: inside, and in the corner, where the kernel is cut off.
            let planes = (c - 1) * case.h * case.w;
            let (plan, conv, wanted) = case.plan_of(|x| {
                x[planes + 4 * case.w + 7] = bad;
                x[planes] = bad;
            });
            let got = plan.run_everywhere().blocked(conv.frame.y, case.y_shape());
            let what = std::format!("{case:?}");
            assert_close(&got, &wanted, 1e-5, &what);
            let spoilt = got.iter().filter(|y| !y.is_finite()).count();
            assert_eq!(spoilt, (9 + 4) * o, "{what}");
        }
    }
}

/// Kernels of three neighbouring columns, as high as may be, and those that are not.
#[test]
fn groups_of_four() {
    for rows in 1..=5 {
        for stride in [(1, 1), (2, 1), (1, 2)] {
            Case {
                n: 2,
                kernel: (rows, 3),
                stride,
                pad: [rows / 2, rows / 2, 1, 1],
                mode: 1,
                ..GROUPS
            }
            .check();
        }
    }
    for dilation in [(2, 1), (1, 2)] {
        let tile = (1, 12, 8);
        Case {
            dilation,
            tile,
            ..GROUPS
        }
        .check();
    }
    // One channel of 12 columns walks alike at stride 4.
    Case {
        c: 1,
        o: 3,
        w: 40,
        kernel: (2, 12),
        stride: (1, 4),
        tile: (2, 5, 8),
        ..PLAIN
    }
    .check();
}

/// In slices of whole blocks, and joined by zeros to such.
#[test]
fn groups() {
    for (c, o, groups, packed_groups) in [
        (8, 8, 2, 2),
        (12, 24, 3, 3),
        (16, 12, 1, 1),
        (24, 16, 2, 2),
        (40, 80, 2, 2),
        (6, 9, 3, 1),
        (8, 16, 8, 2),
        (16, 8, 8, 2),
        (8, 8, 8, 1),
        (4, 2, 2, 1),
    ] {
        for tile in [(2, 12, 8), (3, 5, 64)] {
            Case {
                n: 2,
                c,
                o,
                groups,
                packed_groups,
                tile,
                ..PLAIN
            }
            .check();
        }
        Case {
            c,
            o,
            groups,
            packed_groups,
            stride: (2, 1),
            dilation: (1, 2),
            mode: 1,
            epilogue: 2,
            ..PLAIN
        }
        .check();
    }
    Case {
        c: 8,
        o: 2,
        groups: 2,
        packing: 1,
        ..PLAIN
    }
    .check();
}
