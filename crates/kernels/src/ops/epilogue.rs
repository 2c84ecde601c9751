//! The program that the results of a convolution, a matrix product or an instance norm pass before they leave the first caches: its first
//! step in registers where that fits them and results are there (micro/epilogue.rs), the others over each row as soon as it is complete.

use crate::layout::Blocked;
use crate::mem::{Dst, Memory, Src};
use crate::micro::epilogue::{ByBlock, ChannelStep};
use crate::micro::pointwise::{
    Argument, Buffers, Kind, MOST_OPERANDS, Row, STRIP_ELEMS, Step, run, steps,
};
use crate::micro::reach::{reach, span};
use crate::micro::statistics::{add_row, end_rows};
use crate::ops::program::{Steps, channel_step};
use crate::ops::{Fault, dense};
use crate::record::{Epilogue, Operand, Program, given};
use crate::simd::LANES;

/// An operand of the program: all its floats, and how it walks.
#[derive(Clone, Copy)]
struct Input {
    src: Src,
    kind: Kind,
    outer: usize,
    inner: usize,
}

/// How results lie, as a program walks them: `outer` (samples, matrices) times `inner` (channel blocks, rows) times `elems` floats.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) outer: usize,
    pub(crate) inner: usize,
    pub(crate) elems: usize,
    /// Whether the floats are whole vectors of four channels
    pub(crate) vectors: bool,
}

impl From<&Blocked> for Extent {
    fn from(y: &Blocked) -> Self {
        Self {
            outer: y.n,
            inner: y.channel_blocks(),
            elems: y.plane_px() * LANES,
            vectors: true,
        }
    }
}

/// A program, decoded.
pub(crate) struct Passing {
    steps: Steps,
    /// Steps that results pass in registers: the first one or none
    in_registers: usize,
    inputs: [Input; MOST_OPERANDS - 1],
}

impl Epilogue {
    /// Operands 1 to 3 of the program: the word, its field, its steps.
    fn listed(&self) -> [(Operand, u32, [u32; 2]); MOST_OPERANDS - 1] {
        macro_rules! listed {
            ($($name:ident $outer:ident $inner:ident)*) => {
                [$({
                    let (field, operand) = given!(self, Self, $name);
                    (operand, field, [self.$outer, self.$inner])
                }),*]
            };
        }
        listed! {
            operand1 operand1_outer operand1_inner
            operand2 operand2_outer operand2_inner
            operand3 operand3_outer operand3_inner
        }
    }

    /// The program with its operands, for results of this extent.
    #[inline(never)]
    pub(crate) fn passing(
        &self,
        program: &Program,
        memory: &Memory,
        y: (Dst, Extent),
    ) -> Result<Passing, Fault> {
        let listed = self.listed();
        let (y, extent) = y;
        let mut inputs = [Input {
            src: y.as_src(),
            kind: Kind::Absent,
            outer: 0,
            inner: 0,
        }; MOST_OPERANDS - 1];
        let (kinds_field, kinds) = given!(self, Self, operand_kinds);
        for (k, (place, (operand, field, [outer, inner]))) in
            inputs.iter_mut().zip(listed).enumerate()
        {
            if !operand.is_present() {
                continue;
            }
            let fault = Fault::field(kinds_field, kinds);
            let kind = Kind::from_word(kinds >> (4 * k) & 15).ok_or(fault)?;
            // A map has an operand 3 of instance_norm alone.
            if kind == Kind::Affine || kind.is_by_channel() && !extent.vectors {
                return Err(fault);
            }
            let [outer, inner] = [outer, inner].map(|step| step as usize);
            let spans = [span(extent.outer, outer), span(extent.inner, inner)];
            let elems = reach(spans, kind.reach_elems(extent.elems));
            *place = Input {
                src: dense(memory, operand, field, elems)?.as_src(),
                kind,
                outer,
                inner,
            };
        }
        let steps = program.resolve(0, &|k| match k.checked_sub(1) {
            None => Some(Kind::Same),
            Some(k) => inputs
                .get(k)
                .map(|input| input.kind)
                .filter(|&kind| kind != Kind::Absent),
        })?;
        let mut passing = Passing {
            steps,
            in_registers: 0,
            inputs,
        };
        let fits = |first| passing.step_of(first, 0).is_some();
        passing.in_registers = passing.steps.first_alone().is_some_and(fits).into();
        Ok(passing)
    }
}

impl Passing {
    /// The step as registers have it, for sample or matrix `outer`.
    fn step_of(&self, step: &Step, outer: usize) -> Option<ChannelStep> {
        channel_step(step, |k| {
            let Input {
                src,
                kind,
                outer: by_outer,
                inner,
            } = *self.inputs.get(k.checked_sub(1)?)?;
            let from = outer * by_outer;
            match kind {
                Kind::Number if inner == 0 => Some(ByBlock::Number(src.get(from))),
                Kind::Vector => Some(ByBlock::Vectors {
                    src: src.slice(from, src.len() - from),
                    step: inner,
                }),
                _ => None,
            }
        })
    }

