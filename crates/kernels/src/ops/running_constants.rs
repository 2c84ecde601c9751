//! running_constants: the constants of an affine map from stored mean and variance (prepare, one tile).

use crate::mem::{Dst, Memory, Src};
use crate::micro::load::CONSTANTS_ELEMS;
use crate::ops::statistics::{Channel, fill_constants, per_channel, value_or};
use crate::ops::{Fault, Op, dense, within};
use crate::record::{RunningConstants, field};
use crate::simd::LANES;

struct Operands {
    mean: Src,
    var: Src,
    gamma: Option<Src>,
    beta: Option<Src>,
    constants: Dst,
}

impl RunningConstants {
    fn operands(&self, memory: &Memory) -> Result<Operands, Fault> {
        let c = u64::from(self.c);
        let constants_elems = c.div_ceil(LANES as u64) * CONSTANTS_ELEMS as u64;
        Ok(Operands {
            mean: dense(memory, self.mean, field!(RunningConstants, mean), c)?.as_src(),
            var: dense(memory, self.var, field!(RunningConstants, var), c)?.as_src(),
            gamma: per_channel(memory, self.gamma, field!(RunningConstants, gamma), self.c)?,
            beta: per_channel(memory, self.beta, field!(RunningConstants, beta), self.c)?,
            constants: dense(
                memory,
                self.constants,
                field!(RunningConstants, constants),
                constants_elems,
            )?,
        })
    }
}

impl Op for RunningConstants {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(RunningConstants, c), self.c, 1..=u32::MAX)?;
        self.operands(memory)?;
        Ok(1)
    }

    fn run_tile(&self, memory: &Memory, _tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let Operands {
            mean,
            var,
            gamma,
            beta,
            constants,
        } = self.operands(memory)?;
        let channels = self.c as usize;
        for c in 0..channels {
            let mean = f64::from(mean.get(c));
            let channel = Channel {
                mean,
                var: f64::from(var.get(c)),
                // Values may be any. Beside f32::MAX means below 1e22 vanish in float64: those stay m.
                furthest: f64::from(f32::MAX) + mean.abs(),
                eps: self.eps,
                gamma: value_or(gamma, c, 1.0),
                beta: value_or(beta, c, 0.0),
            };
            channel.write(constants, c / LANES, c % LANES);
        }
        let last = (channels - 1) / LANES;
        fill_constants(constants, last, channels - last * LANES);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::record::{Operand, RunningConstants};
    use crate::testing::TestPlan;

    #[test]
    fn constants_are_mean_scale_and_shift_and_zero_past_c() {
        let mut plan = TestPlan::new();
        let mean = plan.dense(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        let var = plan.dense(&[4.0, 1.0, 0.25, 16.0, 0.0]);
        let gamma = plan.dense(&[1.0, 3.0, 1.0, 1.0, 0.5]);
        let beta = plan.dense(&[0.0, 7.0, 0.0, 0.0, -1.0]);
        let constants = plan.room(24);
        plan.push(RunningConstants {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            mean,
            var,
            gamma,
            beta,
            constants,
            c: 5,
            eps: 1.0 / 1024.0,
        });
        let got = plan.run_everywhere().dense(constants, 24);
        assert_eq!(got[..4], [1.0, 2.0, 3.0, 4.0]);
        assert!((f64::from(got[5]) - 3.0 / (1.0f64 + 1.0 / 1024.0).sqrt()).abs() < 2e-7);
        assert_eq!(got[8..12], [0.0, 7.0, 0.0, 0.0]);
        assert_eq!(got[12..16], [5.0, 0.0, 0.0, 0.0]);
        assert_eq!(got[16..20], [16.0, 0.0, 0.0, 0.0]);
        assert_eq!(got[20..24], [-1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn no_value_is_too_far_from_a_large_mean() {
        let mut plan = TestPlan::new();
        let mean = plan.dense(&[3e38, -3e38, 3e38, 1e4]);
        let var = plan.dense(&[1e38, 1e38, 0.0, 1.0]);
        let constants = plan.room(12);
        plan.push(RunningConstants {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            mean,
            var,
            gamma: Operand::ABSENT,
            beta: Operand::ABSENT,
            constants,
            c: 4,
            eps: 1e-5,
        });
        let got = plan.run_everywhere().dense(constants, 12);
        assert_eq!(got[..4], [0.0, 0.0, 0.0, 1e4]);
        assert!((got[8] / -3e19 - 1.0).abs() < 1e-6 && got[9] == -got[8]);
        // Finite, though the mean times the scale is not.
        assert_eq!(got[10], -f32::MAX);
    }
}
