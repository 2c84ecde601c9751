//! conv2d and its packing refuse records that can't be right, and name the field.

use crate::ops::Fault;
use crate::ops::conv::fault_tests::{check_sliding_spoilt, check_spoilt};
use crate::ops::conv::tests::small;
use crate::record::{Conv2d, Operand, PackConv2d, field};
use crate::testing::TestPlan;

fn fault_of(change: impl Fn(&mut Conv2d)) -> Result<u32, Fault> {
    let mut plan = TestPlan::new();
    let (frame, sliding, loading) = small(&mut plan, 8 * 8 * 9);
    let mut conv = Conv2d {
        scratch: plan.scratch(3 * 10 * 8 * 4),
        scratch_bytes: 3 * 10 * 8 * 4,
        packing: 0,
        groups: 1,
        tile_o: 8,
        frame,
        sliding,
        loading,
        ..Conv2d::default()
    };
    change(&mut conv);
    plan.push(conv);
    plan.load()
}

#[test]
fn wrong_fields_are_named() {
    assert_eq!(fault_of(|_| ()), Ok(8));
    let field_of = |change: &dyn Fn(&mut Conv2d)| fault_of(change).expect_err("a fault").field;
    check_spoilt::<Conv2d>(|spoil| {
        field_of(&|r| {
            spoil(
                &mut r.frame,
                &mut r.loading,
                &mut r.program,
                &mut r.epilogue,
            )
        })
    });
    check_sliding_spoilt::<Conv2d>(|spoil| field_of(&|r| spoil(&mut r.frame, &mut r.sliding)));
    assert_eq!(field_of(&|r| r.packing = 1), field!(Conv2d, packing));
    for groups in [0, 3, 4, 16] {
        assert_eq!(field_of(&|r| r.groups = groups), field!(Conv2d, groups));
    }
    assert_eq!(field_of(&|r| r.tile_o = 12), field!(Conv2d, tile_o));
    // Scratch that is one row short.
    assert_eq!(field_of(&|r| r.sliding.tile_rows = 2), Fault::NO_FIELD);
}

#[test]
fn wrong_groups_of_the_packing_are_named() {
    let load = |groups, packed_groups| {
        let mut plan = TestPlan::new();
        let [src, y] = [0; 2].map(|_| plan.room(24 * 24 * 9));
        plan.push(PackConv2d {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            src,
            y,
            o: 24,
            c: 24,
            kh: 3,
            kw: 3,
            packing: 0,
            groups,
            packed_groups,
        });
        plan.load().map_err(|fault| fault.field)
    };
    assert_eq!(load(1, 1), Ok(3));
    assert_eq!(load(6, 3), Ok(3));
    assert_eq!(load(6, 6), Ok(6));
    for groups in [0, 5, 48] {
        assert_eq!(load(groups, 1), Err(field!(PackConv2d, groups)));
    }
    // No divisor of the groups, or not of whole blocks.
    for packed in [0, 4, 2 * 6] {
        assert_eq!(load(6, packed), Err(field!(PackConv2d, packed_groups)));
    }
}
