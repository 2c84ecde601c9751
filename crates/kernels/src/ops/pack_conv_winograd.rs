//! pack_conv_winograd: transformed weights. A tile is a panel of 8 outputs. Once when weights are packed, from dense ones; or in each
//! run, from those of the direct convolution, where transformed weights would take too much memory. Same bits.

use crate::mem::{Dst, Memory, Src};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, panel_width};
use crate::micro::stage::pixel_elems;
use crate::micro::winograd::{
    Algorithm, MOST_TAPS, MOST_WEIGHT_POINTS, Visitor, visit, weight_points, weight_tile,
};
use crate::ops::{Fault, Op, dense, product, tile_count, within};
use crate::record::{PackConvWinograd, field};
use crate::simd::{F32x4, LANES};

/// Vectors of a point that are transformed before any is written: two cache lines.
const TOGETHER: usize = 8;

/// Dense weights, or as pack_conv2d leaves them.
#[derive(Clone, Copy)]
struct Stored {
    src: Src,
    packed: bool,
    /// Whether channels come before outputs
    transposed: bool,
    o: usize,
    c: usize,
    kh: usize,
    kw: usize,
}

impl Stored {
    /// One weight; 0 beyond the kernel, the outputs and the channels.
    #[inline(always)]
    fn get(&self, output: usize, channel: usize, (row, col): (usize, usize)) -> f32 {
        if output >= self.o || channel >= self.c || row >= self.kh || col >= self.kw {
            return 0.0;
        }
        let pair = match self.transposed {
            true => channel * self.o + output,
            false => output * self.c + channel,
        };
        self.src.get((pair * self.kh + row) * self.kw + col)
    }

    /// The weights of four channels.
    #[inline(always)]
    fn channels(&self, output: usize, c: usize, tap: (usize, usize)) -> F32x4 {
        F32x4::new(core::array::from_fn(|lane| self.get(output, c + lane, tap)))
    }

    /// The weights of four outputs, `half` after the first of a panel of `width`.
    #[inline(always)]
    fn outputs(
        &self,
        first: usize,
        width: usize,
        half: usize,
        c: usize,
        tap: (usize, usize),
    ) -> F32x4 {
        if !self.packed {
            return F32x4::new(core::array::from_fn(|lane| {
                self.get(first + half + lane, c, tap)
            }));
        }
        let channels = pixel_elems(self.c);
        if c >= channels || tap.0 >= self.kh || tap.1 >= self.kw {
            return F32x4::splat(0.0);
        }
        let taps = self.kh * self.kw;
        let at = ((tap.0 * self.kw + tap.1) * channels + c) * width + half;
        self.src.load(first * channels * taps + at)
    }
}

impl PackConvWinograd {
    fn packing(&self) -> Result<Packing, Fault> {
        Packing::from_word(self.packing, self.c as usize, self.o as usize)
            .ok_or(Fault::field(field!(Self, packing), self.packing))
    }

    /// Blocks of taps that the kernel is cut into, rows and columns of them.
    fn blocks<A: Algorithm>(&self) -> (usize, usize) {
        let blocks = |taps: u32| (taps as usize).div_ceil(A::TAPS);
        (blocks(self.kh), blocks(self.kw))
    }

    fn operands<A: Algorithm>(&self, memory: &Memory) -> Result<(Stored, Dst), Fault> {
        let (o, c) = (self.o as usize, self.c as usize);
        let channels = pixel_elems(c) as u64;
        let stored = match self.packed {
            0 => [u64::from(self.o), u64::from(self.c)],
            _ => [Packing::Outputs.packed_outputs(o) as u64, channels],
        };
        let (kh, kw) = (u64::from(self.kh), u64::from(self.kw));
        let (src, y) = (field!(Self, src), field!(Self, y));
        let taps = product(src, self.src.0, &[stored[0], stored[1], kh, kw])?;
        let blocks = self.blocks::<A>();
        let outputs = self.packing()?.packed_outputs(o) as u64;
        let sizes = [outputs, channels, blocks.0 as u64, blocks.1 as u64];
        let sizes = [product(y, self.y.0, &sizes)?, weight_points::<A>() as u64];
        let points = product(y, self.y.0, &sizes)?;
        let stored = Stored {
            src: dense(memory, self.src, src, taps)?.as_src(),
            packed: self.packed == 1,
            transposed: A::TILE > A::STEP,
            o,
            c,
            kh: self.kh as usize,
            kw: self.kw as usize,
        };
        Ok((stored, dense(memory, self.y, y, points)?))
    }

