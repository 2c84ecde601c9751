//! pack_matmul: matrices to panels of columns. A tile is some panels.

use crate::mem::{Dst, Memory, Src};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, panel_width};
use crate::micro::reach::{reach, span};
use crate::ops::conv::{check_channels, part};
use crate::ops::{Fault, Op, dense, product, tile_count, within};
use crate::record::{PackMatmul, field};
use crate::simd::{F32x4, LANES};

impl PackMatmul {
    /// Of a matrix.
    fn panels(&self) -> u32 {
        self.n.div_ceil(PANEL_OUTPUTS as u32)
    }

    fn operands(&self, memory: &Memory) -> Result<(Src, Dst), Fault> {
        let steps = [
            (self.batch, self.src_step),
            (self.k, self.k_step),
            (self.n, self.n_step),
        ];
        let spans = steps.map(|(count, step)| span(count as usize, step as usize));
        let src = dense(memory, self.src, field!(Self, src), reach(spans, 1))?;
        let columns = Packing::Outputs.packed_outputs(self.n as usize);
        let sizes = [self.batch.into(), self.k.into(), columns as u64];
        let packed = product(field!(Self, y), self.y.0, &sizes)?;
        let y = dense(memory, self.y, field!(Self, y), packed)?;
        Ok((src.as_src(), y))
    }
}

impl Op for PackMatmul {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(Self, batch), self.batch, 1..=u32::MAX)?;
        check_channels((field!(Self, k), self.k), (field!(Self, n), self.n), None)?;
        self.operands(memory)?;
        let parts = tile_count(
            field!(Self, tile_panels),
            self.panels().into(),
            self.tile_panels,
        )?;
        let tiles = u64::from(parts) * u64::from(self.batch);
        tile_count(field!(Self, batch), tiles, 1)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let (src, y) = self.operands(memory)?;
        let parts = self.panels().div_ceil(self.tile_panels);
        let (k, n) = (self.k as usize, self.n as usize);
        let matrix = (tile / parts) as usize;
        let packed = k * Packing::Outputs.packed_outputs(n);
        let src_from = matrix * self.src_step as usize;
        let (first, end) = part(tile % parts, self.tile_panels, self.panels());
        for first in (first..end).map(|panel| panel * PANEL_OUTPUTS) {
            let width = panel_width(Packing::Outputs, n, first);
            let from = src_from + first * self.n_step as usize;
            let columns = width.min(n - first);
            pack(
                src.slice(from, src.len() - from),
                (self.k_step as usize, self.n_step as usize),
                (k, columns),
                y.slice(matrix * packed + first * k, k * width),
            );
        }
        Ok(())
    }
}

