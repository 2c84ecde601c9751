//! pixels_out against its definition in float64.

use crate::layout::Blocked;
use crate::ops::Fault;
use crate::record::{Operand, PixelsOut, field};
use crate::testing::{Random, TestPlan};
use std::vec::Vec;

/// One a channel.
const SCALES: [f32; 3] = [255.0, 200.0, 64.0];
const OFFSETS: [f32; 3] = [0.0, 30.0, 100.0];

#[test]
fn crops_rounds_clamps_and_copies_alpha() {
    let mut random = Random::new(51);
    for src_channels in 1..=4 {
        for (c, bgr) in [(1, 0), (3, 0), (3, 1)] {
            let (x_h, x_w, top, left, h, w) = (7, 9, 2, 3, 4, 5);
            let shape = Blocked::new(1, c, x_h, x_w);
            let mut values = random.floats(shape.c * shape.plane_px(), -0.2, 1.2);
            values[2 * 9 + 3] = f32::NAN;
            values[2 * 9 + 4] = f32::INFINITY;
            values[2 * 9 + 5] = f32::NEG_INFINITY;
            let alpha: Vec<u8> = (0..h * w * src_channels)
                .map(|_| random.word() as u8)
                .collect();
            let mut plan = TestPlan::new();
            let x = plan.blocked(&values, shape);
            let src = plan.bytes(&alpha);
            let y = plan.bytes(&[7; 4 * 5 * 4]);
            plan.push(PixelsOut {
                scratch: Operand::ABSENT,
                scratch_bytes: 0,
                x,
                src,
                y,
                src_channels: src_channels as u32,
                src_w: w as u32,
                src_h: h as u32,
                c,
                x_w,
                x_h,
                left,
                top,
                w: w as u32,
                h: h as u32,
                bgr,
                chroma: 0,
                scale0: SCALES[0],
                scale1: SCALES[1],
                scale2: SCALES[2],
                offset0: OFFSETS[0],
                offset1: OFFSETS[1],
                offset2: OFFSETS[2],
                tile_rows: 3,
            });
            let got = plan.run_everywhere().bytes(y, h * w * 4);
            for row in 0..h {
                for column in 0..w {
                    let pixel = row * w + column;
                    for k in 0..4 {
                        let wanted = if k < 3 {
                            let plane = match (c, bgr) {
                                (1, _) => 0,
                                (_, 0) => k,
                                _ => 2 - k,
                            };
                            let at = (plane * 7 + row + 2) * 9 + column + 3;
                            (f64::from(values[at] * SCALES[plane] + OFFSETS[plane]) + 0.5)
                                .floor()
                                .clamp(0.0, 255.0) as u8
                        } else if src_channels % 2 == 0 {
                            alpha[(pixel + 1) * src_channels - 1]
                        } else {
                            255
                        };
                        assert_eq!(
                            got[pixel * 4 + k],
                            wanted,
                            "pixel {row} {column}, channel {k}"
                        );
                    }
                }
            }
        }
    }
}

/// Keys' kernel at a distance.
fn cubic(distance: f64) -> f64 {
    match distance.abs() {
        d if d < 1.0 => (1.5 * d - 2.5) * d * d + 1.0,
        d if d < 2.0 => ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0,
        _ => 0.0,
    }
}

