//! The step that results pass while they are still in registers, or pixels as they are loaded: nothing, ReLU, leaky or parametric ReLU, or
//! clamp. All other steps of a program are passes over complete rows (ops/epilogue.rs), to the same bits.

use super::activation::{leaky_relu, relu};
use super::rows;
use crate::mem::{Dst, Src};
use crate::simd::F32x4;

/// An argument by channel block.
#[derive(Clone, Copy)]
pub enum ByBlock {
    /// The same number for all.
    Number(f32),
    /// A vector a block, `step` floats apart.
    Vectors {
        /// From that of block 0
        src: Src,
        /// 0: all have the first one
        step: usize,
    },
}

impl ByBlock {
    /// That of a block.
    #[inline(always)]
    pub fn of(&self, block: usize) -> F32x4 {
        match *self {
            Self::Number(x) => F32x4::splat(x),
            Self::Vectors { src, step } => src.load(block * step),
        }
    }
}

/// A step that fits registers.
#[derive(Clone, Copy)]
pub enum ChannelStep {
    /// None at all
    Nothing,
    /// max(x, 0)
    Relu,
    /// x where above 0, elsewhere this times x
    LeakyRelu(ByBlock),
    /// min(max(x, the first), the second)
    Clamp(f32, f32),
}

impl ChannelStep {
    /// With the arguments of `VECTORS` blocks from `first` on, of which `there` are there.
    #[inline(always)]
    pub fn of<const VECTORS: usize>(&self, first: usize, there: usize) -> RegisterStep<VECTORS> {
        match self {
            Self::Nothing => RegisterStep::Nothing,
            Self::Relu => RegisterStep::Relu,
            Self::LeakyRelu(slopes) => RegisterStep::LeakyRelu(core::array::from_fn(|v| {
                slopes.of(first + if v < there { v } else { 0 })
            })),
            &Self::Clamp(least, most) => {
                RegisterStep::Clamp(F32x4::splat(least), F32x4::splat(most))
            }
        }
    }

    /// Whether zeros stay zeros, as padding must.
    pub fn keeps_zero(&self) -> bool {
        match *self {
            Self::Nothing | Self::Relu => true,
            Self::LeakyRelu(ByBlock::Number(slope)) => slope.is_finite(),
            Self::LeakyRelu(ByBlock::Vectors { .. }) => false,
            Self::Clamp(least, most) => least <= 0.0 && most >= 0.0,
        }
    }

    /// Whether there is no step.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// [`ChannelStep`] of `VECTORS` neighbouring blocks.
#[derive(Clone, Copy)]
pub enum RegisterStep<const VECTORS: usize> {
    /// None at all
    Nothing,
    /// max(x, 0)
    Relu,
    /// x where above 0, elsewhere the slope times x
    LeakyRelu([F32x4; VECTORS]),
    /// min(max(x, the first), the second)
    Clamp(F32x4, F32x4),
}

impl<const VECTORS: usize> RegisterStep<VECTORS> {
    /// Applies it to pixels, block by block. What it is is asked once for all of them.
    #[inline(always)]
    pub fn apply<const PX: usize, const USED: usize>(&self, pixels: &mut [[F32x4; USED]; PX]) {
        match *self {
            Self::Nothing => {}
            Self::Relu => each(pixels, |_, x| relu(x)),
            Self::LeakyRelu(slopes) => each(pixels, |v, x| leaky_relu(x, slopes[v])),
            Self::Clamp(least, most) => each(pixels, |_, x| x.max(least).min(most)),
        }
    }
}

#[inline(always)]
fn each<const PX: usize, const USED: usize>(
    pixels: &mut [[F32x4; USED]; PX],
    f: impl Fn(usize, F32x4) -> F32x4,
) {
    for pixel in pixels {
        for (v, x) in pixel.iter_mut().enumerate() {
            *x = f(v, *x);
        }
    }
}

/// Applies a block's step to what lies there, where results have not passed it in registers.
#[inline(never)]
pub fn step_row(y: Dst, step: RegisterStep<1>) {
    rows::map(y.as_src(), y, |x| {
        let mut pixel = [[x]];
        step.apply(&mut pixel);
        pixel[0][0]
    });
}
