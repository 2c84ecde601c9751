//! What convolution and transposed convolution share: their operands, those of the ops that pack their weights, and the part of
//! `check` that does not ask how a tile walks. Channels, panels and tiles are checked alike in matrix products.

use crate::layout::Blocked;
use crate::mem::{Dst, Memory, Src};
use crate::micro::epilogue::ChannelStep;
use crate::micro::load::Loads;
use crate::micro::panels::{PANEL_OUTPUTS, Packing};
use crate::micro::pointwise::{Argument, Step};
use crate::micro::stage::pixel_elems;
use crate::micro::statistics::Moments;
use crate::ops::epilogue::{Extent, Passing};
use crate::ops::program::channel_step;
use crate::ops::{self, Fault, dense, product, tile_count, within};
use crate::record::{Epilogue, Frame, Loading, Operand, Program, given};
use crate::simd::LANES;

/// A field: its index, and the word in it.
pub(crate) type Given<T = u32> = (u32, T);

/// Views on a record's operands.
pub(crate) struct Operands {
    pub(crate) x: Src,
    pub(crate) weight: Src,
    pub(crate) bias: Option<Src>,
    pub(crate) y: Dst,
    pub(crate) moments: Option<Dst>,
    pub(crate) passing: Passing,
    map: Option<Map>,
}

/// What happens to x as it is loaded: constants of all samples, or of one for all, and a step.
struct Map {
    constants: Src,
    /// 3 (m, s, b) or 1 (s) a channel block
    vectors: usize,
    /// Floats of a sample
    sample_elems: usize,
    shared: bool,
    step: ChannelStep,
}

impl Frame {
    pub(crate) fn x_shape(&self) -> Blocked {
        Blocked::new(self.n, self.c, self.h, self.w)
    }

    pub(crate) fn y_shape(&self) -> Blocked {
        Blocked::new(self.n, self.o, self.out_h, self.out_w)
    }

    /// Its channels, and tiles of whole panels.
    pub(crate) fn check(&self, tile_o: Option<Given>) -> Result<(), Fault> {
        check_channels(given!(self, Self, c), given!(self, Self, o), tile_o)
    }

    /// The operands, of weights whose length is the product of `weight_sizes` (`packed_sizes`, or those of another form), and of a y
    /// whose planes have `parts` tiles.
    pub(crate) fn operands(
        &self,
        memory: &Memory,
        (weight_sizes, parts): ([u64; 4], u64),
        loading: &Loading,
        (program, epilogue): (&Program, &Epilogue),
    ) -> Result<Operands, Fault> {
        let (x_shape, y_shape) = (self.x_shape(), self.y_shape());
        let (weight_field, weight) = given!(self, Self, weight);
        let weight_elems = product(weight_field, weight.0, &weight_sizes)?;
        let (field, x) = given!(self, Self, x);
        let x = ops::src(memory, x, field, x_shape)?;
        let (field, y) = given!(self, Self, y);
        let y = ops::dst(memory, y, field, y_shape)?;
        let (field, bias) = given!(self, Self, bias);
        let padded_o = y_shape.c.next_multiple_of(PANEL_OUTPUTS) as u64;
        let extent = (y, Extent::from(&y_shape));
        let passing = epilogue.passing(program, memory, extent)?;
        Ok(Operands {
            x,
            weight: dense(memory, weight, weight_field, weight_elems)?.as_src(),
            bias: match bias.is_present() {
                true => Some(dense(memory, bias, field, padded_o)?.as_src()),
                false => None,
            },
            y,
            moments: self.moments(memory, parts)?,
            passing,
            map: loading.map(memory, x_shape)?,
        })
    }

    fn moments(&self, memory: &Memory, parts: u64) -> Result<Option<Dst>, Fault> {
        let (field, moments) = given!(self, Self, moments);
        if !moments.is_present() {
            return Ok(None);
        }
        let y = self.y_shape();
        let [n, blocks] = [y.n, y.channel_blocks()].map(|size| size as u64);
        let sizes = [n, blocks, parts, Moments::PARTIAL_ELEMS as u64];
        let len = product(field, moments.0, &sizes)?;
        dense(memory, moments, field, len).map(Some)
    }
}

impl Loading {
    fn map(&self, memory: &Memory, x: Blocked) -> Result<Option<Map>, Fault> {
        let (field, constants) = given!(self, Self, constants);
        if !constants.is_present() {
            return Ok(None);
        }
        let (n_field, constants_n) = given!(self, Self, constants_n);
        if constants_n != 1 {
            let n = x.n as u32;
            within(n_field, constants_n, n..=n)?;
        }
        let (vectors_field, vectors) = given!(self, Self, constants_vectors);
        if vectors != 1 {
            within(vectors_field, vectors, 3..=3)?;
        }
        let sample_elems = x.channel_blocks() * vectors as usize * LANES;
        let sizes = [constants_n.into(), sample_elems as u64];
        let len = product(field, constants.0, &sizes)?;
        Ok(Some(Map {
            constants: dense(memory, constants, field, len)?.as_src(),
            vectors: vectors as usize,
            sample_elems,
            shared: constants_n == 1,
            step: self.step()?,
        }))
    }

