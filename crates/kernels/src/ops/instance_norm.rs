//! instance_norm: statistics and their application in one pass over memory: y = program((x - m) * s + b), also in place. A tile is a
//! plane of four channels, which the second cache still holds when it is read again; larger ones, and those of too few tiles, are
//! `partial_moments`, `statistics` and `pointwise`.

use crate::layout::Blocked;
use crate::mem::{Dst, Memory, Src};
use crate::micro::load::CONSTANTS_ELEMS;
use crate::micro::pointwise::Buffers;
use crate::micro::statistics::moments;
use crate::ops::epilogue::{Extent, Passing};
use crate::ops::statistics::{Channel, per_channel, value_or};
use crate::ops::{Fault, Op, dst, src, tile_count};
use crate::record::{InstanceNorm, field};
use crate::simd::LANES;

struct Operands {
    x: Src,
    y: Dst,
    gamma: Option<Src>,
    beta: Option<Src>,
    passing: Passing,
}

impl InstanceNorm {
    fn shape(&self) -> Blocked {
        Blocked::new(self.n, self.c, self.h, self.w)
    }

    fn operands(&self, memory: &Memory) -> Result<Operands, Fault> {
        let shape = self.shape();
        let x = src(memory, self.x, field!(Self, x), shape)?;
        let y = dst(memory, self.y, field!(Self, y), shape)?;
        let extent = Extent::from(&shape);
        Ok(Operands {
            x,
            y,
            gamma: per_channel(memory, self.gamma, field!(Self, gamma), self.c)?,
            beta: per_channel(memory, self.beta, field!(Self, beta), self.c)?,
            passing: self.epilogue.passing(&self.program, memory, (y, extent))?,
        })
    }
}

