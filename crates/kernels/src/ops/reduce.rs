//! reduce: mean or variance over any of N, C, H, W of a blocked tensor; reduced axes stay with size 1.
//!
//! ```text
//! an output pixel is (n, channel block, h, w), reduced axes 0; a reduced pixel is the same over the reduced axes
//! tile   tile_outputs output pixels x chunk_px reduced pixels: moments of each lane, float64
//!        one chunk: y = finished(moments); several: -> partials
//! finish several chunks: y = finished(their moments merged in order, Chan)
//! ```
//! 1. Where C is reduced, the lanes are merged too, those past C left out, and only lane 0 of the output means anything.
//! 2. Sums are of x - K in float64, K the first value: no E[x^2] - E[x]^2 of numbers far from 0.

use crate::layout::{Blocked, axes};
use crate::mem::{Dst, Memory, Src};
use crate::micro::statistics::{Moments, merge};
use crate::ops::{Fault, Op, dense, dst, src, tile_count, within};
use crate::record::{Reduce, field};
use crate::simd::{F32x4, LANES};

/// Sizes of an iteration space over N, CB, H, W.
#[derive(Clone, Copy)]
struct Space([usize; 4]);

impl Space {
    fn len(&self) -> usize {
        self.0.iter().product()
    }
    /// Coordinates of the i-th pixel, row-major.
    fn at(&self, i: usize) -> [usize; 4] {
        let [_, b, h, w] = self.0;
        [i / w / h / b, i / w / h % b, i / w % h, i % w]
    }
}

/// What a walk over reduced pixels adds up, a lane each.
struct Sums {
    shift: [f64; LANES],
    count: [f64; LANES],
    sum: [f64; LANES],
    squares: [f64; LANES],
}

impl Sums {
    fn new(shift: [f64; LANES]) -> Self {
        Self {
            // Against infinity there is no difference.
            shift: shift.map(|x| if x.is_finite() { x } else { 0.0 }),
            count: [0.0; LANES],
            sum: [0.0; LANES],
            squares: [0.0; LANES],
        }
    }
    #[inline(always)]
    fn add(&mut self, x: F32x4, lanes: usize) {
        for (lane, x) in x.to_array().into_iter().take(lanes).enumerate() {
            let d = f64::from(x) - self.shift[lane];
            self.sum[lane] += d;
            self.squares[lane] += d * d;
        }
    }
    fn lane(&self, lane: usize) -> Moments {
        Moments::of_sums(
            self.count[lane],
            self.shift[lane],
            self.sum[lane],
            self.squares[lane],
        )
    }
}

impl Reduce {
    fn shape(&self) -> Blocked {
        Blocked::new(self.n, self.c, self.h, self.w)
    }

    fn y_shape(&self) -> Blocked {
        self.shape().with_ones(self.axes)
    }

    fn over_channels(&self) -> bool {
        self.axes & axes::C != 0
    }

    fn sizes(shape: Blocked) -> [usize; 4] {
        [shape.n, shape.channel_blocks(), shape.h, shape.w]
    }

    fn outputs(&self) -> Space {
        Space(Self::sizes(self.y_shape()))
    }

    fn reduced(&self) -> Space {
        let (x, y) = (Self::sizes(self.shape()), Self::sizes(self.y_shape()));
        Space(core::array::from_fn(|axis| x[axis] / y[axis]))
    }

    fn chunks(&self) -> usize {
        self.reduced().len().div_ceil(self.chunk_px as usize)
    }

    fn operands(&self, memory: &Memory) -> Result<(Src, Dst), Fault> {
        Ok((
            src(memory, self.x, field!(Reduce, x), self.shape())?,
            dst(memory, self.y, field!(Reduce, y), self.y_shape())?,
        ))
    }

    fn partials(&self, memory: &Memory) -> Result<Dst, Fault> {
        let parts = self.outputs().len() as u64 * self.chunks() as u64;
        let len_elems = parts.saturating_mul(Moments::PARTIAL_ELEMS as u64);
        dense(memory, self.partials, field!(Reduce, partials), len_elems)
    }

