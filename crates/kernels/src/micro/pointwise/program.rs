//! What a program is told: its steps, and how rows of its operands serve a row of y.

use crate::mem::Src;
use crate::simd::LANES;

/// How a row of an operand serves a row of y.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A float for each of y's.
    Same,
    /// One vector for all.
    Vector,
    /// The first float of each vector, for all its lanes.
    First,
    /// One float for all.
    Number,
    /// Three vectors for all: m, s and b of an affine map of four channels.
    Affine,
    /// None: there is no such operand, and no step names it.
    Absent,
}

impl Kind {
    /// Whether y's floats must be whole vectors of four channels.
    pub const fn is_by_channel(self) -> bool {
        matches!(self, Self::Vector | Self::First | Self::Affine)
    }
    /// How far into a row of its a float of y's is, `at` floats from the row's first.
    pub const fn along(self, at: usize) -> usize {
        match self {
            Self::Same | Self::First => at,
            Self::Vector | Self::Number | Self::Affine | Self::Absent => 0,
        }
    }
    /// From a record's bits; `None` if there is no such kind.
    pub const fn from_word(word: u32) -> Option<Self> {
        match word {
            0 => Some(Self::Same),
            1 => Some(Self::Vector),
            2 => Some(Self::First),
            3 => Some(Self::Number),
            4 => Some(Self::Affine),
            _ => None,
        }
    }
    /// Floats that `elems` of y need.
    pub const fn reach_elems(self, elems: usize) -> usize {
        match self {
            Self::Same | Self::First => elems,
            Self::Vector => LANES,
            Self::Number => 1,
            Self::Affine => 3 * LANES,
            Self::Absent => 0,
        }
    }
}

/// An operand's part of a strip.
#[derive(Clone, Copy)]
pub struct Row {
    /// From its first float.
    pub src: Src,
    /// How it serves y.
    pub kind: Kind,
}

/// Where a step's argument comes from.
#[derive(Clone, Copy)]
pub enum Argument {
    /// The same number everywhere.
    Number(f32),
    /// An operand by its index.
    Operand(usize),
}

/// A step and its arguments; of a step that takes fewer than two the rest is not read.
#[derive(Clone, Copy)]
pub struct Step {
    /// One of [`steps::LISTINGS`].
    pub code: u32,
    /// Besides acc.
    pub arguments: [Argument; 2],
}