    /// What results of sample or matrix `outer` pass in registers.
    pub(crate) fn step(&self, outer: usize) -> ChannelStep {
        self.steps.as_slice()[..self.in_registers]
            .first()
            .and_then(|first| self.step_of(first, outer))
            .unwrap_or(ChannelStep::Nothing)
    }

    /// All steps, after an affine map with what lies in `map` as operand 3. `None` where the program has an operand 3, or no room.
    pub(crate) fn after_affine(&self, map: Src) -> Option<Self> {
        let mut inputs = self.inputs;
        let third = inputs.last_mut()?;
        if third.kind != Kind::Absent {
            return None;
        }
        *third = Input {
            src: map,
            kind: Kind::Affine,
            outer: 0,
            inner: 0,
        };
        let affine = Step {
            code: const { steps::code_of("affine") },
            arguments: [Argument::Operand(3), Argument::Number(0.0)],
        };
        Some(Self {
            steps: self.steps.after(affine)?,
            in_registers: 0,
            inputs,
        })
    }

    /// Whether rows of `elems` floats that follow each other are as good as one for all operands.
    pub(crate) fn rows_follow(&self, elems: usize) -> bool {
        self.inputs.iter().all(|input| match input.kind {
            Kind::Same => input.inner == elems,
            _ => input.inner == 0,
        })
    }

    /// Whether results stay as they are.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.as_slice().is_empty()
    }

    fn rest(&self) -> &[Step] {
        &self.steps.as_slice()[self.in_registers..]
    }

    /// The other steps, for a part of row `inner` of `outer` from float `at` on.
    #[inline(always)]
    pub(crate) fn row(&self, place: (usize, usize), at: usize, y: Dst, buffers: &mut Buffers) {
        if !self.rest().is_empty() {
            self.run(place, at, (y.as_src(), y), buffers);
        }
    }

    /// As `row`, of `x`, which y may be.
    #[inline(never)]
    pub(crate) fn run(
        &self,
        (outer, inner): (usize, usize),
        at: usize,
        (x, y): (Src, Dst),
        buffers: &mut Buffers,
    ) {
        for from in (0..y.len()).step_by(STRIP_ELEMS) {
            let y = y.slice(from, STRIP_ELEMS.min(y.len() - from));
            let x = x.slice(from, y.len());
            let rows: [Row; MOST_OPERANDS] = core::array::from_fn(|k| {
                let Some(input) = k.checked_sub(1).map(|k| self.inputs[k]) else {
                    return Row {
                        src: x,
                        kind: Kind::Same,
                    };
                };
                let along = input.kind.along(at + from);
                let start = outer * input.outer + inner * input.inner + along;
                Row {
                    src: input.src.slice(start, input.kind.reach_elems(y.len())),
                    kind: input.kind,
                }
            });
            run(self.rest(), &rows, y, buffers);
        }
    }
}

/// What is done to a tile's rectangle of y, once its results have passed registers.
pub(crate) struct Finish<'a> {
    pub(crate) passing: &'a Passing,
    pub(crate) buffers: &'a mut Buffers,
    /// Where the moments of y go, where they are asked for
    pub(crate) moments: Option<Dst>,
    pub(crate) y: Dst,
    pub(crate) y_shape: &'a Blocked,
    pub(crate) n: usize,
    /// First and last (exclusive)
    pub(crate) blocks: (usize, usize),
    pub(crate) cols: (usize, usize),
    /// Tiles of a plane, and which of them this is
    pub(crate) parts: usize,
    pub(crate) part: usize,
}

impl Finish<'_> {
    fn index(&self, block: usize) -> usize {
        (self.n * self.y_shape.channel_blocks() + block) * self.parts + self.part
    }

    /// Row `row` of y is complete.
    pub(crate) fn row(&mut self, row: usize, is_first: bool) {
        for block in self.blocks.0..self.blocks.1 {
            let at = self.y_shape.at(self.n, block, row, self.cols.0);
            let y = self.y.slice(at, (self.cols.1 - self.cols.0) * LANES);
            let at = (row * self.y_shape.w + self.cols.0) * LANES;
            self.passing.row((self.n, block), at, y, self.buffers);
            if let Some(moments) = self.moments {
                add_row(moments, self.index(block), y.as_src(), is_first);
            }
        }
    }

    /// After `rows` rows.
    pub(crate) fn end(&self, rows: usize) {
        let Some(moments) = self.moments else { return };
        for block in self.blocks.0..self.blocks.1 {
            let pixels = rows * (self.cols.1 - self.cols.0);
            end_rows(moments, self.index(block), pixels);
        }
    }
}