    /// The moments of output pixel `output` over reduced pixels `first..end`; lane 0 alone counts where C is reduced.
    fn measure(&self, x: Src, output: usize, first: usize, end: usize) -> [Moments; LANES] {
        let (shape, reduced) = (self.shape(), self.reduced());
        let origin = self.outputs().at(output);
        let pixel = |i: usize| {
            let r = reduced.at(i);
            let [n, block, h, w] = core::array::from_fn(|axis| origin[axis] + r[axis]);
            (shape.at(n, block, h, w), block)
        };
        let start = x.load(pixel(first).0).to_array().map(f64::from);
        let over_channels = self.over_channels();
        let mut sums = Sums::new(if over_channels {
            [start[0]; LANES]
        } else {
            start
        });
        // The innermost reduced axis: along it pixels lie at one distance, and share their channels unless it is C.
        let [along_n, along_c, along_h, along_w] = reduced.0;
        let (axis_len, step) = if along_w > 1 {
            (along_w, 1)
        } else if along_h > 1 {
            (along_h, shape.w)
        } else if along_c > 1 {
            (along_c, shape.plane_px())
        } else {
            (along_n, shape.channel_blocks() * shape.plane_px())
        };
        let along_channels = along_w == 1 && along_h == 1 && along_c > 1;
        let mut i = first;
        while i < end {
            let mut run = (axis_len - i % axis_len).min(end - i);
            let (at, block) = pixel(i);
            let lanes = if over_channels {
                shape.lanes_in(block)
            } else {
                LANES
            };
            if along_channels {
                // A last block with lanes past C comes by itself.
                run = run.min((shape.c / LANES).saturating_sub(block).max(1));
            }
            let pixels = (0..run).map(|k| x.load(at + k * step * LANES));
            // A constant where all lanes count, so that the loop over them is none.
            if lanes == LANES {
                pixels.for_each(|pixel| sums.add(pixel, LANES));
            } else {
                pixels.for_each(|pixel| sums.add(pixel, lanes));
            }
            for count in &mut sums.count[..lanes] {
                *count += run as f64;
            }
            i += run;
        }
        let parts = core::array::from_fn(|lane| sums.lane(lane));
        if over_channels {
            let counted = |part: &Moments| part.count > 0.0;
            return [merge(|| parts.into_iter().filter(counted)); LANES];
        }
        parts
    }

    /// Mean or variance. Nothing to divide by gives what PyTorch gives: 0 / 0.
    fn finished(&self, moments: Moments) -> f32 {
        let value = if self.kind == 0 {
            moments.mean
        } else {
            moments.m2 / (moments.count - f64::from(self.correction)).max(0.0)
        };
        value as f32
    }
}

