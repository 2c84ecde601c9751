use crate::micro::pointwise::steps::{LISTINGS, exact};
use crate::record::{Operand, Pointwise, field};
use crate::testing::{Random, TestPlan, assert_rounded};
use std::vec::Vec;

/// The float that operand `k` has at an element of y: `kind` as in the record.
fn at(values: &[f32], start: usize, column: usize, kind: u32) -> f32 {
    values[start
        + match kind {
            0 => column,
            1 => column % 4,
            2 => column / 4 * 4,
            _ => 0,
        }]
}

/// One step of two operands over every kind of each, rows with and without a rest, in place or not.
#[test]
fn every_kind_of_operand_equals_the_naive_one() {
    let mut random = Random::new(5);
    for round in 0..400 {
        let kinds = [random.below(4), random.below(4), random.below(4)];
        let whole_vectors = kinds.iter().any(|&kind| kind == 1 || kind == 2);
        let row = match random.below(4) {
            0 => 4 * (1 + random.below(600)),
            1 => 2051,
            _ => 1 + random.below(40),
        };
        let row = if whole_vectors {
            row.div_ceil(4) * 4
        } else {
            row
        };
        let sizes: [u32; 5] =
            core::array::from_fn(|axis| if axis < 2 { 1 } else { 1 + random.below(3) });
        // An axis that an operand does not repeat steps over all that lies inside it.
        let mut plan = TestPlan::new();
        let mut operands: [_; 3] =
            core::array::from_fn(|_| (Operand::ABSENT, [0u32; 5], Vec::new()));
        for (k, place) in operands.iter_mut().enumerate() {
            let mut extent = match kinds[k] {
                0 | 2 => row,
                1 => 4,
                _ => 1,
            };
            let mut steps = [0; 5];
            for axis in (0..5).rev() {
                if k == 0 || random.below(2) == 1 {
                    steps[axis] = extent;
                    extent *= sizes[axis];
                }
            }
            let values = random.floats(extent as usize, -2.0, 2.0);
            *place = (plan.dense(&values), steps, values);
        }
        let elems = row * sizes.iter().product::<u32>();
        let y = if kinds[0] == 0 && random.below(2) == 0 {
            operands[0].0
        } else {
            plan.room(elems as usize)
        };
        let steps = 1 + random.below(8);
        // add, sub, mul, max, select: exact enough to hold after eight.
        let program: Vec<(u32, u32, f32)> = (0..8)
            .map(|_| {
                let code = [0, 1, 2, 16, 17][random.below(5) as usize];
                (code, random.below(4), random.float(-2.0, 2.0))
            })
            .collect();
        let word = |i: usize| {
            let (code, source, _) = program[i];
            code | source << 8 | u32::from(code == 17) << 16
        };
        let [a, b, c] = &operands;
        plan.push(Pointwise {
            y,
            a: a.0,
            b: b.0,
            c: c.0,
            kinds: kinds[0] | kinds[1] << 4 | kinds[2] << 8,
            row_elems: row,
            d0: sizes[0],
            d1: sizes[1],
            d2: sizes[2],
            d3: sizes[3],
            d4: sizes[4],
            a_step2: a.1[2],
            a_step3: a.1[3],
            a_step4: a.1[4],
            b_step2: b.1[2],
            b_step3: b.1[3],
            b_step4: b.1[4],
            c_step2: c.1[2],
            c_step3: c.1[3],
            c_step4: c.1[4],
            steps,
            step0: word(0),
            step0_first: program[0].2,
            step1: word(1),
            step1_first: program[1].2,
            step2: word(2),
            step2_first: program[2].2,
            step3: word(3),
            step3_first: program[3].2,
            step4: word(4),
            step4_first: program[4].2,
            step5: word(5),
            step5_first: program[5].2,
            step6: word(6),
            step6_first: program[6].2,
            step7: word(7),
            step7_first: program[7].2,
            tile_strips: 1 + random.below(5),
            ..Pointwise::default()
        });
        let mut wanted = Vec::new();
        for i in 0..(elems / row) as usize {
            let mut rest = i;
            let mut index = [0; 5];
            for axis in (0..5).rev() {
                index[axis] = rest % sizes[axis] as usize;
                rest /= sizes[axis] as usize;
            }
            let starts: [usize; 3] = core::array::from_fn(|k| {
                index
                    .iter()
                    .zip(operands[k].1)
                    .map(|(i, step)| i * step as usize)
                    .sum()
            });
            for column in 0..row as usize {
                let value = |k: usize| at(&operands[k].2, starts[k], column, kinds[k]);
                let mut acc = value(0);
                for &(code, source, number) in program.iter().take(steps as usize) {
                    let first = match source {
                        0 => number,
                        k => value(k as usize - 1),
                    };
                    // Rounded after each step, as the kernel does.
                    acc = exact(code, f64::from(acc), [first, value(0)].map(f64::from)) as f32;
                }
                wanted.push(f64::from(acc));
            }
        }
        let got = plan.run_everywhere().dense(y, elems as usize);
        assert_rounded(
            &got,
            &wanted,
            0.0,
            &std::format!("round {round}, {kinds:?}"),
        );
    }
}

#[test]
fn a_bad_field_is_named() {
    let good = |plan: &mut TestPlan| {
        let x = plan.room(16);
        Pointwise {
            y: x,
            a: x,
            row_elems: 16,
            d0: 1,
            d1: 1,
            d2: 1,
            d3: 1,
            d4: 1,
            steps: 1,
            tile_strips: 1,
            ..Pointwise::default()
        }
    };
    type Spoil = fn(&mut Pointwise);
    let spoilt: [(u32, Spoil); 13] = [
        (field!(Pointwise, y), |r| r.y = Operand(7)),
        (field!(Pointwise, a), |r| r.a = Operand::ABSENT),
        (field!(Pointwise, b), |r| r.b = Operand(7)),
        (field!(Pointwise, kinds), |r| r.kinds = 4),
        (field!(Pointwise, kinds), |r| {
            r.kinds = 1;
            r.row_elems = 15;
        }),
        (field!(Pointwise, row_elems), |r| r.row_elems = 0),
        (field!(Pointwise, y), |r| r.row_elems = u32::MAX),
        (field!(Pointwise, a), |r| {
            r.row_elems = 4;
            r.d4 = 2;
            r.a_step4 = u32::MAX;
        }),
        (field!(Pointwise, steps), |r| r.steps = 0),
        (field!(Pointwise, steps), |r| r.steps = 9),
        (field!(Pointwise, step0), |r| {
            r.step0 = LISTINGS.len() as u32
        }),
        // An argument that is not there, and one of a step that takes none.
        (field!(Pointwise, step0), |r| r.step0 = 2 << 8),
        (field!(Pointwise, step0), |r| r.step0 = 6 | 1 << 8),
    ];
    for (index, (field, spoil)) in spoilt.into_iter().enumerate() {
        let mut plan = TestPlan::new();
        let mut record = good(&mut plan);
        spoil(&mut record);
        assert_eq!(
            plan.push(record).load().unwrap_err().field,
            field,
            "{index}"
        );
    }
    let mut plan = TestPlan::new();
    let record = good(&mut plan);
    assert_eq!(plan.push(record).load(), Ok(1));
}
