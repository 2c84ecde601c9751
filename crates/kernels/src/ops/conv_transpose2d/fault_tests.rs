//! conv_transpose2d and its packing refuse records that can't be right, and name the field.

use super::tests::PLAIN;
use crate::ops::Fault;
use crate::record::{ConvTranspose2d, Operand, PackConvTranspose2d, field};
use crate::testing::TestPlan;

#[test]
fn wrong_fields_are_named() {
    let fault_of = |change: fn(&mut ConvTranspose2d)| {
        let (mut plan, mut conv, _) = PLAIN.plan();
        change(&mut conv);
        plan.push(conv);
        plan.load().expect_err("a fault").field
    };
    assert_eq!(fault_of(|r| r.kw = 0), field!(ConvTranspose2d, kw));
    assert_eq!(
        fault_of(|r| r.stride_h = 0),
        field!(ConvTranspose2d, stride_h)
    );
    assert_eq!(fault_of(|r| r.frame.c = 0), field!(ConvTranspose2d, c));
    assert_eq!(
        fault_of(|r| r.frame.w = u32::MAX),
        field!(ConvTranspose2d, x)
    );
    assert_eq!(
        fault_of(|r| r.frame.out_h = u32::MAX),
        field!(ConvTranspose2d, y)
    );
    assert_eq!(
        fault_of(|r| r.kh = u32::MAX),
        field!(ConvTranspose2d, weight)
    );
    assert_eq!(
        fault_of(|r| r.frame.bias = Operand::new(Operand::ARENA, 1 << 27)),
        field!(ConvTranspose2d, bias)
    );
    assert_eq!(
        fault_of(|r| r.pad_top = u32::MAX),
        field!(ConvTranspose2d, pad_top)
    );
    assert_eq!(
        fault_of(|r| r.stride_w = u32::MAX),
        field!(ConvTranspose2d, pad_left)
    );
    assert_eq!(
        fault_of(|r| r.program.steps = 9),
        field!(ConvTranspose2d, steps)
    );
    assert_eq!(
        fault_of(|r| r.tile_rows = 0),
        field!(ConvTranspose2d, tile_rows)
    );
    assert_eq!(
        fault_of(|r| (r.stride_w, r.tile_cols) = (1 << 29, 1)),
        field!(ConvTranspose2d, pad_left)
    );
    assert_eq!(
        fault_of(|r| r.frame.moments = Operand::new(Operand::ARENA, 1 << 27)),
        field!(ConvTranspose2d, moments)
    );
    assert_eq!(
        fault_of(|r| r.loading.constants = Operand::new(Operand::ARENA, 1 << 27)),
        field!(ConvTranspose2d, constants)
    );
    assert_eq!(fault_of(|r| r.tile_o = 4), field!(ConvTranspose2d, tile_o));
    assert_eq!(fault_of(|r| r.tile_cols = 8), Fault::NO_FIELD);
}

#[test]
fn wrong_fields_of_the_packing_are_named() {
    let load = |change: fn(&mut PackConvTranspose2d)| {
        let mut plan = TestPlan::new();
        let mut pack = PackConvTranspose2d {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            src: plan.room(8 * 4 * 9),
            y: plan.room(8 * 8 * 5 * 3),
            o: 8,
            c: 8,
            kh: 3,
            kw: 3,
            stride_h: 2,
            stride_w: 1,
            dilation_h: 2,
            dilation_w: 1,
            groups: 2,
        };
        change(&mut pack);
        plan.push(pack);
        plan.load()
    };
    assert_eq!(load(|_| ()), Ok(1));
    let names = |change| load(change).expect_err("a fault").field;
    for change in [
        |r: &mut PackConvTranspose2d| r.groups = 0,
        |r: &mut PackConvTranspose2d| r.groups = 3,
        |r: &mut PackConvTranspose2d| r.groups = 16,
    ] {
        assert_eq!(names(change), field!(PackConvTranspose2d, groups));
    }
    assert_eq!(
        names(|r| r.dilation_h = 0),
        field!(PackConvTranspose2d, dilation_h)
    );
    assert_eq!(
        names(|r| r.dilation_w = u32::MAX),
        field!(PackConvTranspose2d, y)
    );
    assert_eq!(names(|r| r.kh = u32::MAX), field!(PackConvTranspose2d, src));
}
