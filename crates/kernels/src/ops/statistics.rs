//! statistics: mean and biased variance of each (sample, group), as the constants of the affine map that `pointwise` and convolutions' loads apply.
//!
//! ```text
//! tile   (sample or the whole batch, four channels or a group of several): merge the channels' parts in order (Chan)
//!        for each channel: m = f32(mean), s = gamma / sqrt(var + eps), b = beta - (mean - m) * s -> constants
//! ```
//! 1. m is the mean rounded to float32, and b holds what the rounding left: x - m is exact near the mean (Sterbenz).
//! 2. Finite values give no NaN: constants are finite, and so is x - m. Where values may lie too far from the mean for that, m is 0:
//!    results then err by the roundings of mean * s, which is at most the root of the number of values.
//! 3. Parts are those of `partial_moments`, or what a convolution's tiles have left of their results.

use crate::mem::{Dst, Memory, Src};
use crate::micro::load::CONSTANTS_ELEMS;
use crate::micro::statistics::{Moments, merge};
use crate::ops::{Fault, Op, dense, product, tile_count, within};
use crate::record::{Operand, Statistics, field};
use crate::simd::{LANES, sqrt_f64};

struct Operands {
    partials: Dst,
    gamma: Option<Src>,
    beta: Option<Src>,
    constants: Dst,
}

impl Statistics {
    /// Sets of constants: one a sample, or one for all.
    fn sets(&self) -> u32 {
        if self.across_batch == 1 { 1 } else { self.n }
    }

    fn channel_blocks(&self) -> usize {
        (self.c as usize).div_ceil(LANES)
    }

    /// Channels that a tile merges: those of a block, each alone, or a group.
    fn tile_channels(&self) -> usize {
        match self.c / self.groups {
            1 => LANES,
            channels => channels as usize,
        }
    }

    fn operands(&self, memory: &Memory) -> Result<Operands, Fault> {
        let blocks = self.channel_blocks() as u64;
        let constants = [self.sets().into(), blocks, CONSTANTS_ELEMS as u64];
        let (n, parts) = (self.n.into(), self.parts.into());
        let partials = [n, blocks, parts, Moments::PARTIAL_ELEMS as u64];
        Ok(Operands {
            partials: dense(
                memory,
                self.partials,
                field!(Self, partials),
                product(field!(Self, partials), self.partials.0, &partials)?,
            )?,
            gamma: per_channel(memory, self.gamma, field!(Self, gamma), self.c)?,
            beta: per_channel(memory, self.beta, field!(Self, beta), self.c)?,
            constants: dense(
                memory,
                self.constants,
                field!(Self, constants),
                product(field!(Self, constants), self.constants.0, &constants)?,
            )?,
        })
    }

    /// Moments of channels `channels` together, of the samples that set `set` is for.
    fn moments(&self, partials: Dst, set: usize, channels: core::ops::Range<usize>) -> Moments {
        let (blocks, parts) = (self.channel_blocks(), self.parts as usize);
        let samples = match self.across_batch {
            1 => 0..self.n as usize,
            _ => set..set + 1,
        };
        merge(|| {
            samples.clone().flat_map({
                let channels = channels.clone();
                move |n| {
                    channels.clone().flat_map(move |c| {
                        let at = (n * blocks + c / LANES) * parts;
                        (at..at + parts).map(move |i| Moments::load(partials, i, c % LANES))
                    })
                }
            })
        })
    }
}

/// `c` floats that may be absent.
pub(crate) fn per_channel(
    memory: &Memory,
    operand: Operand,
    field: u32,
    c: u32,
) -> Result<Option<Src>, Fault> {
    if !operand.is_present() {
        return Ok(None);
    }
    dense(memory, operand, field, u64::from(c)).map(|view| Some(view.as_src()))
}

/// What becomes one channel's constants.
pub(crate) struct Channel {
    pub(crate) mean: f64,
    pub(crate) var: f64,
    /// No value lies further from the mean
    pub(crate) furthest: f64,
    pub(crate) eps: f32,
    pub(crate) gamma: f64,
    pub(crate) beta: f64,
}

