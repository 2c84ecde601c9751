//! binary: y = activation(a op b), each side broadcast along any of N, C, H, W; also in place.
//!
//! Rows (n, channel block, h) are the unit: along one, a side is full, one pixel for all (W), one channel for all (C), or both.
//! Where nothing is broadcast along H or W, the rows of a plane are walked as one.

use crate::layout::{
    Blocked,
    axes::{C, H, N, W},
};
use crate::mem::{Dst, Memory, Src};
use crate::micro::activation::Activation;
use crate::micro::rows::{Side, map, zip_broadcast};
use crate::ops::{Fault, Op, activation, dst, src, tile_count, within};
use crate::record::{Binary, field};
use crate::simd::LANES;

/// One side of the operation.
#[derive(Clone, Copy)]
struct Input {
    src: Src,
    shape: Blocked,
    broadcast: u32,
}

impl Input {
    /// Its walk along `len_px` pixels of the output that begin at (n, block, y, 0).
    fn side(&self, n: usize, block: usize, y: usize, len_px: usize) -> Side {
        let along = |axis, i| if self.broadcast & axis != 0 { 0 } else { i };
        let start = self.shape.at(along(N, n), along(C, block), along(H, y), 0);
        let same_pixel = self.broadcast & W != 0;
        Side {
            src: self
                .src
                .slice(start, if same_pixel { 1 } else { len_px } * LANES),
            same_pixel,
            same_channel: self.broadcast & C != 0,
        }
    }
}

impl Binary {
    fn shape(&self) -> Blocked {
        Blocked::new(self.n, self.c, self.h, self.w)
    }

    fn operands(&self, memory: &Memory) -> Result<(Input, Input, Dst), Fault> {
        let y = dst(memory, self.y, field!(Binary, y), self.shape())?;
        let input = |operand, index, broadcast| {
            let shape = self.shape().with_ones(broadcast);
            Ok(Input {
                src: src(memory, operand, index, shape)?,
                shape,
                broadcast,
            })
        };
        Ok((
            input(self.a, field!(Binary, a), self.a_broadcast)?,
            input(self.b, field!(Binary, b), self.b_broadcast)?,
            y,
        ))
    }
}

impl Op for Binary {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(Binary, a_broadcast), self.a_broadcast, 0..=15)?;
        within(field!(Binary, b_broadcast), self.b_broadcast, 0..=15)?;
        within(field!(Binary, kind), self.kind, 0..=3)?;
        activation(field!(Binary, activation), self.activation)?;
        self.operands(memory)?;
        tile_count(
            field!(Binary, tile_rows),
            self.shape().rows() as u64,
            self.tile_rows,
        )
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _worker: u32) -> Result<(), Fault> {
        let (a, b, y) = self.operands(memory)?;
        let shape = self.shape();
        let activation = activation(field!(Binary, activation), self.activation)?;
        let whole = (self.a_broadcast | self.b_broadcast) & (H | W) == 0;
        for span in shape.spans(tile, self.tile_rows) {
            let (walks, len_px) = if whole {
                (1, span.rows * shape.w)
            } else {
                (span.rows, shape.w)
            };
            for row in span.first..span.first + walks {
                let [side_a, side_b] =
                    [a, b].map(|input| input.side(span.n, span.block, row, len_px));
                let out = y.slice(shape.at(span.n, span.block, row, 0), len_px * LANES);
                match self.kind {
                    0 => zip_broadcast(side_a, side_b, out, |a, b| a + b),
                    1 => zip_broadcast(side_a, side_b, out, |a, b| a - b),
                    2 => zip_broadcast(side_a, side_b, out, |a, b| a * b),
                    _ => zip_broadcast(side_a, side_b, out, |a, b| a / b),
                }
                // A second walk over what the cache holds keeps the loops few.
                match activation {
                    Activation::None => {}
                    Activation::Relu => map(out.as_src(), out, |x| Activation::Relu.apply(x)),
                    Activation::Tanh => map(out.as_src(), out, |x| Activation::Tanh.apply(x)),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::layout::Blocked;
    use crate::record::{Binary, Operand};
    use crate::testing::{Random, TestPlan, assert_close, assert_rounded};
    use std::vec::Vec;

    fn at(values: &[f32], s: Blocked, [n, c, h, w]: [usize; 4]) -> f64 {
        let [n, c, h, w] = [
            n.min(s.n - 1),
            c.min(s.c - 1),
            h.min(s.h - 1),
            w.min(s.w - 1),
        ];
        f64::from(values[((n * s.c + c) * s.h + h) * s.w + w])
    }

    #[test]
    fn every_broadcast_of_either_side_equals_the_naive_one() {
        let mut random = Random::new(3);
        for broadcast in 0..256u32 {
            let (a_broadcast, b_broadcast) = (broadcast & 15, broadcast >> 4);
            let shape = Blocked::new(
                2,
                1 + random.below(6),
                1 + random.below(3),
                1 + random.below(6),
            );
            let (kind, activation) = (random.below(4), random.below(3));
            let (a_shape, b_shape) = (shape.with_ones(a_broadcast), shape.with_ones(b_broadcast));
            let mut values = |s: Blocked| {
                let mut values = random.floats(s.n * s.c * s.h * s.w, -2.0, 2.0);
                values[0] *= 1e-40;
                values
            };
            let (a_values, b_values) = (values(a_shape), values(b_shape));
            let mut plan = TestPlan::new();
            let a = plan.blocked(&a_values, a_shape);
            let b = plan.blocked(&b_values, b_shape);
            let y = match random.below(3) {
                0 if a_broadcast == 0 => a,
                1 if b_broadcast == 0 => b,
                _ => plan.room_blocked(shape),
            };
            plan.push(Binary {
                scratch: Operand::ABSENT,
                scratch_bytes: 0,
                a,
                b,
                y,
                n: 2,
                c: shape.c as u32,
                h: shape.h as u32,
                w: shape.w as u32,
                a_broadcast,
                b_broadcast,
                kind,
                activation,
                tile_rows: 1 + random.below(5),
            });
            let mut wanted = Vec::new();
            for n in 0..shape.n {
                for c in 0..shape.c {
                    for h in 0..shape.h {
                        for w in 0..shape.w {
                            let a = at(&a_values, a_shape, [n, c, h, w]);
                            let b = at(&b_values, b_shape, [n, c, h, w]);
                            let y = [a + b, a - b, a * b, a / b][kind as usize];
                            wanted.push([y, y.max(0.0), y.tanh()][activation as usize]);
                        }
                    }
                }
            }
            let got = plan.run_everywhere().blocked(y, shape);
            let what = std::format!("broadcast {broadcast}, {shape:?}");
            assert_close(&got, &wanted, 2e-7, &what);
            if activation != 2 {
                assert_rounded(&got, &wanted, 6e-8, &what);
            }
        }
    }

    #[test]
    fn division_by_zero_is_ieee() {
        let shape = Blocked::new(1, 3, 1, 1);
        let mut plan = TestPlan::new();
        let a = plan.blocked(&[1.0, -1.0, 0.0], shape);
        let b = plan.blocked(&[0.0, 0.0, 0.0], shape);
        let y = plan.room_blocked(shape);
        plan.push(Binary {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            a,
            b,
            y,
            n: 1,
            c: 3,
            h: 1,
            w: 1,
            a_broadcast: 0,
            b_broadcast: 0,
            kind: 3,
            activation: 0,
            tile_rows: 1,
        });
        let got = plan.run_everywhere().blocked(y, shape);
        assert_eq!((got[0], got[1]), (f32::INFINITY, f32::NEG_INFINITY));
        assert!(got[2].is_nan());
    }
}
