//! conv2d and its packing refuse records that can't be right, and name the field.

use crate::ops::Fault;
use crate::ops::conv::tests::small;
use crate::record::{Conv2d, Operand, PackConv2d, field};
use crate::testing::TestPlan;

fn fault_of(change: impl Fn(&mut Conv2d)) -> Result<u32, Fault> {
    let mut plan = TestPlan::new();
    let (frame, sliding, loading, (program, epilogue)) = small(&mut plan, 8 * 8 * 9);
    let mut conv = Conv2d {
        scratch: plan.scratch(3 * 10 * 8 * 4),
        scratch_bytes: 3 * 10 * 8 * 4,
        packing: 0,
        groups: 1,
        tile_o: 8,
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
    assert_eq!(fault_of(|_| ()), Ok(8));
    let names = |change: fn(&mut Conv2d)| fault_of(change).expect_err("a fault").field;
    assert_eq!(names(|r| r.sliding.kh = 0), field!(Conv2d, kh));
    assert_eq!(names(|r| r.sliding.stride_w = 0), field!(Conv2d, stride_w));
    assert_eq!(
        names(|r| r.sliding.dilation_h = 0),
        field!(Conv2d, dilation_h)
    );
    assert_eq!(names(|r| r.frame.n = 0), field!(Conv2d, x));
    assert_eq!(names(|r| r.frame.h = u32::MAX), field!(Conv2d, x));
    assert_eq!(names(|r| r.frame.out_w = u32::MAX), field!(Conv2d, y));
    assert_eq!(names(|r| r.sliding.kh = u32::MAX), field!(Conv2d, weight));
    assert_eq!(
        names(|r| r.frame.weight = Operand::ABSENT),
        field!(Conv2d, weight)
    );
    assert_eq!(
        names(|r| r.frame.bias = Operand::new(Operand::ARENA, 1 << 27)),
        field!(Conv2d, bias)
    );
    assert_eq!(
        names(|r| r.sliding.pad_top = u32::MAX),
        field!(Conv2d, pad_top)
    );
    assert_eq!(
        names(|r| r.sliding.stride_w = u32::MAX),
        field!(Conv2d, pad_left)
    );
    assert_eq!(names(|r| r.sliding.pad_mode = 3), field!(Conv2d, pad_mode));
    assert_eq!(names(|r| r.program.steps = 9), field!(Conv2d, steps));
    assert_eq!(names(|r| r.program.step0 = 4 << 8), field!(Conv2d, step0));
    assert_eq!(
        names(|r| r.epilogue.operand1 = Operand::new(Operand::ARENA, 1 << 27)),
        field!(Conv2d, operand1)
    );
    assert_eq!(
        names(|r| (r.frame.n, r.epilogue.operand1_outer) = (2, u32::MAX)),
        field!(Conv2d, operand1)
    );
    assert_eq!(
        names(|r| r.epilogue.operand_kinds = 5),
        field!(Conv2d, operand_kinds)
    );
    assert_eq!(
        names(|r| r.loading.constants_vectors = 2),
        field!(Conv2d, constants_vectors)
    );
    // Tanh does not fit registers.
    assert_eq!(
        names(|r| (r.loading.load_steps, r.loading.load_step) = (1, 7)),
        field!(Conv2d, load_step)
    );
    // Zeros of padding would become something else.
    let clamp = |r: &mut Conv2d| (r.loading.load_steps, r.loading.load_step) = (1, 13);
    assert_eq!(fault_of(clamp), fault_of(|_| ()));
    assert_eq!(
        names(|r| (
            r.loading.load_steps,
            r.loading.load_step,
            r.loading.load_first
        ) = (1, 13, 0.5)),
        field!(Conv2d, load_step)
    );
    assert_eq!(names(|r| r.packing = 1), field!(Conv2d, packing));
    for groups in [0, 3, 4, 16] {
        let fault = fault_of(|r| r.groups = groups).expect_err("a fault");
        assert_eq!(fault.field, field!(Conv2d, groups), "{groups}");
    }
    assert_eq!(
        names(|r| r.sliding.tile_rows = 0),
        field!(Conv2d, tile_rows)
    );
    assert_eq!(
        names(|r| (r.sliding.dilation_h, r.sliding.tile_rows) = (2, 2)),
        field!(Conv2d, tile_rows)
    );
    assert_eq!(
        names(|r| r.sliding.tile_cols = 0),
        field!(Conv2d, tile_cols)
    );
    assert_eq!(names(|r| r.tile_o = 12), field!(Conv2d, tile_o));
    for change in [
        |r: &mut Conv2d| r.frame.moments = Operand::new(Operand::ARENA, 1 << 27),
        |r: &mut Conv2d| r.frame.moments = Operand(7),
    ] {
        assert_eq!(names(change), field!(Conv2d, moments));
    }
    assert_eq!(
        names(|r| r.loading.constants = Operand::new(Operand::ARENA, 1 << 27)),
        field!(Conv2d, constants)
    );
    assert_eq!(
        names(|r| r.loading.constants_n = 0),
        field!(Conv2d, constants_n)
    );
    assert_eq!(
        names(|r| r.loading.constants_n = 2),
        field!(Conv2d, constants_n)
    );
    assert_eq!(
        names(|r| r.loading.load_steps = 2),
        field!(Conv2d, load_steps)
    );
    // One column, one tap: what a step reaches is nowhere in the picture, but no distance may leave 32 bits.
    assert_eq!(
        names(|r| (r.frame.out_w, r.sliding.stride_w) = (1, 1 << 26)),
        field!(Conv2d, stride_w)
    );
    assert_eq!(
        names(|r| (r.sliding.kw, r.sliding.dilation_w) = (1, 1 << 26)),
        field!(Conv2d, dilation_w)
    );
    // Scratch that is one row short.
    assert_eq!(names(|r| r.sliding.tile_rows = 2), Fault::NO_FIELD);
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
