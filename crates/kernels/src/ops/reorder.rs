//! reorder: the same elements in row-major order under another layout. A planar side has no factoring of its own: it is the
//! elements in order. So planar <-> blocked is one transpose of 4x4, and only blocked -> blocked under another N C H W moves
//! single elements.
//!
//! ```text
//! for span of rows of the blocked side (y, if both are) {
//!   planar -> blocked   4 planes -> 1 plane of pixels        micro/moves.rs
//!   blocked -> planar   the reverse
//!   else                copy, or element by element along runs of both sides
//! }
//! ```

use crate::layout::{Blocked, Span};
use crate::mem::{Dst, Memory, Src};
use crate::micro::moves::{deinterleave, interleave};
use crate::micro::rows::copy;
use crate::ops::{Fault, Op, dense, tile_count};
use crate::record::{Operand, Reorder, field};
use crate::simd::LANES;

const PLANAR: u32 = 1;
const BLOCKED: u32 = 4;

impl Reorder {
    fn x_shape(&self) -> Blocked {
        Blocked::new(self.x_n, self.x_c, self.x_h, self.x_w)
    }

    fn y_shape(&self) -> Blocked {
        Blocked::new(self.y_n, self.y_c, self.y_h, self.y_w)
    }

    /// What the rows of a tile are rows of.
    fn tiled(&self) -> Blocked {
        match (self.x_lanes, self.y_lanes) {
            // Rows of a planar copy: any division of the elements in order.
            (PLANAR, PLANAR) => Blocked {
                n: 1,
                c: 1,
                h: self.y_shape().n * self.y_shape().c * self.y_shape().h,
                w: self.y_shape().w,
            },
            (_, PLANAR) => self.x_shape(),
            _ => self.y_shape(),
        }
    }

    fn operands(&self, memory: &Memory) -> Result<(Src, Dst), Fault> {
        let view = |operand: Operand, index, lanes, shape: Blocked| {
            // Blocked elements are never fewer than real ones, so this bounds the planar length too.
            let blocked = shape.len_elems();
            let len_elems = blocked.map(|blocked| match lanes {
                PLANAR => elements(shape),
                _ => blocked,
            });
            let len_elems = len_elems.ok_or(Fault::field(index, operand.0))?;
            dense(memory, operand, index, len_elems)
        };
        Ok((
            view(self.x, field!(Reorder, x), self.x_lanes, self.x_shape())?.as_src(),
            view(self.y, field!(Reorder, y), self.y_lanes, self.y_shape())?,
        ))
    }
}

impl Op for Reorder {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        for (index, lanes) in [
            (field!(Reorder, x_lanes), self.x_lanes),
            (field!(Reorder, y_lanes), self.y_lanes),
        ] {
            if lanes != PLANAR && lanes != BLOCKED {
                return Err(Fault {
                    field: index,
                    got: lanes,
                    wanted: BLOCKED,
                });
            }
        }
        self.operands(memory)?;
        if elements(self.x_shape()) != elements(self.y_shape()) {
            return Err(Fault {
                field: field!(Reorder, y_n),
                got: elements(self.y_shape()) as u32,
                wanted: elements(self.x_shape()) as u32,
            });
        }
        let rows = self.tiled().rows() as u64;
        tile_count(field!(Reorder, tile_rows), rows, self.tile_rows)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _worker: u32) -> Result<(), Fault> {
        let (x, y) = self.operands(memory)?;
        let (from, to) = (self.x_shape(), self.y_shape());
        let same_planes = (from.n, from.c, from.plane_px()) == (to.n, to.c, to.plane_px());
        let tiled = self.tiled();
        for span in tiled.spans(tile, self.tile_rows) {
            match (self.x_lanes, self.y_lanes) {
                (PLANAR, PLANAR) => {
                    for i in span.first * tiled.w..(span.first + span.rows) * tiled.w {
                        y.set(i, x.get(i));
                    }
                }
                (PLANAR, _) => {
                    let planes =
                        plane_starts(tiled, span).map(|at| x.slice(at, span.rows * tiled.w));
                    interleave(
                        &planes[..tiled.lanes_in(span.block)],
                        pixels(tiled, span, y),
                    );
                }
                (_, PLANAR) => {
                    let planes =
                        plane_starts(tiled, span).map(|at| y.slice(at, span.rows * tiled.w));
                    let x = x.slice(
                        tiled.at(span.n, span.block, span.first, 0),
                        span.rows * tiled.w * LANES,
                    );
                    deinterleave(x, &planes[..tiled.lanes_in(span.block)]);
                }
                _ if same_planes => {
                    let start = tiled.at(span.n, span.block, span.first, 0);
                    copy(
                        x.slice(start, span.rows * tiled.w * LANES),
                        pixels(tiled, span, y),
                    );
                }
                _ => refactor(x, from, y, to, span),
            }
        }
        Ok(())
    }
}

/// Real elements, of a shape that some memory holds.
fn elements(shape: Blocked) -> u64 {
    shape.n as u64 * shape.c as u64 * shape.h as u64 * shape.w as u64
}

