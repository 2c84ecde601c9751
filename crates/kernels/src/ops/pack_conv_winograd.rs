//! pack_conv_winograd: transformed weights. A tile is a panel of 8 outputs. Once when weights are packed, from dense ones; or in each
//! run, from those of the direct convolution, where transformed weights would take too much memory. Same bits.

use core::ops::RangeInclusive;

use crate::mem::{Dst, Memory, Src};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, panel_width};
use crate::micro::stage::pixel_elems;
use crate::micro::winograd::{Algorithm2d, Axis, Taps, WeightPoints};
use crate::ops::{Fault, Op, dense, product, tile_count, winograd_algorithm, within};
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

/// Taps along one axis that a kernel may have.
fn kernel_sizes(axis: &Axis) -> RangeInclusive<u32> {
    match axis.blocks {
        true => 1..=u32::MAX / 16,
        false => axis.taps as u32..=axis.taps as u32,
    }
}

impl PackConvWinograd {
    fn packing(&self) -> Result<Packing, Fault> {
        Packing::from_word(self.packing, self.c as usize, self.o as usize)
            .ok_or(Fault::field(field!(Self, packing), self.packing))
    }

    fn algorithm(&self) -> Result<&'static Algorithm2d, Fault> {
        winograd_algorithm(field!(Self, algorithm), self.algorithm)
    }

    /// Blocks of taps that the kernel is cut into, rows and columns of them.
    fn blocks(
        &self,
        Algorithm2d {
            vertical,
            horizontal,
            ..
        }: &Algorithm2d,
    ) -> (usize, usize) {
        (
            (self.kh as usize).div_ceil(vertical.taps),
            (self.kw as usize).div_ceil(horizontal.taps),
        )
    }

    fn operands(&self, memory: &Memory, algorithm: &Algorithm2d) -> Result<(Stored, Dst), Fault> {
        let (o, c) = (self.o as usize, self.c as usize);
        let channels = pixel_elems(c) as u64;
        let stored = match self.packed {
            0 => [u64::from(self.o), u64::from(self.c)],
            _ => [Packing::Outputs.packed_outputs(o) as u64, channels],
        };
        let (kh, kw) = (u64::from(self.kh), u64::from(self.kw));
        let (src, y) = (field!(Self, src), field!(Self, y));
        let taps = product(src, self.src.0, &[stored[0], stored[1], kh, kw])?;
        let blocks = self.blocks(algorithm);
        let outputs = self.packing()?.packed_outputs(o) as u64;
        let sizes = [outputs, channels, blocks.0 as u64, blocks.1 as u64];
        let sizes = [product(y, self.y.0, &sizes)?, algorithm.weights() as u64];
        let points = product(y, self.y.0, &sizes)?;
        let stored = Stored {
            src: dense(memory, self.src, src, taps)?.as_src(),
            packed: self.packed == 1,
            transposed: algorithm.transposed(),
            o,
            c,
            kh: self.kh as usize,
            kw: self.kw as usize,
        };
        Ok((stored, dense(memory, self.y, y, points)?))
    }
}