    fn step(&self) -> Result<ChannelStep, Fault> {
        let (field, count) = given!(self, Self, load_steps);
        within(field, count, 0..=1)?;
        if count == 0 {
            return Ok(ChannelStep::Nothing);
        }
        let (field, code) = given!(self, Self, load_step);
        let arguments = [self.load_first, self.load_second].map(Argument::Number);
        match channel_step(&Step { code, arguments }, |_| None) {
            Some(step) if step.keeps_zero() => Ok(step),
            _ => Err(Fault::field(field, code)),
        }
    }
}

impl Operands {
    /// What happens to the pixels of sample `n` as they are loaded.
    pub(crate) fn load(&self, n: usize) -> Loads {
        self.map.as_ref().map_or(Loads::Plain, |map| {
            let at = if map.shared { 0 } else { n * map.sample_elems };
            let constants = map.constants.slice(at, map.sample_elems);
            Loads::new(constants, map.vectors, map.step)
        })
    }
}

/// Sizes of the packed weights of `o` outputs and `c` inputs.
pub(crate) fn packed_sizes(packing: Packing, (o, c): (u32, u32), [kh, kw]: [u32; 2]) -> [u64; 4] {
    [
        packing.packed_outputs(o as usize) as u64,
        pixel_elems(c as usize) as u64,
        u64::from(kh),
        u64::from(kw),
    ]
}

/// Source and target of an op that packs weights, and the product of each one's sizes.
pub(crate) fn packed_pair(
    memory: &Memory,
    (src, raw): (Given<Operand>, [u32; 4]),
    (y, packed): (Given<Operand>, [u64; 4]),
) -> Result<(Dst, Dst), Fault> {
    let raw_elems = product(src.0, src.1.0, &raw.map(u64::from))?;
    let packed_elems = product(y.0, y.1.0, &packed)?;
    Ok((
        dense(memory, src.1, src.0, raw_elems)?,
        dense(memory, y.1, y.0, packed_elems)?,
    ))
}

/// Numbers of channels that sizes are computed of without a check, and tiles of whole panels.
pub(crate) fn check_channels(c: Given, o: Given, tile_o: Option<Given>) -> Result<(), Fault> {
    within(c.0, c.1, 1..=u32::MAX / 16)?;
    within(o.0, o.1, 1..=u32::MAX / 16)?;
    let Some((field, tile_o)) = tile_o else {
        return Ok(());
    };
    within(field, tile_o, PANEL_OUTPUTS as u32..=u32::MAX)?;
    match tile_o.is_multiple_of(PANEL_OUTPUTS as u32) {
        true => Ok(()),
        false => Err(Fault::field(field, tile_o)),
    }
}

/// Groups that divide the channels on both sides.
pub(crate) fn check_groups(groups: Given, (o, c): (u32, u32)) -> Result<(), Fault> {
    within(groups.0, groups.1, 1..=o.min(c))?;
    match o.is_multiple_of(groups.1) && c.is_multiple_of(groups.1) {
        true => Ok(()),
        false => Err(Fault::field(groups.0, groups.1)),
    }
}

/// Groups that a kernel computes apart from each other: of whole channel blocks, unless there is one.
pub(crate) fn check_packed_groups(groups: Given, (o, c): (u32, u32)) -> Result<(), Fault> {
    check_groups(groups, (o, c))?;
    let blocks = [o, c].map(|channels| (channels / groups.1).is_multiple_of(LANES as u32));
    match groups.1 == 1 || blocks == [true; 2] {
        true => Ok(()),
        false => Err(Fault::field(groups.0, groups.1)),
    }
}

/// Of each of a panel's outputs, which begins with output `first`, the first input channel of its group of `c / groups`.
pub(crate) fn group_starts(
    first: usize,
    (o, c): (u32, u32),
    groups: u32,
) -> [usize; PANEL_OUTPUTS] {
    core::array::from_fn(|i| {
        let group = (first + i) as u32 / (o / groups);
        (group * (c / groups)) as usize
    })
}

/// Scratch of `scratch_bytes` holds the pixels that a tile stages, `rows` x `cols` of `c` channels.
pub(crate) fn check_scratch(
    scratch_bytes: u32,
    tile_cols: Given,
    (rows, cols): (u64, u64),
    c: u32,
) -> Result<(), Fault> {
    let pixel = pixel_elems(c as usize) as u64;
    let staged = product(tile_cols.0, tile_cols.1, &[rows, cols, pixel, 4])?;
    if u64::from(scratch_bytes) < staged {
        let staged = u32::try_from(staged).unwrap_or(u32::MAX);
        return Err(Fault::plan(scratch_bytes, staged));
    }
    Ok(())
}

/// Tiles of `n` samples by a grid of rows, columns, output channels.
pub(crate) fn tiles(
    tile_rows: Given,
    n: u32,
    (rows, cols, outputs): (u32, u32, u32),
) -> Result<u32, Fault> {
    let tiles = [n, rows, cols, outputs].map(u64::from);
    tile_count(tile_rows.0, product(tile_rows.0, tile_rows.1, &tiles)?, 1)
}

/// From and to (exclusive) of part `i` of `all` things, `size` to a part.
pub(crate) fn part(i: u32, size: u32, all: u32) -> (usize, usize) {
    let end = i.saturating_add(1).saturating_mul(size);
    ((i * size) as usize, end.min(all) as usize)
}

#[cfg(test)]
pub(crate) mod fault_tests;
#[cfg(test)]
pub(crate) mod tests;
