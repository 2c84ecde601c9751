//! conv_transpose2d and its packing refuse records that can't be right, and name the field.

use super::tests::{Case, PLAIN};
use crate::ops::Fault;
use crate::ops::conv::fault_tests::check_spoilt;
use crate::ops::conv::tests::Fusion;
use crate::record::{ConvTranspose2d, Operand, PackConvTranspose2d, field};
use crate::testing::TestPlan;

#[test]
fn wrong_fields_are_named() {
    let fusion = Fusion::Samples;
    let case = Case { fusion, ..PLAIN };
    let field_of = |change: &dyn Fn(&mut ConvTranspose2d)| {
        let (mut plan, mut conv, _) = case.plan();
        change(&mut conv);
        plan.push(conv);
        plan.load().expect_err("a fault").field
    };
    check_spoilt::<ConvTranspose2d>(|spoil| {
        field_of(&|r| {
            spoil(
                &mut r.frame,
                &mut r.loading,
                &mut r.program,
                &mut r.epilogue,
            )
        })
    });
    type Spoil = fn(&mut ConvTranspose2d);
    let own: [(u32, Spoil); 9] = [
        (field!(ConvTranspose2d, kw), |r| r.kw = 0),
        (field!(ConvTranspose2d, stride_h), |r| r.stride_h = 0),
        (field!(ConvTranspose2d, weight), |r| r.kh = u32::MAX),
        (field!(ConvTranspose2d, pad_top), |r| r.pad_top = u32::MAX),
        (field!(ConvTranspose2d, pad_left), |r| r.stride_w = u32::MAX),
        (field!(ConvTranspose2d, tile_rows), |r| r.tile_rows = 0),
        (field!(ConvTranspose2d, pad_left), |r| {
            (r.stride_w, r.tile_cols) = (1 << 29, 1);
        }),
        (field!(ConvTranspose2d, tile_o), |r| r.tile_o = 4),
        (Fault::NO_FIELD, |r| r.tile_cols = 8),
    ];
    for (index, (field, spoil)) in own.into_iter().enumerate() {
        assert_eq!(field_of(&spoil), field, "{index}");
    }
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
