//! unary: y = f(x), one element in, one out, on all lanes alike; also in place.

use crate::mem::{Dst, Memory};
use crate::micro::activation::{relu, tanh};
use crate::micro::rows::map;
use crate::ops::{Fault, Op, dense, tile_count, within};
use crate::record::{Unary, field};
use crate::simd::{F32x4, LANES};

impl Unary {
    fn operands(&self, memory: &Memory) -> Result<(Dst, Dst), Fault> {
        let len_elems = u64::from(self.vectors) * LANES as u64;
        Ok((
            dense(memory, self.x, field!(Unary, x), len_elems)?,
            dense(memory, self.y, field!(Unary, y), len_elems)?,
        ))
    }
}

impl Op for Unary {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(Unary, vectors), self.vectors, 1..=u32::MAX)?;
        within(field!(Unary, kind), self.kind, 0..=8)?;
        self.operands(memory)?;
        tile_count(
            field!(Unary, tile_vectors),
            u64::from(self.vectors),
            self.tile_vectors,
        )
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _worker: u32) -> Result<(), Fault> {
        let (x, y) = self.operands(memory)?;
        let first = tile as usize * self.tile_vectors as usize;
        let vectors = (self.vectors as usize - first).min(self.tile_vectors as usize);
        let x = x.slice(first * LANES, vectors * LANES).as_src();
        let y = y.slice(first * LANES, vectors * LANES);
        let v = F32x4::splat(self.value);
        match self.kind {
            0 => map(x, y, relu),
            1 => map(x, y, tanh),
            2 => map(x, y, F32x4::sqrt),
            3 => map(x, y, |x| x + v),
            4 => map(x, y, |x| x - v),
            5 => map(x, y, |x| x * v),
            6 => map(x, y, |x| x / v),
            7 => map(x, y, |x| v - x),
            _ => map(x, y, |x| v / x),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::record::{Operand, Unary};
    use crate::testing::{Random, TestPlan, assert_close, assert_rounded};
    use std::vec::Vec;

    fn naive(kind: u32, v: f64, x: f64) -> f64 {
        match kind {
            0 => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            1 => x.tanh(),
            2 => x.sqrt(),
            3 => x + v,
            4 => x - v,
            5 => x * v,
            6 => x / v,
            7 => v - x,
            _ => v / x,
        }
    }

    #[test]
    fn every_kind_equals_the_naive_one_also_in_place() {
        for kind in 0..=8 {
            for (vectors, tile_vectors) in [(1, 1), (7, 3), (40, 64)] {
                for in_place in [false, true] {
                    let mut values = Random::new(kind + 1).floats(vectors * 4, -3.0, 3.0);
                    values[0] = f32::NAN;
                    values[1..4].copy_from_slice(&[0.0, 1e-40, -1e-20]);
                    let mut plan = TestPlan::new();
                    let x = plan.dense(&values);
                    let y = if in_place { x } else { plan.room(vectors * 4) };
                    plan.push(Unary {
                        scratch: Operand::ABSENT,
                        scratch_bytes: 0,
                        x,
                        y,
                        vectors: vectors as u32,
                        kind,
                        value: 1.5,
                        tile_vectors,
                    });
                    let got = plan.run_everywhere().dense(y, vectors * 4);
                    let wanted: Vec<f64> = values
                        .iter()
                        .map(|&x| naive(kind, 1.5, f64::from(x)))
                        .collect();
                    let what = std::format!("kind {kind}");
                    assert_close(&got, &wanted, 1.6e-7, &what);
                    // One rounding; tanh as `micro/activation.rs` has it.
                    let relative = if kind == 1 { 6e-7 } else { 6e-8 };
                    assert_rounded(&got, &wanted, relative, &what);
                }
            }
        }
    }

    #[test]
    fn a_bad_field_is_named() {
        let mut plan = TestPlan::new();
        let x = plan.room(16);
        let good = Unary {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            x,
            y: x,
            vectors: 4,
            kind: 0,
            value: 0.0,
            tile_vectors: 4,
        };
        for (field, bad) in [
            (
                1,
                Unary {
                    y: Operand(7),
                    ..good
                },
            ),
            (
                0,
                Unary {
                    vectors: u32::MAX,
                    ..good
                },
            ),
            (2, Unary { vectors: 0, ..good }),
            (3, Unary { kind: 9, ..good }),
            (
                5,
                Unary {
                    tile_vectors: 0,
                    ..good
                },
            ),
        ] {
            let mut plan = TestPlan::new();
            plan.room(16);
            assert_eq!(plan.push(bad).load().unwrap_err().field, field);
        }
    }
}
