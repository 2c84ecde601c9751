//! Convolution weights in the order that the register tiles read them. Outputs come in panels: of 8, and the last of 4 where no
//! more than 4 are left; few outputs make one panel of vectors of input channels. Within a panel: tap, channel, output.

use super::dot_tile::MOST_OUTPUTS;
use super::stage::pixel_elems;
use crate::mem::Dst;
use crate::simd::LANES;

/// Outputs of a whole panel.
pub const PANEL_OUTPUTS: usize = 8;

/// How weights are packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// Panels of 8 outputs, for `conv_tile`
    Outputs,
    /// One panel of at most 3 outputs, for `dot_tile`
    Inputs,
}

impl Packing {
    /// From a record's field; `None` if there is no such packing or it can't serve so many channels.
    pub fn from_word(word: u32, c: usize, o: usize) -> Option<Self> {
        match word {
            0 => Some(Self::Outputs),
            1 if c >= LANES && o <= MOST_OUTPUTS => Some(Self::Inputs),
            _ => None,
        }
    }

    /// Outputs that are packed, those past `o` as zeros.
    pub fn packed_outputs(self, o: usize) -> usize {
        match self {
            Self::Outputs => o.next_multiple_of(LANES),
            Self::Inputs => o,
        }
    }
}

/// Outputs that are stored together in the panel which begins with output `first`: 8 or 4, or all of few.
pub fn panel_width(packing: Packing, o: usize, first: usize) -> usize {
    PANEL_OUTPUTS.min(packing.packed_outputs(o) - first)
}

/// Packs the panel that begins with output `first`. `taps` are (kernel row, kernel column) in the order they are read;
/// `weight(output, channel, tap)` is one weight. Fills `y`, which holds just this panel.
pub fn pack_panel(
    packing: Packing,
    (o, c): (usize, usize),
    first: usize,
    taps: impl Iterator<Item = (usize, usize)>,
    weight: impl Fn(usize, usize, (usize, usize)) -> f32,
    y: Dst,
) {
    let width = panel_width(packing, o, first);
    let get = |output: usize, channel: usize, tap| {
        if output < o && channel < c {
            weight(output, channel, tap)
        } else {
            0.0
        }
    };
    let mut at = 0;
    for tap in taps {
        match packing {
            Packing::Outputs => {
                for channel in 0..pixel_elems(c) {
                    for i in 0..width {
                        y.set(at, get(first + i, channel, tap));
                        at += 1;
                    }
                }
            }
            Packing::Inputs => {
                for block in (0..pixel_elems(c)).step_by(LANES) {
                    for output in first..first + width {
                        for lane in 0..LANES {
                            y.set(at, get(output, block + lane, tap));
                            at += 1;
                        }
                    }
                }
            }
        }
    }
}