impl Op for PackConvWinograd {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(Self, o), self.o, 1..=u32::MAX / 16)?;
        within(field!(Self, c), self.c, 1..=u32::MAX / 16)?;
        let algorithm = self.algorithm()?;
        // Only what is neither transposed nor for few outputs has a direct form that is read here.
        let most_packed = u32::from(!algorithm.transposed() && self.packing()? == Packing::Outputs);
        within(field!(Self, packed), self.packed, 0..=most_packed)?;
        within(field!(Self, kh), self.kh, kernel_sizes(&algorithm.vertical))?;
        within(
            field!(Self, kw),
            self.kw,
            kernel_sizes(&algorithm.horizontal),
        )?;
        self.operands(memory, algorithm)?;
        tile_count(field!(Self, o), u64::from(self.o), PANEL_OUTPUTS as u32)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let algorithm = self.algorithm()?;
        let packing = self.packing()?;
        let (stored, y) = self.operands(memory, algorithm)?;
        let (blocks_h, blocks_w) = self.blocks(algorithm);
        let channels = pixel_elems(stored.c);
        let steps = blocks_h * blocks_w * channels;
        let first = tile as usize * PANEL_OUTPUTS;
        let width = panel_width(packing, stored.o, first);
        let panel_elems = algorithm.weights() * steps * width;
        let y = y.slice(first * algorithm.weights() * steps, panel_elems);
        // Of [point][block][channel][output], or [point][block][four channels][output][channel of the four].
        let inner = match packing {
            Packing::Outputs => width / LANES,
            Packing::Inputs => width,
        };
        let outer = channels * width / LANES / inner;
        // Points lie so far apart that all compete for the same few lines of the first cache: each is written some lines at once.
        let mut g: Taps = [[F32x4::splat(0.0); _]; _];
        let mut points: [WeightPoints; TOGETHER] = [[F32x4::splat(0.0); _]; _];
        let in_block = outer * inner;
        for block in 0..blocks_h * blocks_w {
            // As conv_winograd's points lie: of fewer than four channels, a column of blocks is together.
            let (row, col) = match channels < LANES {
                true => (block % blocks_h, block / blocks_h),
                false => (block / blocks_w, block % blocks_w),
            };
            let (top, left) = (
                row * algorithm.vertical.taps,
                col * algorithm.horizontal.taps,
            );
            for from in (0..in_block).step_by(TOGETHER) {
                let together = TOGETHER.min(in_block - from);
                for (n, at) in (from..from + together).enumerate() {
                    let (i, j) = (at / inner, at % inner);
                    let four = |tap| match packing {
                        Packing::Outputs => stored.outputs(first, width, j * LANES, i, tap),
                        Packing::Inputs => stored.channels(j, i * LANES, tap),
                    };
                    for (col, g) in g.iter_mut().enumerate().take(algorithm.horizontal.taps) {
                        for (row, g) in g.iter_mut().enumerate().take(algorithm.vertical.taps) {
                            *g = four((top + row, left + col));
                        }
                    }
                    algorithm.transform_weights(&g, &mut points[n]);
                }
                let at = block * channels * width + from * LANES;
                for point in 0..algorithm.weights() {
                    let y = y.slice(point * steps * width + at, together * LANES);
                    for (n, points) in points.iter().enumerate().take(together) {
                        y.store(n * LANES, points[point]);
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::Fault;
    use crate::record::{Operand, PackConvWinograd, field};
    use crate::testing::TestPlan;

    fn fault_of(change: impl Fn(&mut PackConvWinograd)) -> Result<u32, Fault> {
        let mut plan = TestPlan::new();
        let mut pack = PackConvWinograd {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            src: plan.room(9 * 5 * 9),
            y: plan.room(12 * 8 * 36),
            o: 9,
            c: 5,
            kh: 3,
            kw: 3,
            algorithm: 0,
            packing: 0,
            packed: 0,
        };
        change(&mut pack);
        plan.push(pack);
        plan.load()
    }

    #[test]
    fn wrong_fields_are_named() {
        assert_eq!(fault_of(|_| ()), Ok(2));
        let names =
            |change: fn(&mut PackConvWinograd)| fault_of(change).expect_err("a fault").field;
        for (got, wanted) in [
            (names(|r| r.o = 0), field!(PackConvWinograd, o)),
            (names(|r| r.c = u32::MAX), field!(PackConvWinograd, c)),
            (
                names(|r| r.algorithm = 7),
                field!(PackConvWinograd, algorithm),
            ),
            (names(|r| r.packing = 1), field!(PackConvWinograd, packing)),
            (names(|r| r.packed = 2), field!(PackConvWinograd, packed)),
            // Of a transposed convolution no direct form is read.
            (
                names(|r| (r.algorithm, r.packed) = (4, 1)),
                field!(PackConvWinograd, packed),
            ),
            (names(|r| r.kh = 4), field!(PackConvWinograd, kh)),
            (
                names(|r| (r.algorithm, r.kw) = (3, 5)),
                field!(PackConvWinograd, kw),
            ),
            (
                names(|r| r.src = Operand::ABSENT),
                field!(PackConvWinograd, src),
            ),
            (names(|r| r.o = 400), field!(PackConvWinograd, src)),
            (names(|r| r.y = Operand(7)), field!(PackConvWinograd, y)),
        ] {
            assert_eq!(got, wanted);
        }
    }
}
