//! pad: H and W extended by a constant, by reflection or by the outermost pixel: two maps, output row -> row and output
//! column -> column (micro/border.rs). The interior of a row is copied; only its borders ask the map.

use crate::layout::Blocked;
use crate::mem::{Dst, Memory, Src};
use crate::micro::border::map_index;
use crate::micro::rows::{copy, fill};
use crate::ops::{Fault, MOST_COORDINATE, Op, border, dst, src, tile_count};
use crate::record::{Field, Pad, field};
use crate::simd::{F32x4, LANES};

impl Pad {
    fn x_shape(&self) -> Blocked {
        Blocked::new(self.n, self.c, self.h, self.w)
    }

    /// The output's shape, or the field that leaves none.
    fn y_shape(&self) -> Result<Blocked, Fault> {
        let extended = |size: u32, before: i32, after: i32, field| {
            u32::try_from(i64::from(size) + i64::from(before) + i64::from(after))
                .map_err(|_| Fault::field(field, before.to_word()))
        };
        let h = extended(self.h, self.top, self.bottom, field!(Pad, top))?;
        let w = extended(self.w, self.left, self.right, field!(Pad, left))?;
        Ok(Blocked::new(self.n, self.c, h, w))
    }

    fn operands(&self, memory: &Memory) -> Result<(Src, Dst, Blocked), Fault> {
        let y_shape = self.y_shape()?;
        Ok((
            src(memory, self.x, field!(Pad, x), self.x_shape())?,
            dst(memory, self.y, field!(Pad, y), y_shape)?,
            y_shape,
        ))
    }
}