fn pixels(shape: Blocked, span: Span, y: Dst) -> Dst {
    y.slice(
        shape.at(span.n, span.block, span.first, 0),
        span.rows * shape.w * LANES,
    )
}

/// Where the span begins in the planes of its channels; the last real one stands in for those past C.
fn plane_starts(shape: Blocked, span: Span) -> [usize; LANES] {
    core::array::from_fn(|lane| {
        let c = (span.block * LANES + lane).min(shape.c - 1);
        (span.n * shape.c + c) * shape.plane_px() + span.first * shape.w
    })
}

/// Blocked to blocked under another factoring: runs that lie in one row of both sides.
fn refactor(x: Src, from: Blocked, y: Dst, to: Blocked, span: Span) {
    for row in span.first..span.first + span.rows {
        for lane in 0..to.lanes_in(span.block) {
            let c = span.block * LANES + lane;
            let first = ((span.n * to.c + c) * to.h + row) * to.w;
            let mut column = 0;
            while column < to.w {
                let (i, from_column) = ((first + column) / from.w, (first + column) % from.w);
                let (i, from_row) = (i / from.h, i % from.h);
                let (from_n, from_c) = (i / from.c, i % from.c);
                let source =
                    from.at(from_n, from_c / LANES, from_row, from_column) + from_c % LANES;
                let target = to.at(span.n, span.block, row, column) + lane;
                let run = (from.w - from_column).min(to.w - column);
                for k in 0..run {
                    y.set(target + k * LANES, x.get(source + k * LANES));
                }
                column += run;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCKED, PLANAR};
    use crate::layout::Blocked;
    use crate::record::{Operand, Reorder, field};
    use crate::testing::{Random, TestPlan};
    use std::vec::Vec;

    fn record(x: Operand, y: Operand, lanes: [u32; 2], from: Blocked, to: Blocked) -> Reorder {
        Reorder {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            x,
            y,
            x_lanes: lanes[0],
            x_n: from.n as u32,
            x_c: from.c as u32,
            x_h: from.h as u32,
            x_w: from.w as u32,
            y_lanes: lanes[1],
            y_n: to.n as u32,
            y_c: to.c as u32,
            y_h: to.h as u32,
            y_w: to.w as u32,
            tile_rows: 2,
        }
    }

    #[test]
    fn any_layout_to_any_other_keeps_the_order_of_the_elements() {
        let factorings = [
            (Blocked::new(1, 1, 1, 1), Blocked::new(1, 1, 1, 1)),
            (Blocked::new(2, 3, 5, 7), Blocked::new(2, 3, 5, 7)),
            (Blocked::new(2, 8, 3, 4), Blocked::new(2, 8, 1, 12)),
            (Blocked::new(2, 6, 5, 4), Blocked::new(3, 5, 2, 8)),
            (Blocked::new(1, 9, 4, 5), Blocked::new(4, 45, 1, 1)),
            (Blocked::new(1, 1, 30, 1), Blocked::new(5, 6, 1, 1)),
        ];
        for (from, to) in factorings.into_iter().flat_map(|(a, b)| [(a, b), (b, a)]) {
            for lanes in [[1, 4], [4, 1], [4, 4], [1, 1]] {
                let len = from.n * from.c * from.h * from.w;
                let values = Random::new(9).floats(len, -1.0, 1.0);
                let mut plan = TestPlan::new();
                let x = match lanes[0] {
                    PLANAR => plan.dense(&values),
                    _ => plan.blocked(&values, from),
                };
                let y = match lanes[1] {
                    PLANAR => plan.room(len),
                    _ => plan.room_blocked(to),
                };
                let done = plan.push(record(x, y, lanes, from, to)).run_everywhere();
                let got: Vec<f32> = match lanes[1] {
                    PLANAR => done.dense(y, len),
                    _ => done.blocked(y, to),
                };
                assert_eq!(got, values, "{lanes:?} {from:?} {to:?}");
            }
        }
    }

    #[test]
    fn sizes_whose_product_leaves_64_bits_are_a_fault() {
        let (huge, one) = (Blocked::new(!0, !0, !0, !0), Blocked::new(1, 1, 1, 1));
        let mut plan = TestPlan::new();
        let x = plan.room(4);
        plan.push(record(x, x, [PLANAR, BLOCKED], huge, one));
        assert_eq!(plan.load().unwrap_err().field, field!(Reorder, x));
    }

    #[test]
    fn another_number_of_elements_is_a_fault() {
        let (from, to) = (Blocked::new(1, 3, 2, 2), Blocked::new(1, 3, 2, 1));
        let mut plan = TestPlan::new();
        let (x, y) = (plan.room_blocked(from), plan.room_blocked(to));
        plan.push(record(x, y, [BLOCKED, BLOCKED], from, to));
        let fault = plan.load().unwrap_err();
        assert_eq!((fault.got, fault.wanted), (6, 12));
    }
}
