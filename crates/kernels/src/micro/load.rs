//! What happens to pixels while an op loads them: nothing, or an affine map a channel and a step that fits registers, such as a
//! normalisation that no pass has written out. Not here: where the map's constants come from.
//!
//! Padding with zeros is zero after the map, and lanes past C are cleared after it: neither goes through `apply`. ReLU is part of the map;
//! another step is applied to what has been staged, zeros and all: in the map's loop it was 7 KB of code for each build.

use super::epilogue::ChannelStep;
use crate::mem::Src;
use crate::simd::{F32x4, LANES};

/// Floats of constants that a channel block has where all three are there: m, s, b.
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
pub struct Affine {
    constants: Src,
    /// m, s and b, or s alone
    vectors: usize,
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

impl Load for Affine {
    type Channels = Constants;
    #[inline(always)]
    fn channels(self, block: usize) -> Constants {
        let at = block * self.vectors * LANES;
        let zero = F32x4::splat(0.0);
        let [m, s, b] = match self.vectors {
            1 => [zero, self.constants.load(at), zero],
            _ => [
                self.constants.load(at),
                self.constants.load(at + LANES),
                self.constants.load(at + 2 * LANES),
            ],
        };
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

/// What a record asks for.
#[derive(Clone, Copy)]
pub enum Loads {
    /// Nothing
    Plain,
    /// A map, with ReLU or not, and then another step, which leaves zeros as they are
    Affine(Affine, ChannelStep),
}

impl Loads {
    /// A map with `vectors` (3: m, s, b, or 1: s) constants a channel block, of all of a sample's, and a step.
    pub fn new(constants: Src, vectors: usize, step: ChannelStep) -> Self {
        let (least, then) = match step {
            ChannelStep::Relu => (0.0, ChannelStep::Nothing),
            other => (f32::NEG_INFINITY, other),
        };
        let affine = Affine {
            constants,
            vectors,
            least: F32x4::splat(least),
        };
        Self::Affine(affine, then)
    }

    /// Of the channel blocks from `block` on.
    pub fn from(self, block: usize) -> Self {
        let Self::Affine(affine, step) = self else {
            return self;
        };
        let at = block * affine.vectors * LANES;
        let constants = affine.constants.slice(at, affine.constants.len() - at);
        Self::Affine(
            Affine {
                constants,
                ..affine
            },
            step,
        )
    }
}
