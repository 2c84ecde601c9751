//! Programs of records: words to steps, whose operands are there.

use crate::micro::epilogue::{ByBlock, ChannelStep};
use crate::micro::pointwise::{Argument, Kind, MOST_STEPS, Step, steps};
use crate::ops::{Fault, within};
use crate::record::{Program, given};

/// The steps of a program.
#[derive(Clone, Copy)]
pub(crate) struct Steps {
    all: [Step; MOST_STEPS],
    count: usize,
}

impl Steps {
    pub(crate) fn as_slice(&self) -> &[Step] {
        &self.all[..self.count]
    }

    /// The first step, where no other asks for what it began with.
    pub(crate) fn first_alone(&self) -> Option<&Step> {
        let (first, others) = self.as_slice().split_first()?;
        let asks = |argument| matches!(argument, Argument::Operand(0));
        let mut arguments = others.iter().flat_map(|step| step.arguments);
        (!arguments.any(asks)).then_some(first)
    }

    /// With another step before them, if there is room.
    pub(crate) fn after(&self, first: Step) -> Option<Self> {
        let mut all = self.all;
        all.rotate_right(1);
        all[0] = first;
        (self.count < MOST_STEPS).then_some(Self {
            all,
            count: self.count + 1,
        })
    }
}

impl Program {
    /// At least `least` steps; `kind_of` says what an operand is, if it is there.
    #[inline(never)]
    pub(crate) fn resolve(
        &self,
        least: u32,
        kind_of: &dyn Fn(usize) -> Option<Kind>,
    ) -> Result<Steps, Fault> {
        let (field, count) = given!(self, Self, steps);
        within(field, count, least..=MOST_STEPS as u32)?;
        macro_rules! words {
            ($($word:ident $first:ident $second:ident)*) => {
                [$((given!(self, Self, $word), [self.$first, self.$second])),*]
            };
        }
        let words = words! {
            step0 step0_first step0_second
            step1 step1_first step1_second
            step2 step2_first step2_second
            step3 step3_first step3_second
            step4 step4_first step4_second
            step5 step5_first step5_second
            step6 step6_first step6_second
            step7 step7_first step7_second
        };
        let mut all = [Step {
            code: 0,
            arguments: [Argument::Number(0.0); 2],
        }; MOST_STEPS];
        let count = count as usize;
        for (step, ((field, word), numbers)) in all.iter_mut().zip(words).take(count) {
            let fault = Fault::field(field, word);
            step.code = word & 255;
            let listing = steps::listing(step.code).ok_or(fault)?;
            for (index, number) in numbers.into_iter().enumerate() {
                let source = (word >> (8 + 8 * index) & 255) as usize;
                let kind = match source.checked_sub(1) {
                    None => Kind::Number,
                    Some(_) if index >= listing.arguments => return Err(fault),
                    Some(k) => kind_of(k).ok_or(fault)?,
                };
                let is_map = index == 0 && listing.is_affine;
                if is_map != (kind == Kind::Affine) {
                    return Err(fault);
                }
                step.arguments[index] = match source {
                    0 => Argument::Number(number),
                    _ => Argument::Operand(source - 1),
                };
            }
        }
        Ok(Steps { all, count })
    }
}

/// The step as registers have it, if it fits them; `by_block` says where an operand stands as a slope.
pub(crate) fn channel_step(
    step: &Step,
    by_block: impl Fn(usize) -> Option<ByBlock>,
) -> Option<ChannelStep> {
    const RELU: u32 = steps::code_of("relu");
    const LEAKY_RELU: u32 = steps::code_of("leaky_relu");
    const CLAMP: u32 = steps::code_of("clamp");
    match (step.code, step.arguments) {
        (RELU, _) => Some(ChannelStep::Relu),
        (LEAKY_RELU, [slope, _]) => {
            let slope = match slope {
                Argument::Number(slope) => ByBlock::Number(slope),
                Argument::Operand(k) => by_block(k)?,
            };
            Some(ChannelStep::LeakyRelu(slope))
        }
        (CLAMP, [Argument::Number(least), Argument::Number(most)]) => {
            Some(ChannelStep::Clamp(least, most))
        }
        _ => None,
    }
}

#[cfg(test)]
impl Program {
    /// Of so many steps: words, and numbers beside them.
    pub(crate) fn of(steps: usize, words: &[(u32, [f32; 2]); MOST_STEPS]) -> Self {
        let mut program = Self {
            steps: steps as u32,
            ..Self::default()
        };
        macro_rules! set {
            ($($index:literal $step:ident $first:ident $second:ident)*) => {
                $((program.$step, [program.$first, program.$second]) = words[$index];)*
            };
        }
        set! {
            0 step0 step0_first step0_second
            1 step1 step1_first step1_second
            2 step2 step2_first step2_second
            3 step3 step3_first step3_second
            4 step4 step4_first step4_second
            5 step5 step5_first step5_second
            6 step6 step6_first step6_second
            7 step7 step7_first step7_second
        }
        program
    }
}