/// The first k x n floats of `src`, as rows of y, filled up with zeros.
fn pack(src: Src, (k_step, n_step): (usize, usize), (k, n): (usize, usize), y: Dst) {
    let width = y.len() / k;
    let mut done = 0;
    if n == width && n_step == 1 {
        for row in 0..k {
            for column in (0..width).step_by(LANES) {
                y.store(row * width + column, src.load(row * k_step + column));
            }
        }
        done = k;
    } else if n == width && k_step == 1 {
        done = k / LANES * LANES;
        for column in (0..width).step_by(LANES) {
            for row in (0..done).step_by(LANES) {
                let load = |i| src.load((column + i) * n_step + row);
                let rows = F32x4::transpose(core::array::from_fn(load));
                for (i, x) in rows.into_iter().enumerate() {
                    y.store((row + i) * width + column, x);
                }
            }
        }
    }
    for row in done..k {
        for column in 0..width {
            let x = match column < n {
                true => src.get(row * k_step + column * n_step),
                false => 0.0,
            };
            y.set(row * width + column, x);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::record::{Operand, PackMatmul, field};
    use crate::testing::{Random, TestPlan};
    use std::vec::Vec;

    fn record(plan: &mut TestPlan, src: &[f32], [batch, k, n]: [u32; 3]) -> PackMatmul {
        PackMatmul {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            src: plan.dense(src),
            y: plan.room((batch * k * n.next_multiple_of(4)) as usize),
            batch,
            k,
            n,
            src_step: k * n,
            k_step: n,
            n_step: 1,
            tile_panels: 1,
        }
    }

    /// By the record's documentation: panels of 8 columns, of 4 where no more are left; columns that are none are 0.
    fn wanted(src: &[f32], r: &PackMatmul) -> Vec<f32> {
        let mut packed = Vec::new();
        for matrix in 0..r.batch {
            for first in (0..r.n).step_by(8) {
                let width = if r.n - first > 4 { 8 } else { 4 };
                for row in 0..r.k {
                    for col in first..first + width {
                        let at = matrix * r.src_step + row * r.k_step + col * r.n_step;
                        packed.push(if col < r.n { src[at as usize] } else { 0.0 });
                    }
                }
            }
        }
        packed
    }

    #[test]
    fn any_strides_make_the_same_panels() {
        for (k, n) in [(1, 1), (3, 4), (4, 8), (6, 20), (9, 17), (13, 7), (8, 30)] {
            for batch in [1, 3] {
                for tile_panels in [1, 2, 100] {
                    // Row after row, column after column, and neither; matrices one after the other or one in the other.
                    for (k_step, n_step, src_step) in [
                        (n, 1, k * n),
                        (1, k, k * n),
                        (2 * n + 1, 2, 0),
                        (n * batch, 1, n),
                        (1, k * batch, k),
                    ] {
                        let src =
                            Random::new(k + n).floats((4 * batch * k * n) as usize, -1.0, 1.0);
                        let mut plan = TestPlan::new();
                        let record = PackMatmul {
                            src_step,
                            k_step,
                            n_step,
                            tile_panels,
                            ..record(&mut plan, &src, [batch, k, n])
                        };
                        let wanted = wanted(&src, &record);
                        let done = plan.push(record).run_everywhere();
                        let got = done.dense(record.y, wanted.len());
                        assert_eq!(got, wanted, "{record:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn wrong_fields_are_named() {
        let fault_of = |change: fn(&mut PackMatmul)| {
            let mut plan = TestPlan::new();
            let mut record = record(&mut plan, &[0.0; 2 * 5 * 11], [2, 5, 11]);
            change(&mut record);
            plan.push(record);
            plan.load()
        };
        assert_eq!(fault_of(|_| ()), Ok(4));
        let names = |change| fault_of(change).expect_err("a fault").field;
        assert_eq!(names(|r| r.batch = 0), field!(PackMatmul, batch));
        assert_eq!(names(|r| r.k = 0), field!(PackMatmul, k));
        assert_eq!(names(|r| r.n = 0), field!(PackMatmul, n));
        assert_eq!(names(|r| r.n = u32::MAX), field!(PackMatmul, n));
        assert_eq!(
            names(|r| r.tile_panels = 0),
            field!(PackMatmul, tile_panels)
        );
        for change in [
            |r: &mut PackMatmul| r.src = Operand::ABSENT,
            |r: &mut PackMatmul| r.src_step = u32::MAX,
            |r: &mut PackMatmul| r.k_step = u32::MAX,
            |r: &mut PackMatmul| r.n_step = u32::MAX,
            |r: &mut PackMatmul| (r.src_step, r.k_step, r.n_step) = (!0, !0, !0),
        ] {
            assert_eq!(names(change), field!(PackMatmul, src));
        }
        for change in [
            |r: &mut PackMatmul| r.y = Operand::ABSENT,
            |r: &mut PackMatmul| (r.batch, r.src_step) = (u32::MAX, 0),
            |r: &mut PackMatmul| (r.k, r.k_step) = (1 << 27, 0),
        ] {
            assert_eq!(names(change), field!(PackMatmul, y));
        }
    }
}
