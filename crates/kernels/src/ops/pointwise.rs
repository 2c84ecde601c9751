//! pointwise: a program of a few steps, element by element, over up to four operands, each of y's shape or repeated along any axes; also in
//! place, where an operand lies as y does.
//!
//! Rows of y are the unit of addresses, strips of them the unit of work: a tile is some strips, one after the other.

use crate::mem::{Dst, Memory, Src};
use crate::micro::pointwise::{Buffers, Kind, MOST_OPERANDS, Row, STRIP_ELEMS, run};
use crate::micro::reach::{reach, span};
use crate::ops::program::Steps;
use crate::ops::{Fault, Op, dense, product, tile_count, within};
use crate::record::{Operand, Pointwise, field};
use crate::simd::LANES;

/// An operand: all its floats, and how it walks along rows.
#[derive(Clone, Copy)]
struct Input {
    src: Src,
    kind: Kind,
    steps: [u32; 5],
}

impl Input {
    /// Its first float of a row.
    fn start(&self, row: &[usize; 5]) -> usize {
        row.iter()
            .zip(self.steps)
            .map(|(&i, step)| i * step as usize)
            .sum()
    }

    /// `elems` floats of y from `column` of the row on.
    fn row(&self, start: usize, column: usize, elems: usize) -> Row {
        let along = self.kind.along(column);
        Row {
            src: self.src.slice(start + along, self.kind.reach_elems(elems)),
            kind: self.kind,
        }
    }
}

impl Pointwise {
    fn sizes(&self) -> [u32; 5] {
        [self.d0, self.d1, self.d2, self.d3, self.d4]
    }

    fn strips_of_row(&self) -> usize {
        (self.row_elems as usize).div_ceil(STRIP_ELEMS)
    }

    /// Operands by number: the word, its field, its steps.
    fn listed(&self) -> [(Operand, u32, [u32; 5]); MOST_OPERANDS] {
        macro_rules! listed {
            ($($name:ident: $($step:ident)*;)*) => {
                [$((self.$name, field!(Pointwise, $name), [$(self.$step),*])),*]
            };
        }
        listed! {
            a: a_step0 a_step1 a_step2 a_step3 a_step4;
            b: b_step0 b_step1 b_step2 b_step3 b_step4;
            c: c_step0 c_step1 c_step2 c_step3 c_step4;
            d: d_step0 d_step1 d_step2 d_step3 d_step4;
        }
    }

    /// The operands. Those that are not there lie where y does, and are read by nobody.
    #[inline(never)]
    fn operands(&self, memory: &Memory) -> Result<([Input; MOST_OPERANDS], Dst), Fault> {
        let sizes = self.sizes();
        let rows = product(field!(Pointwise, d0), self.d0, &sizes.map(u64::from))?;
        let len_elems = product(
            field!(Pointwise, row_elems),
            self.row_elems,
            &[rows, u64::from(self.row_elems)],
        )?;
        let y = dense(memory, self.y, field!(Pointwise, y), len_elems)?;
        let listed = self.listed();
        let input = |index: usize| {
            let (operand, field, steps) = listed[index];
            let kinds = Fault::field(field!(Pointwise, kinds), self.kinds);
            let kind = Kind::from_word(self.kinds >> (4 * index) & 15).ok_or(kinds)?;
            let is_vectors = (self.row_elems as usize).is_multiple_of(LANES);
            if kind.is_by_channel() && !is_vectors {
                return Err(kinds);
            }
            let spans = core::array::from_fn::<_, 5, _>(|axis| {
                span(sizes[axis] as usize, steps[axis] as usize)
            });
            let elems = reach(spans, kind.reach_elems(self.row_elems as usize));
            Ok(Input {
                src: dense(memory, operand, field, elems)?.as_src(),
                kind,
                steps,
            })
        };
        let mut inputs = [Input {
            src: y.as_src(),
            kind: Kind::Absent,
            steps: [0; 5],
        }; MOST_OPERANDS];
        for (index, place) in inputs.iter_mut().enumerate() {
            if index == 0 || listed[index].0.is_present() {
                *place = input(index)?;
            }
        }
        Ok((inputs, y))
    }

    fn steps(&self) -> Result<Steps, Fault> {
        self.program.resolve(1, &|k| {
            let (operand, ..) = *self.listed().get(k)?;
            let kind = Kind::from_word(self.kinds >> (4 * k) & 15)?;
            operand.is_present().then_some(kind)
        })
    }
}

impl Op for Pointwise {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(Pointwise, row_elems), self.row_elems, 1..=u32::MAX)?;
        let (_, y) = self.operands(memory)?;
        self.steps()?;
        let rows = (y.len() / self.row_elems as usize) as u64;
        tile_count(
            field!(Pointwise, tile_strips),
            rows * self.strips_of_row() as u64,
            self.tile_strips,
        )
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let (inputs, y) = self.operands(memory)?;
        let program = self.steps()?;
        let mut buffers = Buffers::new();
        let row_elems = self.row_elems as usize;
        let per_row = self.strips_of_row();
        let rows = y.len() / row_elems;
        let first = tile as usize * self.tile_strips as usize;
        let end = (first + self.tile_strips as usize).min(rows * per_row);
        let mut starts = [0; MOST_OPERANDS];
        let mut row = usize::MAX;
        for strip in first..end {
            if strip / per_row != row {
                row = strip / per_row;
                let at = split(row, self.sizes());
                starts = inputs.map(|input| input.start(&at));
            }
            let column = (strip - row * per_row) * STRIP_ELEMS;
            let elems = STRIP_ELEMS.min(row_elems - column);
            let operands = core::array::from_fn(|k| inputs[k].row(starts[k], column, elems));
            let to = y.slice(row * row_elems + column, elems);
            run(program.as_slice(), &operands, to, &mut buffers);
        }
        Ok(())
    }
}

/// Where in each axis a row is.
fn split(row: usize, sizes: [u32; 5]) -> [usize; 5] {
    let mut at = [0; 5];
    let mut rest = row;
    for axis in (0..5).rev() {
        if rest == 0 {
            break;
        }
        at[axis] = rest % sizes[axis] as usize;
        rest /= sizes[axis] as usize;
    }
    at
}

#[cfg(test)]
mod tests;
