//! instance_norm: statistics and their application in one pass over memory: y = activation((x - m) * s + b) [+ residual], also in
//! place. A tile is a plane of four channels, which the second cache still holds when it is read again; larger ones, and those of too
//! few tiles, are `partial_moments`, `statistics` and `normalize`.

use crate::layout::Blocked;
use crate::mem::{Dst, Memory, Src};
use crate::micro::statistics::moments;
use crate::ops::normalize::{Constants, apply};
use crate::ops::statistics::{Channel, per_channel, value_or};
use crate::ops::{Fault, Op, activation, dst, src, tile_count};
use crate::record::{InstanceNorm, field};
use crate::simd::{F32x4, LANES};

struct Operands {
    x: Src,
    y: Dst,
    residual: Option<Src>,
    gamma: Option<Src>,
    beta: Option<Src>,
}

impl InstanceNorm {
    fn shape(&self) -> Blocked {
        Blocked::new(self.n, self.c, self.h, self.w)
    }

    fn operands(&self, memory: &Memory) -> Result<Operands, Fault> {
        let shape = self.shape();
        Ok(Operands {
            x: src(memory, self.x, field!(Self, x), shape)?,
            y: dst(memory, self.y, field!(Self, y), shape)?,
            residual: match self.residual.is_present() {
                true => Some(src(memory, self.residual, field!(Self, residual), shape)?),
                false => None,
            },
            gamma: per_channel(memory, self.gamma, field!(Self, gamma), self.c)?,
            beta: per_channel(memory, self.beta, field!(Self, beta), self.c)?,
        })
    }
}

impl Op for InstanceNorm {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        activation(field!(Self, activation), self.activation)?;
        self.operands(memory)?;
        let planes = self.shape().n * self.shape().channel_blocks();
        tile_count(field!(Self, n), planes as u64, 1)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let operands = self.operands(memory)?;
        let shape = self.shape();
        let len = shape.plane_px() * LANES;
        let first = tile as usize * len;
        let x = operands.x.slice(first, len);
        let block = tile as usize % shape.channel_blocks();
        // Lanes past C get constants that do no harm.
        let mut constants = [[0.0; LANES]; 3];
        let parts = moments(x);
        for (lane, part) in parts.iter().enumerate().take(shape.lanes_in(block)) {
            let c = block * LANES + lane;
            let gamma = value_or(operands.gamma, c, 1.0);
            let beta = value_or(operands.beta, c, 0.0);
            let channel = Channel::of(*part, self.eps, gamma, beta);
            for (constant, value) in constants.iter_mut().zip(channel.constants()) {
                constant[lane] = value;
            }
        }
        let [m, s, b] = constants.map(F32x4::new);
        let y = operands.y.slice(first, len);
        let residual = operands.residual.map(|residual| residual.slice(first, len));
        let activation = activation(field!(Self, activation), self.activation)?;
        apply(x, residual, y, &Constants { m, s, b }, activation);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::layout::Blocked;
    use crate::record::{InstanceNorm, Operand};
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
            for activation in 0..3 {
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
                    plan.push(InstanceNorm {
                        scratch: Operand::ABSENT,
                        scratch_bytes: 0,
                        x,
                        y,
                        residual: if residual { r } else { Operand::ABSENT },
                        gamma,
                        beta,
                        n,
                        c,
                        h,
                        w,
                        activation,
                        eps: EPS,
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
                            let y = [y, y.max(0.0), y.tanh()][activation as usize];
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
}