    fn check_as<A: Algorithm>(&self, memory: &Memory) -> Result<u32, Fault> {
        let most = if A::BLOCKS {
            u32::MAX / 16
        } else {
            A::TAPS as u32
        };
        let least = if A::BLOCKS { 1 } else { A::TAPS as u32 };
        // Only what is neither transposed nor for few outputs has a direct form that is read here.
        let most_packed = u32::from(A::TILE <= A::STEP && self.packing()? == Packing::Outputs);
        within(field!(Self, packed), self.packed, 0..=most_packed)?;
        within(field!(Self, kh), self.kh, least..=most)?;
        within(field!(Self, kw), self.kw, least..=most)?;
        self.operands::<A>(memory)?;
        tile_count(field!(Self, o), u64::from(self.o), PANEL_OUTPUTS as u32)
    }

    fn run_as<A: Algorithm>(&self, memory: &Memory, tile: u32) -> Result<(), Fault> {
        let packing = self.packing()?;
        let (stored, y) = self.operands::<A>(memory)?;
        let (blocks_h, blocks_w) = self.blocks::<A>();
        let channels = pixel_elems(stored.c);
        let steps = blocks_h * blocks_w * channels;
        let first = tile as usize * PANEL_OUTPUTS;
        let width = panel_width(packing, stored.o, first);
        let panel_elems = weight_points::<A>() * steps * width;
        let y = y.slice(first * weight_points::<A>() * steps, panel_elems);
        // Of [point][block][channel][output], or [point][block][four channels][output][channel of the four].
        let inner = match packing {
            Packing::Outputs => width / LANES,
            Packing::Inputs => width,
        };
        let outer = channels * width / LANES / inner;
        // Points lie so far apart that all compete for the same few lines of the first cache: each is written some lines at once.
        let mut points = [[F32x4::splat(0.0); TOGETHER]; MOST_WEIGHT_POINTS];
        let in_block = outer * inner;
        for block in 0..blocks_h * blocks_w {
            // As conv_winograd's points lie: of fewer than four channels, a column of blocks is together.
            let (row, col) = match channels < LANES {
                true => (block % blocks_h, block / blocks_h),
                false => (block / blocks_w, block % blocks_w),
            };
            let (top, left) = (row * A::TAPS, col * A::TAPS);
            for from in (0..in_block).step_by(TOGETHER) {
                let together = TOGETHER.min(in_block - from);
                for (n, at) in (from..from + together).enumerate() {
                    let (i, j) = (at / inner, at % inner);
                    let four = |tap| match packing {
                        Packing::Outputs => stored.outputs(first, width, j * LANES, i, tap),
                        Packing::Inputs => stored.channels(j, i * LANES, tap),
                    };
                    let mut g = [[F32x4::splat(0.0); MOST_TAPS]; MOST_TAPS];
                    for (col, g) in g.iter_mut().enumerate().take(A::TAPS) {
                        for (row, g) in g.iter_mut().enumerate().take(A::TAPS) {
                            *g = four((top + row, left + col));
                        }
                    }
                    weight_tile::<A>(&g, |point, weights| points[point][n] = weights);
                }
                let at = block * channels * width + from * LANES;
                for (point, weights) in points.iter().enumerate().take(weight_points::<A>()) {
                    let y = y.slice(point * steps * width + at, together * LANES);
                    for (n, &weights) in weights.iter().enumerate().take(together) {
                        y.store(n * LANES, weights);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Op for PackConvWinograd {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        struct Check<'a>(&'a PackConvWinograd, &'a Memory);
        impl Visitor for Check<'_> {
            type Output = Result<u32, Fault>;
            fn visit<A: Algorithm>(self) -> Self::Output {
                self.0.check_as::<A>(self.1)
            }
        }
        within(field!(Self, o), self.o, 1..=u32::MAX / 16)?;
        within(field!(Self, c), self.c, 1..=u32::MAX / 16)?;
        visit(self.algorithm, Check(self, memory))
            .ok_or(Fault::field(field!(Self, algorithm), self.algorithm))?
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _worker: u32) -> Result<(), Fault> {
        struct Run<'a>(&'a PackConvWinograd, &'a Memory, u32);
        impl Visitor for Run<'_> {
            type Output = Result<(), Fault>;
            fn visit<A: Algorithm>(self) -> Self::Output {
                self.0.run_as::<A>(self.1, self.2)
            }
        }
        visit(self.algorithm, Run(self, memory, tile))
            .ok_or(Fault::field(field!(Self, algorithm), self.algorithm))?
    }
}
