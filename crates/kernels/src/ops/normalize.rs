//! normalize: y = activation((x - m) * s + b) [+ residual], three constants a channel, one pass over memory; also in place.
//!
//! The form matters: m is near the data, so x - m is exact where it counts. `x * s + t` loses 2e-4 at 1000 +- 0.5.

use crate::layout::Blocked;
use crate::mem::{Dst, Memory, Src};
use crate::micro::activation::Activation;
use crate::micro::load::CONSTANTS_ELEMS;
use crate::micro::rows::{stream, zip};
use crate::ops::{Fault, Op, activation, dense, dst, src, tile_count, within};
use crate::record::{Normalize, field};
use crate::simd::{F32x4, LANES};

struct Operands {
    x: Src,
    y: Dst,
    constants: Src,
    residual: Option<Src>,
}

impl Normalize {
    fn shape(&self) -> Blocked {
        Blocked::new(self.n, self.c, self.h, self.w)
    }

    fn operands(&self, memory: &Memory) -> Result<Operands, Fault> {
        let shape = self.shape();
        let x = src(memory, self.x, field!(Normalize, x), shape)?;
        let constants_elems =
            u64::from(self.constants_n) * (shape.channel_blocks() * CONSTANTS_ELEMS) as u64;
        Ok(Operands {
            x,
            y: dst(memory, self.y, field!(Normalize, y), shape)?,
            constants: dense(
                memory,
                self.constants,
                field!(Normalize, constants),
                constants_elems,
            )?
            .as_src(),
            residual: match self.residual.is_present() {
                true => Some(src(
                    memory,
                    self.residual,
                    field!(Normalize, residual),
                    shape,
                )?),
                false => None,
            },
        })
    }
}

impl Op for Normalize {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        if self.constants_n != 1 {
            within(
                field!(Normalize, constants_n),
                self.constants_n,
                self.n..=self.n,
            )?;
        }
        activation(field!(Normalize, activation), self.activation)?;
        within(field!(Normalize, chunk_px), self.chunk_px, 1..=u32::MAX)?;
        self.operands(memory)?;
        let planes = (self.shape().n * self.shape().channel_blocks()) as u64;
        let chunks = self.shape().chunks(self.chunk_px) as u64;
        tile_count(field!(Normalize, chunk_px), planes * chunks, 1)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let Operands {
            x,
            y,
            constants,
            residual,
        } = self.operands(memory)?;
        let shape = self.shape();
        let chunk = shape.chunk(tile, self.chunk_px);
        let set = if self.constants_n == 1 {
            chunk.plane % shape.channel_blocks()
        } else {
            chunk.plane
        };
        let [m, s, b] = [0, 1, 2].map(|k| constants.load(set * CONSTANTS_ELEMS + k * LANES));
        let x = x.slice(chunk.first, chunk.len);
        let y = y.slice(chunk.first, chunk.len);
        let residual = residual.map(|residual| residual.slice(chunk.first, chunk.len));
        let activation = activation(field!(Normalize, activation), self.activation)?;
        apply(x, residual, y, &Constants { m, s, b }, activation);
        Ok(())
    }
}

/// Constants of four channels.
#[derive(Clone, Copy)]
pub(super) struct Constants {
    pub(super) m: F32x4,
    pub(super) s: F32x4,
    pub(super) b: F32x4,
}

/// y = activation((x - m) * s + b) [+ residual] of pixels of the same channels.
pub(super) fn apply(
    x: Src,
    residual: Option<Src>,
    y: Dst,
    constants: &Constants,
    activation: Activation,
) {
    match activation {
        Activation::None => walk(x, residual, y, constants, |x| x),
        Activation::Relu => walk(x, residual, y, constants, |x| Activation::Relu.apply(x)),
        Activation::Tanh => walk(x, residual, y, constants, |x| Activation::Tanh.apply(x)),
    }
}

#[inline(always)]
fn walk(
    x: Src,
    residual: Option<Src>,
    y: Dst,
    constants: &Constants,
    activate: impl Fn(F32x4) -> F32x4,
) {
    let Constants { m, s, b } = *constants;
    match residual {
        None => stream(x, y, |x| activate((x - m).mul_add(s, b))),
        Some(residual) => zip(x, residual, y, |x, residual| {
            activate((x - m).mul_add(s, b)) + residual
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::layout::Blocked;
    use crate::micro::load::CONSTANTS_ELEMS;
    use crate::record::{Normalize, Operand};
    use crate::testing::{Random, TestPlan, assert_close};
    use std::vec::Vec;

    #[test]
    fn equals_the_naive_one_with_and_without_residual_and_in_place() {
        let mut random = Random::new(5);
        for (n, c, h, w) in [(1, 1, 1, 1), (2, 3, 5, 7), (3, 8, 4, 4), (2, 9, 1, 13)] {
            let shape = Blocked::new(n, c, h, w);
            for activation in 0..3 {
                for (constants_n, residual, target) in
                    [(1, false, 0), (n, true, 1), (n, true, 2), (1, true, 0)]
                {
                    let len = shape.n * shape.c * shape.plane_px();
                    let blocks = shape.channel_blocks();
                    let x_values = random.floats(len, -2.0, 2.0);
                    let r_values = random.floats(len, -2.0, 2.0);
                    let constants_values =
                        random.floats(constants_n as usize * blocks * CONSTANTS_ELEMS, -1.0, 1.0);
                    let mut plan = TestPlan::new();
                    let x = plan.blocked(&x_values, shape);
                    let r = plan.blocked(&r_values, shape);
                    let constants = plan.dense(&constants_values);
                    let y = [plan.room_blocked(shape), x, r][target];
                    plan.push(Normalize {
                        scratch: Operand::ABSENT,
                        scratch_bytes: 0,
                        x,
                        y,
                        constants,
                        residual: if residual { r } else { Operand::ABSENT },
                        n,
                        c,
                        h,
                        w,
                        constants_n,
                        activation,
                        chunk_px: 3,
                    });
                    let wanted: Vec<f64> = (0..len)
                        .map(|i| {
                            let channel = i / shape.plane_px() % shape.c;
                            let sample = i / shape.plane_px() / shape.c;
                            let set =
                                if constants_n == 1 { 0 } else { sample } * blocks + channel / 4;
                            let [m, s, b] = [0, 4, 8].map(|k| {
                                f64::from(constants_values[set * CONSTANTS_ELEMS + k + channel % 4])
                            });
                            let y = (f64::from(x_values[i]) - m) * s + b;
                            let y = [y, y.max(0.0), y.tanh()][activation as usize];
                            y + if residual {
                                f64::from(r_values[i])
                            } else {
                                0.0
                            }
                        })
                        .collect();
                    let got = plan.run_everywhere().blocked(y, shape);
                    assert_close(&got, &wanted, 5e-7, &std::format!("{shape:?}"));
                }
            }
        }
    }
}