impl Op for Reduce {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(Reduce, axes), self.axes, 0..=15)?;
        within(field!(Reduce, kind), self.kind, 0..=1)?;
        within(field!(Reduce, chunk_px), self.chunk_px, 1..=u32::MAX)?;
        self.operands(memory)?;
        let chunks = self.chunks() as u64;
        if chunks > 1 {
            self.partials(memory)?;
        }
        let outputs = self.outputs().len() as u64;
        let across = tile_count(field!(Reduce, tile_outputs), outputs, self.tile_outputs)?;
        tile_count(field!(Reduce, chunk_px), u64::from(across) * chunks, 1)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let (x, y) = self.operands(memory)?;
        let (outputs, chunks) = (self.outputs().len(), self.chunks());
        let (across, chunk) = (tile as usize / chunks, tile as usize % chunks);
        let first = chunk * self.chunk_px as usize;
        let end = self
            .reduced()
            .len()
            .min(first.saturating_add(self.chunk_px as usize));
        let first_output = across * self.tile_outputs as usize;
        let end_output = outputs.min(first_output.saturating_add(self.tile_outputs as usize));
        for output in first_output..end_output {
            let parts = self.measure(x, output, first, end);
            if chunks == 1 {
                let pixel = F32x4::new(parts.map(|part| self.finished(part)));
                y.store(output * LANES, pixel);
            } else {
                let partials = self.partials(memory)?;
                for (lane, part) in parts.into_iter().enumerate() {
                    part.store(partials, output * chunks + chunk, lane);
                }
            }
        }
        Ok(())
    }

    fn finish(&self, memory: &Memory) -> Result<(), Fault> {
        let chunks = self.chunks();
        if chunks == 1 {
            return Ok(());
        }
        let (_, y) = self.operands(memory)?;
        let partials = self.partials(memory)?;
        for output in 0..self.outputs().len() {
            let parts = output * chunks..(output + 1) * chunks;
            let pixel = core::array::from_fn(|lane| {
                self.finished(merge(|| {
                    parts.clone().map(|i| Moments::load(partials, i, lane))
                }))
            });
            y.store(output * LANES, F32x4::new(pixel));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::layout::Blocked;
    use crate::micro::statistics::Moments;
    use crate::record::{Operand, Reduce};
    use crate::testing::{Random, TestPlan, assert_rounded};
    use std::vec::Vec;

    fn run(record: Reduce, values: &[f32]) -> Vec<f32> {
        let Reduce {
            n, c, h, w, axes, ..
        } = record;
        let y_shape = Blocked::new(n, c, h, w).with_ones(axes);
        let mut plan = TestPlan::new();
        let x = plan.blocked(values, Blocked::new(n, c, h, w));
        let y = plan.room_blocked(y_shape);
        // Room for chunks of one pixel each.
        let partials = plan.room(values.len() * 4 * Moments::PARTIAL_ELEMS);
        plan.push(Reduce {
            x,
            y,
            partials,
            ..record
        });
        plan.run_everywhere().blocked(y, y_shape)
    }

    fn naive(record: Reduce, values: &[f32]) -> Vec<f64> {
        let Reduce {
            n, c, h, w, axes, ..
        } = record;
        let sizes = [n, c, h, w].map(|size| size as usize);
        let kept: [usize; 4] = core::array::from_fn(|axis| {
            if axes >> axis & 1 == 1 {
                1
            } else {
                sizes[axis]
            }
        });
        let mut groups = std::vec![Vec::new(); kept.iter().product()];
        for (i, &x) in values.iter().enumerate() {
            let (mut rest, mut index, mut scale) = (i, 0, 1);
            for axis in (0..4).rev() {
                index += (rest % sizes[axis]).min(kept[axis] - 1) * scale;
                scale *= kept[axis];
                rest /= sizes[axis];
            }
            groups[index].push(f64::from(x));
        }
        groups
            .iter()
            .map(|group| {
                let mean = group.iter().sum::<f64>() / group.len() as f64;
                let m2: f64 = group.iter().map(|x| (x - mean) * (x - mean)).sum();
                match record.kind {
                    0 => mean,
                    _ => m2 / (group.len() as f64 - f64::from(record.correction)).max(0.0),
                }
            })
            .collect()
    }

    const RECORD: Reduce = Reduce {
        scratch: Operand::ABSENT,
        scratch_bytes: 0,
        x: Operand::ABSENT,
        y: Operand::ABSENT,
        partials: Operand::ABSENT,
        n: 1,
        c: 1,
        h: 1,
        w: 1,
        axes: 0,
        kind: 0,
        correction: 0,
        tile_outputs: 3,
        chunk_px: 1 << 20,
    };

    #[test]
    fn every_subset_of_axes_equals_the_naive_one() {
        let mut random = Random::new(31);
        for axes in 0..16 {
            for (n, c, h, w) in [(1, 1, 1, 1), (2, 3, 4, 5), (3, 9, 2, 3), (2, 8, 5, 1)] {
                for kind in 0..2 {
                    let chunk_px = 1 + random.below(12);
                    let len = (n * c * h * w) as usize;
                    let values = random.floats(len, 999.0, 1001.0);
                    let record = Reduce {
                        n,
                        c,
                        h,
                        w,
                        axes,
                        kind,
                        chunk_px,
                        correction: 1,
                        ..RECORD
                    };
                    let what = std::format!("axes {axes} of {n} {c} {h} {w}, kind {kind}");
                    assert_rounded(&run(record, &values), &naive(record, &values), 2e-7, &what);
                }
            }
        }
    }

    #[test]
    fn a_variance_of_one_value_is_nan_when_unbiased_and_infinity_stays_in_the_mean() {
        let record = Reduce {
            axes: 15,
            kind: 1,
            correction: 1,
            ..RECORD
        };
        assert!(run(record, &[5.0])[0].is_nan());
        assert_eq!(
            run(
                Reduce {
                    correction: 0,
                    ..record
                },
                &[5.0]
            ),
            [0.0]
        );
        let mean = Reduce {
            c: 2,
            axes: 2,
            ..RECORD
        };
        assert_eq!(run(mean, &[f32::INFINITY, 1.0]), [f32::INFINITY]);
    }
}
