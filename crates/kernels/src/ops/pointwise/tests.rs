use crate::layout::Blocked;
use crate::micro::pointwise::steps::{LISTINGS, code_of, exact};
use crate::record::{Operand, Pointwise, Program, field};
use crate::testing::{Random, TestPlan, assert_close, assert_rounded};
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
        let words = core::array::from_fn(|i| {
            let (code, source, number) = program[i];
            let word = code | source << 8 | u32::from(code == 17) << 16;
            (word, [number, 0.0])
        });
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
            program: Program::of(steps as usize, &words),
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

/// Constants of each sample or of all, ReLU or not, a residual, in place or not.
#[test]
fn an_affine_map_by_channel_equals_the_naive_one() {
    let mut random = Random::new(5);
    for (n, c, h, w) in [
        (1, 1, 1, 1),
        (2, 3, 5, 7),
        (3, 8, 4, 4),
        (2, 9, 1, 13),
        (1, 5, 40, 60),
    ] {
        let shape = Blocked::new(n, c, h, w);
        let (px, blocks) = (shape.plane_px(), shape.channel_blocks());
        let len = shape.n * shape.c * px;
        for relu in [false, true] {
            for (sets, residual, target) in
                [(1, false, 0), (n, true, 1), (n, true, 2), (1, true, 0)]
            {
                let x_values = random.floats(len, -2.0, 2.0);
                let r_values = random.floats(len, -2.0, 2.0);
                let maps = random.floats(sets as usize * blocks * 12, -1.0, 1.0);
                let mut plan = TestPlan::new();
                let x = plan.blocked(&x_values, shape);
                let r = plan.blocked(&r_values, shape);
                let map = plan.dense(&maps);
                let y = [plan.room_blocked(shape), x, r][target];
                let mut words = [(code_of("affine") | 2 << 8, [0.0; 2]); 8];
                let mut steps = 1;
                if relu {
                    words[steps].0 = code_of("relu");
                    steps += 1;
                }
                if residual {
                    words[steps].0 = code_of("add") | 3 << 8;
                    steps += 1;
                }
                let plane = (px * 4) as u32;
                let planes = plane * blocks as u32;
                plan.push(Pointwise {
                    y,
                    a: x,
                    b: map,
                    c: r,
                    kinds: 4 << 4,
                    row_elems: plane,
                    d0: 1,
                    d1: 1,
                    d2: 1,
                    d3: n,
                    d4: blocks as u32,
                    a_step3: planes,
                    a_step4: plane,
                    b_step3: if sets == 1 { 0 } else { blocks as u32 * 12 },
                    b_step4: 12,
                    c_step3: planes,
                    c_step4: plane,
                    program: Program::of(steps, &words),
                    tile_strips: 1,
                    ..Pointwise::default()
                });
                let wanted: Vec<f64> = (0..len)
                    .map(|i| {
                        let (plane, channel) = (i / px, i / px % shape.c);
                        let sample = if sets == 1 { 0 } else { plane / shape.c };
                        let at = (sample * blocks + channel / 4) * 12 + channel % 4;
                        let [m, s, b] = [0, 4, 8].map(|k| f64::from(maps[at + k]));
                        let y = (f64::from(x_values[i]) - m) * s + b;
                        let y = if relu { y.max(0.0) } else { y };
                        let r = f64::from(r_values[i]);
                        if residual { y + r } else { y }
                    })
                    .collect();
                let got = plan.run_everywhere().blocked(y, shape);
                assert_close(&got, &wanted, 5e-7, &std::format!("{shape:?}"));
            }
        }
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
            program: Program::of(1, &[(0, [0.0; 2]); 8]),
            tile_strips: 1,
            ..Pointwise::default()
        }
    };
    type Spoil = fn(&mut Pointwise);
    let spoilt: [(u32, Spoil); 15] = [
        (field!(Pointwise, y), |r| r.y = Operand(7)),
        (field!(Pointwise, a), |r| r.a = Operand::ABSENT),
        (field!(Pointwise, b), |r| r.b = Operand(7)),
        (field!(Pointwise, kinds), |r| r.kinds = 5),
        // A map by a step that is none, and the other way round.
        (field!(Pointwise, step0), |r| {
            r.b = r.a;
            r.kinds = 4 << 4;
            r.program.step0 = 2 << 8;
        }),
        (field!(Pointwise, step0), |r| r.program.step0 = 21),
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
        (field!(Pointwise, steps), |r| r.program.steps = 0),
        (field!(Pointwise, steps), |r| r.program.steps = 9),
        (field!(Pointwise, step0), |r| {
            r.program.step0 = LISTINGS.len() as u32
        }),
        // An argument that is not there, and one of a step that takes none.
        (field!(Pointwise, step0), |r| r.program.step0 = 2 << 8),
        (field!(Pointwise, step0), |r| r.program.step0 = 6 | 1 << 8),
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
