//! What happens to pixels while an op loads them: nothing, or a normalisation that no pass has written out. Not here: how `normalize`,
//! which does write it out, walks.
//!
//! Padding with zeros is zero after the normalisation, and lanes past C are cleared after it: neither goes through `apply`.

use crate::mem::Src;
use crate::simd::{F32x4, LANES};

/// Floats of constants that a channel block has: m, s, b.
pub const CONSTANTS_ELEMS: usize = 3 * LANES;

/// A function of a pixel's four channels. Generic, so that loads without one pay nothing.
pub trait Load: Copy {
    /// What it needs to know of four channels.
    type Channels: Copy;
    /// Of channel block `block`.
    fn channels(self, block: usize) -> Self::Channels;
    /// The pixel as the op sees it.
    fn apply(channels: Self::Channels, x: F32x4) -> F32x4;
}

/// As it lies there.
#[derive(Clone, Copy)]
pub struct Plain;

impl Load for Plain {
    type Channels = ();
    #[inline(always)]
    fn channels(self, _block: usize) {}
    #[inline(always)]
    fn apply((): (), x: F32x4) -> F32x4 {
        x
    }
}

/// `(x - m) * s + b`, then ReLU or nothing, with the constants of one sample.
#[derive(Clone, Copy)]
pub struct Normalized {
    constants: Src,
    least: F32x4,
}

/// Constants of four channels.
#[derive(Clone, Copy)]
pub struct Constants {
    m: F32x4,
    s: F32x4,
    b: F32x4,
    /// What is less becomes 0: 0, or less than anything
    least: F32x4,
}

impl Normalized {
    /// With the constants of a sample, of all its channel blocks.
    pub fn new(constants: Src, relu: bool) -> Self {
        let least = if relu { 0.0 } else { f32::NEG_INFINITY };
        Self {
            constants,
            least: F32x4::splat(least),
        }
    }

    /// Of the channel blocks from `block` on.
    pub fn from(self, block: usize) -> Self {
        let at = block * CONSTANTS_ELEMS;
        let constants = self.constants.slice(at, self.constants.len() - at);
        Self { constants, ..self }
    }
}

impl Load for Normalized {
    type Channels = Constants;
    #[inline(always)]
    fn channels(self, block: usize) -> Constants {
        let [m, s, b] = [0, 1, 2].map(|k| self.constants.load(block * CONSTANTS_ELEMS + k * LANES));
        Constants {
            m,
            s,
            b,
            least: self.least,
        }
    }
    #[inline(always)]
    fn apply(of: Constants, x: F32x4) -> F32x4 {
        (x - of.m).mul_add(of.s, of.b).zero_below(of.least)
    }
}
