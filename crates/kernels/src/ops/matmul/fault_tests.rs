//! The records that matmul refuses, and the field that it names.

use crate::ops::Fault;
use crate::record::{Epilogue, Matmul, Operand, Program, field};
use crate::testing::TestPlan;

fn fault_of(change: impl Fn(&mut Matmul)) -> Result<u32, Fault> {
    let mut plan = TestPlan::new();
    let mut matmul = Matmul {
        scratch: plan.scratch(6 * 8 * 4),
        scratch_bytes: 6 * 8 * 4,
        a: plan.room(2 * 12 * 16),
        b: plan.room(2 * 16 * 24),
        bias: plan.room(24),
        y: plan.room(2 * 12 * 21),
        batch: 2,
        m: 12,
        k: 16,
        n: 21,
        a_step: 12 * 16,
        b_step: 16 * 24,
        y_step: 12 * 21,
        a_row_step: 16,
        y_row_step: 21,
        tile_m: 6,
        tile_n: 16,
        program: Program::of(1, &[(2 << 8, [0.0; 2]); 8]),
        epilogue: Epilogue {
            operand1: plan.room(21),
            ..Epilogue::default()
        },
    };
    change(&mut matmul);
    plan.push(matmul);
    plan.load()
}

#[test]
fn wrong_fields_are_named() {
    const OUTSIDE: Operand = Operand::new(Operand::ARENA, 1 << 27);
    assert_eq!(fault_of(|_| ()), Ok(8));
    let names = |change: fn(&mut Matmul)| fault_of(change).expect_err("a fault").field;
    assert_eq!(names(|r| r.batch = 0), field!(Matmul, batch));
    assert_eq!(names(|r| r.m = 0), field!(Matmul, m));
    assert_eq!(names(|r| r.k = 0), field!(Matmul, k));
    assert_eq!(names(|r| r.k = u32::MAX), field!(Matmul, k));
    assert_eq!(names(|r| r.n = 0), field!(Matmul, n));
    assert_eq!(names(|r| r.n = u32::MAX), field!(Matmul, n));
    assert_eq!(names(|r| r.tile_m = 0), field!(Matmul, tile_m));
    assert_eq!(names(|r| r.tile_n = 12), field!(Matmul, tile_n));
    assert_eq!(names(|r| r.program.steps = 9), field!(Matmul, steps));
    assert_eq!(
        names(|r| r.epilogue.operand1 = OUTSIDE),
        field!(Matmul, operand1)
    );
    // A step that names an operand which is not there, and rows that are no whole vectors.
    assert_eq!(names(|r| r.program.step0 = 4 << 8), field!(Matmul, step0));
    assert_eq!(
        names(|r| r.epilogue.operand_kinds = 1),
        field!(Matmul, operand_kinds)
    );
    assert_eq!(names(|r| r.y_row_step = 20), field!(Matmul, y_row_step));
    for change in [
        |r: &mut Matmul| r.a = Operand::ABSENT,
        |r: &mut Matmul| r.a = OUTSIDE,
        |r: &mut Matmul| r.m = 1 << 30,
        |r: &mut Matmul| r.batch = u32::MAX,
        |r: &mut Matmul| r.a_step = u32::MAX,
        |r: &mut Matmul| r.a_row_step = u32::MAX,
        |r: &mut Matmul| (r.batch, r.a_step, r.a_row_step) = (!0, !0, !0),
    ] {
        assert_eq!(names(change), field!(Matmul, a));
    }
    for change in [
        |r: &mut Matmul| r.b = Operand::ABSENT,
        |r: &mut Matmul| r.b_step = u32::MAX,
        |r: &mut Matmul| (r.n, r.y_row_step) = (1 << 27, 1 << 27),
    ] {
        assert_eq!(names(change), field!(Matmul, b));
    }
    assert_eq!(names(|r| r.bias = OUTSIDE), field!(Matmul, bias));
    for change in [
        |r: &mut Matmul| r.y = Operand::ABSENT,
        |r: &mut Matmul| r.y_step = u32::MAX,
        |r: &mut Matmul| r.y_row_step = u32::MAX,
        |r: &mut Matmul| (r.m, r.a_row_step) = (14, 0),
    ] {
        assert_eq!(names(change), field!(Matmul, y));
    }
    // Room for the last panel of a row less than the tile has; of whole vectors none is needed.
    assert_eq!(names(|r| r.scratch_bytes -= 16), Fault::NO_FIELD);
    assert_eq!(names(|r| r.tile_m = 7), Fault::NO_FIELD);
    let none = |r: &mut Matmul| (r.scratch, r.scratch_bytes) = (Operand::ABSENT, 0);
    assert_eq!(fault_of(none).expect_err("a fault").field, Fault::NO_FIELD);
    assert_eq!(
        fault_of(|r| {
            none(r);
            r.n = 20;
        }),
        Ok(8)
    );
    // Rows that are the same one, any number of times, are still tiles to be counted.
    assert_eq!(
        names(|r| (r.batch, r.a_step, r.b_step, r.y_step) = (!0, 0, 0, 0)),
        field!(Matmul, tile_m)
    );
}