impl Channel {
    /// Of a channel whose values have these moments.
    pub(crate) fn of(moments: Moments, eps: f32, gamma: f64, beta: f64) -> Self {
        Self {
            mean: moments.mean,
            var: moments.m2 / moments.count,
            // One value's squared deviation is no more than their sum.
            furthest: sqrt_f64(moments.m2),
            eps,
            gamma,
            beta,
        }
    }

    /// m, s and b that subtract the mean and divide by the root of the variance.
    pub(crate) fn constants(&self) -> [f32; 3] {
        let near = self.mean as f32;
        let rounding = (self.mean - f64::from(near)).abs();
        let m = match self.furthest + rounding <= f64::from(f32::MAX) {
            true => near,
            false => 0.0,
        };
        let s = narrow(self.gamma / sqrt_f64(self.var + f64::from(self.eps)));
        let b = self.beta - (self.mean - f64::from(m)) * f64::from(s);
        [m, s, narrow(b)]
    }

    /// Writes the constants into set `set` of four channels.
    pub(crate) fn write(&self, constants: Dst, set: usize, lane: usize) {
        for (k, x) in self.constants().into_iter().enumerate() {
            constants.set(set * CONSTANTS_ELEMS + k * LANES + lane, x);
        }
    }
}

/// The nearest float32 that is finite if `x` is: infinity times 0, and infinity less itself, are NaN.
fn narrow(x: f64) -> f32 {
    let most = f64::from(f32::MAX);
    match x.is_finite() {
        true => x.clamp(-most, most) as f32,
        false => x as f32,
    }
}

/// Channel `c` of a vector that may be absent.
pub(crate) fn value_or(view: Option<Src>, c: usize, or: f64) -> f64 {
    view.map_or(or, |view| f64::from(view.get(c)))
}

/// Gives the lanes past C constants that do no harm.
pub(crate) fn fill_constants(constants: Dst, set: usize, lanes: usize) {
    for i in 0..CONSTANTS_ELEMS {
        if i % LANES >= lanes {
            constants.set(set * CONSTANTS_ELEMS + i, 0.0);
        }
    }
}

impl Op for Statistics {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        for (field, got) in [
            (field!(Self, n), self.n),
            (field!(Self, c), self.c),
            (field!(Self, parts), self.parts),
        ] {
            within(field, got, 1..=u32::MAX)?;
        }
        within(field!(Self, groups), self.groups, 1..=self.c)?;
        within(field!(Self, across_batch), self.across_batch, 0..=1)?;
        let divisor = if self.across_batch == 1 {
            self.c
        } else {
            self.groups
        };
        if !self.c.is_multiple_of(self.groups) || divisor != self.groups {
            return Err(Fault {
                field: field!(Self, groups),
                got: self.groups,
                wanted: self.c,
            });
        }
        self.operands(memory)?;
        let tiles = (self.c as usize).div_ceil(self.tile_channels()) as u64;
        tile_count(field!(Self, n), u64::from(self.sets()) * tiles, 1)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let operands = self.operands(memory)?;
        let (c, blocks) = (self.c as usize, self.channel_blocks());
        let (channels, tiles) = (self.tile_channels(), c.div_ceil(self.tile_channels()));
        let (set, first) = (tile as usize / tiles, tile as usize % tiles * channels);
        let end = c.min(first + channels);
        let alone = self.groups == self.c;
        let mut moments = self.moments(
            operands.partials,
            set,
            first..if alone { first + 1 } else { end },
        );
        for c in first..end {
            if alone && c > first {
                moments = self.moments(operands.partials, set, c..c + 1);
            }
            let gamma = value_or(operands.gamma, c, 1.0);
            let beta = value_or(operands.beta, c, 0.0);
            let channel = Channel::of(moments, self.eps, gamma, beta);
            channel.write(operands.constants, set * blocks + c / LANES, c % LANES);
        }
        if end == c {
            fill_constants(
                operands.constants,
                set * blocks + blocks - 1,
                c - (blocks - 1) * LANES,
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