#[test]
fn another_size_takes_alpha_and_colours_by_bicubic() {
    let mut random = Random::new(52);
    let (src_h, src_w) = (5, 6);
    for (channels, chroma, h, w) in [
        (4, 0, 10, 12),
        (2, 0, 15, 18),
        (4, 1, 10, 12),
        (3, 1, 20, 24),
        (1, 1, 10, 12),
        (4, 1, 5, 6),
        (3, 1, 4, 9),
    ] {
        let bytes: Vec<u8> = (0..src_h * src_w * channels)
            .map(|_| random.word() as u8)
            .collect();
        let shape = Blocked::new(1, 1, h as u32, w as u32);
        let values = random.floats(shape.plane_px(), 0.0, 1.0);
        let mut plan = TestPlan::new();
        let scratch_bytes = src_w as u32 * 16;
        let scratch = plan.scratch(scratch_bytes);
        let x = plan.blocked(&values, shape);
        let src = plan.bytes(&bytes);
        let y = plan.bytes(&std::vec![7; h * w * 4]);
        plan.push(PixelsOut {
            scratch,
            scratch_bytes,
            x,
            src,
            y,
            src_channels: channels as u32,
            src_w: src_w as u32,
            src_h: src_h as u32,
            c: 1,
            x_w: w as u32,
            x_h: h as u32,
            left: 0,
            top: 0,
            w: w as u32,
            h: h as u32,
            bgr: 0,
            chroma,
            scale0: 255.0,
            scale1: 0.0,
            scale2: 0.0,
            offset0: 0.0,
            offset1: 0.0,
            offset2: 0.0,
            tile_rows: 3,
        });
        let got = plan.run_everywhere().bytes(y, h * w * 4);
        let shown = |row: usize, column: usize, k: usize| {
            let at =
                |i: usize, from: usize, to: usize| (i as f64 + 0.5) * from as f64 / to as f64 - 0.5;
            let (y, x) = (at(row, src_h, h), at(column, src_w, w));
            let mut sum = 0.0;
            for j in -3..src_h as i32 + 3 {
                for i in -3..src_w as i32 + 3 {
                    let weight = cubic(y - f64::from(j)) * cubic(x - f64::from(i));
                    let pixel = j.clamp(0, src_h as i32 - 1) as usize * src_w
                        + i.clamp(0, src_w as i32 - 1) as usize;
                    let byte = |k: usize| f64::from(bytes[pixel * channels + k]);
                    let alpha = if channels % 2 == 0 {
                        byte(channels - 1)
                    } else {
                        255.0
                    };
                    let seen = (alpha / 32.0).min(1.0);
                    let level = match k {
                        3 => alpha,
                        _ => byte(if channels < 3 { 0 } else { k }) * seen + 128.0 * (1.0 - seen),
                    };
                    sum += weight * level;
                }
            }
            sum
        };
        for row in 0..h {
            for column in 0..w {
                let level = f64::from(values[row * w + column]) * 255.0;
                let [r, g, b, alpha] = core::array::from_fn(|k| shown(row, column, k));
                let grey = 0.299 * r + 0.587 * g + 0.114 * b;
                let colours =
                    [r, g, b].map(|colour| level + if chroma == 1 { colour - grey } else { 0.0 });
                let alpha = if channels % 2 == 0 { alpha } else { 255.0 };
                let wanted = [colours[0], colours[1], colours[2], alpha];
                for (k, wanted) in wanted.into_iter().enumerate() {
                    let got = got[(row * w + column) * 4 + k];
                    // A level that float32 puts on the other side of a half.
                    let near =
                        [-1e-3, 1e-3].map(|by| (wanted + by + 0.5).floor().clamp(0.0, 255.0) as u8);
                    assert!(
                        near.contains(&got),
                        "{channels} channels, chroma {chroma}, to {h}x{w}: pixel {row} {column}, channel {k} is {got}, wanted {wanted}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_interpolated_needs_scratch_and_colours_need_luma() {
    let mut plan = TestPlan::new();
    let x = plan.blocked(&[0.5; 12], Blocked::new(1, 3, 2, 2));
    let src = plan.bytes(&[0; 4]);
    let y = plan.bytes(&[0; 16]);
    let record = PixelsOut {
        scratch: Operand::ABSENT,
        scratch_bytes: 0,
        x,
        src,
        y,
        src_channels: 4,
        src_w: 1,
        src_h: 1,
        c: 3,
        x_w: 2,
        x_h: 2,
        left: 0,
        top: 0,
        w: 2,
        h: 2,
        bgr: 0,
        chroma: 0,
        scale0: 1.0,
        scale1: 1.0,
        scale2: 1.0,
        offset0: 0.0,
        offset1: 0.0,
        offset2: 0.0,
        tile_rows: 1,
    };
    plan.push(record);
    assert_eq!(plan.load(), Err(Fault::plan(0, 16)));
    let mut plan = TestPlan::new();
    plan.bytes(&[0; 64]);
    plan.push(PixelsOut {
        chroma: 1,
        ..record
    });
    assert_eq!(
        plan.load(),
        Err(Fault {
            field: field!(PixelsOut, chroma),
            got: 1,
            wanted: 0
        })
    );
}

#[test]
fn halves_round_up() {
    let shape = Blocked::new(1, 1, 1, 4);
    let mut plan = TestPlan::new();
    let x = plan.blocked(&[0.5, 1.5, 2.5, 254.5], shape);
    let y = plan.bytes(&[0; 16]);
    plan.push(PixelsOut {
        scratch: Operand::ABSENT,
        scratch_bytes: 0,
        x,
        src: Operand::ABSENT,
        y,
        src_channels: 3,
        src_w: 4,
        src_h: 1,
        c: 1,
        x_w: 4,
        x_h: 1,
        left: 0,
        top: 0,
        w: 4,
        h: 1,
        bgr: 0,
        chroma: 0,
        scale0: 1.0,
        scale1: 0.0,
        scale2: 0.0,
        offset0: 0.0,
        offset1: 0.0,
        offset2: 0.0,
        tile_rows: 1,
    });
    let got = plan.run_everywhere().bytes(y, 16);
    assert_eq!([got[0], got[4], got[8], got[12]], [1, 2, 3, 255]);
}
