//! What an op is: a record that can check itself and run one of its tiles. One op a file.

mod conv;
mod conv2d;
mod conv_depthwise;
mod conv_transpose2d;
mod conv_winograd;
mod convert;
mod epilogue;
mod instance_norm;
mod matmul;
mod move_strided;
mod pack_bias;
mod pack_conv2d;
mod pack_conv_transpose2d;
mod pack_conv_winograd;
mod pack_matmul;
mod pad;
mod partial_moments;
mod pixels_in;
mod pixels_out;
mod pointwise;
mod program;
mod reduce;
mod running_constants;
mod sliding;
mod statistics;

use crate::layout::Blocked;
use crate::mem::{Dst, Memory, Src};
use crate::micro::border::Border;
use crate::micro::winograd::{self, Algorithm2d};
use crate::record::Operand;

/// Coordinates of padded pictures stay below this, so that they fit 32 signed bits with room.
pub(crate) const MOST_COORDINATE: u64 = 1 << 30;

/// A field that cannot be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Index of the field, or `NO_FIELD` when the plan around the record is at fault.
    pub field: u32,
    /// What it held.
    pub got: u32,
    /// What would have been right, a bound of it, or 0.
    pub wanted: u32,
}

impl Fault {
    /// `field` when it is no field of the record.
    pub const NO_FIELD: u32 = u32::MAX;

    /// A field that can't hold `got`, whatever else it might have held.
    pub fn field(field: u32, got: u32) -> Self {
        Self {
            field,
            got,
            wanted: 0,
        }
    }

    /// Something about the plan, not a field.
    pub fn plan(got: u32, wanted: u32) -> Self {
        Self {
            field: Self::NO_FIELD,
            got,
            wanted,
        }
    }
}

/// One op. Made from its record whenever a tile is due: cheap beside any tile.
pub trait Op {
    /// Checks every field and operand; the number of tiles. Sizes are multiplied in 64 bits.
    ///
    /// # Errors
    /// The field that is wrong.
    fn check(&self, memory: &Memory) -> Result<u32, Fault>;

    /// Computes one tile, in any order and on any worker. `scratch` is the record's, this worker's part: what it holds is anything.
    ///
    /// # Errors
    /// An operand that left its region; `check` would have said so.
    fn run_tile(&self, memory: &Memory, tile: u32, scratch: Dst) -> Result<(), Fault>;

    /// Runs once, when all tiles are done, before any later record.
    ///
    /// # Errors
    /// As `run_tile`.
    fn finish(&self, _memory: &Memory) -> Result<(), Fault> {
        Ok(())
    }
}

/// A tensor operand to read, or the fault that names it.
pub(crate) fn src(
    memory: &Memory,
    operand: Operand,
    field: u32,
    shape: Blocked,
) -> Result<Src, Fault> {
    dst(memory, operand, field, shape).map(|view| view.as_src())
}

/// A tensor operand to write, or the fault that names it.
pub(crate) fn dst(
    memory: &Memory,
    operand: Operand,
    field: u32,
    shape: Blocked,
) -> Result<Dst, Fault> {
    let fault = Fault::field(field, operand.0);
    memory
        .dst(operand, shape.len_elems().ok_or(fault)?)
        .ok_or(fault)
}

/// A dense operand of `len_elems` floats.
pub(crate) fn dense(
    memory: &Memory,
    operand: Operand,
    field: u32,
    len_elems: u64,
) -> Result<Dst, Fault> {
    memory.dst(operand, len_elems).ok_or(Fault {
        field,
        got: operand.0,
        wanted: u32::try_from(len_elems).unwrap_or(u32::MAX),
    })
}

/// Sizes multiplied, or the fault that names `field`, which holds `got`.
pub(crate) fn product(field: u32, got: u32, sizes: &[u64]) -> Result<u64, Fault> {
    sizes
        .iter()
        .try_fold(1u64, |product, &size| product.checked_mul(size))
        .ok_or(Fault::field(field, got))
}

/// The border that the field names.
pub(crate) fn border(field: u32, word: u32) -> Result<Border, Fault> {
    Border::from_word(word).ok_or(Fault::field(field, word))
}

/// The algorithm of Winograd's that the field names.
pub(crate) fn winograd_algorithm(field: u32, word: u32) -> Result<&'static Algorithm2d, Fault> {
    winograd::algorithm(word).ok_or(Fault::field(field, word))
}

/// `Ok` when the field holds one of `wanted`.
pub(crate) fn within(
    field: u32,
    got: u32,
    wanted: core::ops::RangeInclusive<u32>,
) -> Result<(), Fault> {
    if wanted.contains(&got) {
        Ok(())
    } else {
        Err(Fault {
            field,
            got,
            wanted: if got < *wanted.start() {
                *wanted.start()
            } else {
                *wanted.end()
            },
        })
    }
}

/// How many tiles of `per_tile` cover `count`.
pub(crate) fn tile_count(field: u32, count: u64, per_tile: u32) -> Result<u32, Fault> {
    within(field, per_tile, 1..=u32::MAX)?;
    u32::try_from(count.div_ceil(u64::from(per_tile))).map_err(|_| Fault {
        field,
        got: per_tile,
        wanted: u32::MAX,
    })
}