impl Op for Pad {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        border(field!(Pad, mode), self.mode)?;
        for (field, pixels) in [
            (field!(Pad, top), self.top),
            (field!(Pad, bottom), self.bottom),
            (field!(Pad, left), self.left),
            (field!(Pad, right), self.right),
        ] {
            if u64::from(pixels.unsigned_abs()) > MOST_COORDINATE {
                return Err(Fault {
                    field,
                    got: pixels.to_word(),
                    wanted: MOST_COORDINATE as u32,
                });
            }
        }
        let (_, _, y_shape) = self.operands(memory)?;
        tile_count(
            field!(Pad, tile_rows),
            y_shape.rows() as u64,
            self.tile_rows,
        )
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let (x, y, y_shape) = self.operands(memory)?;
        let x_shape = self.x_shape();
        let border = border(field!(Pad, mode), self.mode)?;
        let constant = F32x4::splat(self.value);
        let (top, left) = (self.top as isize, self.left as isize);
        // Columns of y that show columns of x as they are.
        let first = y_shape.w.min(left.max(0) as usize);
        let end = y_shape.w.min((x_shape.w as isize + left).max(0) as usize);
        let interior = first..end.max(first);
        for span in y_shape.spans(tile, self.tile_rows) {
            for row in span.first..span.first + span.rows {
                let out = y.slice(y_shape.at(span.n, span.block, row, 0), y_shape.w * LANES);
                let source = map_index(row as isize - top, x_shape.h, border);
                let Ok(source) = usize::try_from(source) else {
                    fill(out, constant);
                    continue;
                };
                let row = x.slice(x_shape.at(span.n, span.block, source, 0), x_shape.w * LANES);
                if !interior.is_empty() {
                    let len = interior.len() * LANES;
                    let first = (interior.start as isize - left) as usize;
                    copy(
                        row.slice(first * LANES, len),
                        out.slice(interior.start * LANES, len),
                    );
                }
                for column in (0..interior.start).chain(interior.end..y_shape.w) {
                    let source = map_index(column as isize - left, x_shape.w, border);
                    let pixel =
                        usize::try_from(source).map_or(constant, |source| row.load(source * LANES));
                    out.store(column * LANES, pixel);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::layout::Blocked;
    use crate::ops::Fault;
    use crate::record::{Operand, Pad, field};
    use crate::testing::{Random, TestPlan};
    use std::vec::Vec;

    /// Walks to the picture step by step, turning at its ends.
    fn shown(i: usize, before: i32, size: usize, mode: u32) -> Option<usize> {
        let (mut at, mut step) = (0isize, if i as isize >= before as isize { 1 } else { -1 });
        let off = i as isize - before as isize;
        if mode == 0 {
            return usize::try_from(off).ok().filter(|&off| off < size);
        }
        if mode == 2 {
            return Some(off.clamp(0, size as isize - 1) as usize);
        }
        for _ in 0..off.unsigned_abs() {
            if size > 1 && (at + step < 0 || at + step >= size as isize) {
                step = -step;
            }
            at += if size > 1 { step } else { 0 };
        }
        Some(at as usize)
    }

    #[test]
    fn every_mode_equals_the_naive_one() {
        let mut random = Random::new(21);
        for (c, h, w, padding) in [
            (1, 1, 1, [0, 0, 0, 0]),
            (3, 4, 5, [2, 1, 3, 4]),
            (5, 2, 3, [5, 0, 0, 7]),
            (4, 1, 6, [1, 2, 0, 1]),
            (2, 6, 7, [-2, 3, 1, -4]),
            (3, 5, 4, [4, -3, -3, 2]),
            (1, 3, 3, [-3, 2, 5, -4]),
        ] {
            for mode in 0..3 {
                let [top, bottom, left, right] = padding;
                let x_shape = Blocked::new(2, c, h, w);
                let sum =
                    |size: u32, before: i32, after: i32| (size as i32 + before + after) as u32;
                let y_shape = Blocked::new(2, c, sum(h, top, bottom), sum(w, left, right));
                let values = random.floats(2 * x_shape.c * x_shape.plane_px(), -1.0, 1.0);
                let mut plan = TestPlan::new();
                let x = plan.blocked(&values, x_shape);
                let y = plan.room_blocked(y_shape);
                plan.push(Pad {
                    scratch: Operand::ABSENT,
                    scratch_bytes: 0,
                    x,
                    y,
                    n: 2,
                    c,
                    h,
                    w,
                    top,
                    bottom,
                    left,
                    right,
                    mode,
                    value: 0.25,
                    tile_rows: 3,
                });
                let mut wanted = Vec::new();
                for plane in 0..2 * x_shape.c {
                    for row in 0..y_shape.h {
                        for column in 0..y_shape.w {
                            let from = shown(row, top, x_shape.h, mode)
                                .zip(shown(column, left, x_shape.w, mode));
                            wanted.push(from.map_or(0.25, |(row, column)| {
                                values[(plane * x_shape.h + row) * x_shape.w + column]
                            }));
                        }
                    }
                }
                let got = plan.run_everywhere().blocked(y, y_shape);
                assert_eq!(got, wanted, "mode {mode}, {padding:?}");
            }
        }
    }

    fn fault_of(change: impl Fn(&mut Pad)) -> Fault {
        let mut plan = TestPlan::new();
        let x = plan.room(4);
        let mut pad = Pad {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            x,
            y: x,
            n: 1,
            c: 1,
            h: 1,
            w: 1,
            top: 0,
            bottom: 0,
            left: 0,
            right: 0,
            mode: 0,
            value: 0.0,
            tile_rows: 1,
        };
        change(&mut pad);
        plan.push(pad).load().unwrap_err()
    }

    #[test]
    fn cutting_off_more_than_there_is_is_a_fault() {
        let fault = fault_of(|pad| (pad.top, pad.bottom) = (-3, 1));
        assert_eq!(fault.field, field!(Pad, top));
    }

    #[test]
    fn padding_beyond_32_bit_coordinates_is_a_fault() {
        let far = i32::MAX;
        let fault = fault_of(|pad| (pad.top, pad.bottom) = (far, -far));
        assert_eq!(fault.field, field!(Pad, top));
        let fault = fault_of(|pad| (pad.left, pad.right) = (i32::MIN, far));
        assert_eq!(fault.field, field!(Pad, left));
    }
}