impl Op for InstanceNorm {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        let operands = self.operands(memory)?;
        let bytes = (CONSTANTS_ELEMS * 4) as u32;
        if self.scratch_bytes < bytes {
            return Err(Fault::plan(self.scratch_bytes, bytes));
        }
        // The map's constants are operand 3, and the map a step.
        let full = Fault::field(field!(Self, steps), self.program.steps);
        operands.passing.after_affine(operands.x).ok_or(full)?;
        let planes = self.shape().n * self.shape().channel_blocks();
        tile_count(field!(Self, n), planes as u64, 1)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, scratch: Dst) -> Result<(), Fault> {
        let operands = self.operands(memory)?;
        let shape = self.shape();
        let len = shape.plane_px() * LANES;
        let first = tile as usize * len;
        let x = operands.x.slice(first, len);
        let (n, block) = (
            tile as usize / shape.channel_blocks(),
            tile as usize % shape.channel_blocks(),
        );
        let map = scratch.slice(0, CONSTANTS_ELEMS);
        // Lanes past C get constants that do no harm.
        (0..CONSTANTS_ELEMS).for_each(|i| map.set(i, 0.0));
        let parts = moments(x);
        for (lane, part) in parts.iter().enumerate().take(shape.lanes_in(block)) {
            let c = block * LANES + lane;
            let gamma = value_or(operands.gamma, c, 1.0);
            let beta = value_or(operands.beta, c, 0.0);
            let channel = Channel::of(*part, self.eps, gamma, beta);
            for (k, value) in channel.constants().into_iter().enumerate() {
                map.set(k * LANES + lane, value);
            }
        }
        let y = operands.y.slice(first, len);
        if let Some(passing) = operands.passing.after_affine(map.as_src()) {
            passing.run((n, block), 0, (x, y), &mut Buffers::new());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::layout::Blocked;
    use crate::micro::pointwise::steps::{code_of, exact};
    use crate::ops::Fault;
    use crate::record::{Epilogue, InstanceNorm, Operand, Program, field};
    use crate::testing::{Random, TestPlan, assert_close};
    use std::vec::Vec;

    const EPS: f32 = 1e-5;

    #[test]
    fn equals_the_naive_one_with_and_without_residual_and_in_place() {
        let mut random = Random::new(6);
        for (n, c, h, w) in [(1, 1, 1, 2), (2, 3, 5, 7), (3, 8, 4, 4), (2, 9, 1, 13)] {
            let shape = Blocked::new(n, c, h, w);
            let (px, len) = (shape.plane_px(), shape.n * shape.c * shape.plane_px());
            let x_values = random.floats(len, -2.0, 2.0);
            let r_values = random.floats(len, -2.0, 2.0);
            let gamma_values = random.floats(shape.c, 0.5, 2.0);
            let beta_values = random.floats(shape.c, -1.0, 1.0);
            for step in ["relu", "tanh"] {
                for (affine, residual, target) in [
                    (true, false, 0),
                    (true, true, 1),
                    (false, true, 2),
                    (false, false, 1),
                ] {
                    let mut plan = TestPlan::new();
                    let x = plan.blocked(&x_values, shape);
                    let r = plan.blocked(&r_values, shape);
                    let (gamma, beta) = match affine {
                        true => (plan.dense(&gamma_values), plan.dense(&beta_values)),
                        false => (Operand::ABSENT, Operand::ABSENT),
                    };
                    let y = [plan.room_blocked(shape), x, r][target];
                    let mut words = [(code_of(step), [0.0; 2]); 8];
                    words[1] = (code_of("add") | 2 << 8, [0.0; 2]);
                    let plane = (px * 4) as u32;
                    let epilogue = Epilogue {
                        operand1: r,
                        operand1_outer: plane * shape.channel_blocks() as u32,
                        operand1_inner: plane,
                        ..Epilogue::default()
                    };
                    let scratch = plan.scratch(48);
                    plan.push(InstanceNorm {
                        scratch,
                        scratch_bytes: 48,
                        x,
                        y,
                        gamma,
                        beta,
                        n,
                        c,
                        h,
                        w,
                        eps: EPS,
                        program: Program::of(if residual { 2 } else { 1 }, &words),
                        epilogue: if residual {
                            epilogue
                        } else {
                            Epilogue::default()
                        },
                    });
                    let wanted: Vec<f64> = (0..len)
                        .map(|i| {
                            let plane = &x_values[i / px * px..][..px];
                            let mean = plane.iter().map(|&x| f64::from(x)).sum::<f64>() / px as f64;
                            let squares = plane.iter().map(|&x| (f64::from(x) - mean).powi(2));
                            let var = squares.sum::<f64>() / px as f64;
                            let y = (f64::from(x_values[i]) - mean) / (var + f64::from(EPS)).sqrt();
                            let channel = i / px % shape.c;
                            let y = match affine {
                                true => {
                                    y * f64::from(gamma_values[channel])
                                        + f64::from(beta_values[channel])
                                }
                                false => y,
                            };
                            let y = exact(code_of(step), y, [0.0; 2]);
                            if residual {
                                y + f64::from(r_values[i])
                            } else {
                                y
                            }
                        })
                        .collect();
                    let got = plan.run_everywhere().blocked(y, shape);
                    assert_close(&got, &wanted, 2e-6, &std::format!("{shape:?}"));
                }
            }
        }
    }

    #[test]
    fn a_program_without_room_for_the_map_is_refused() {
        let fault_of = |change: fn(&mut InstanceNorm)| {
            let mut plan = TestPlan::new();
            let x = plan.room(4 * 4 * 4);
            let mut record = InstanceNorm {
                scratch: plan.scratch(48),
                scratch_bytes: 48,
                x,
                y: x,
                n: 1,
                c: 4,
                h: 4,
                w: 4,
                eps: EPS,
                program: Program::of(7, &[(code_of("relu"), [0.0; 2]); 8]),
                epilogue: Epilogue {
                    operand3: Operand::ABSENT,
                    ..Epilogue::default()
                },
                ..InstanceNorm::default()
            };
            change(&mut record);
            plan.push(record).load().map_err(|fault| fault.field)
        };
        assert_eq!(fault_of(|_| ()), Ok(1));
        let steps = Err(field!(InstanceNorm, steps));
        assert_eq!(fault_of(|r| r.program.steps = 8), steps);
        assert_eq!(fault_of(|r| r.epilogue.operand3 = r.x), steps);
        assert_eq!(fault_of(|r| r.scratch_bytes = 32), Err(Fault::NO_FIELD));
    }
}
