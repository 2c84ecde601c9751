//! pack_conv_transpose2d: transposed convolution weights to panels, one set a phase, in the order that `phases` counts them.
//! A tile is a panel of every phase. Between groups and between the taps of a dilated kernel stand zeros.

use crate::mem::{Dst, Memory};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, pack_panel, panel_width};
use crate::micro::phase::{Phase, phases};
use crate::micro::stage::pixel_elems;
use crate::ops::conv::{check_channels, check_groups, group_starts, packed_pair, packed_sizes};
use crate::ops::{Fault, Op, tile_count, within};
use crate::record::{PackConvTranspose2d, field};

/// Of a tap that is none: a zero between two.
const NO_TAP: usize = usize::MAX;

impl PackConvTranspose2d {
    /// Sizes of the kernel with zeros between its taps.
    fn spread(&self) -> [u64; 2] {
        [(self.kh, self.dilation_h), (self.kw, self.dilation_w)]
            .map(|(k, dilation)| u64::from(k - 1) * u64::from(dilation) + 1)
    }

    fn operands(&self, memory: &Memory) -> Result<(Dst, Dst), Fault> {
        let (o, c) = (self.o, self.c);
        let [outputs, pixel, ..] = packed_sizes(Packing::Outputs, (o, c), [1, 1]);
        let [kh, kw] = self.spread();
        packed_pair(
            memory,
            (
                (field!(Self, src), self.src),
                [c, o / self.groups, self.kh, self.kw],
            ),
            ((field!(Self, y), self.y), [outputs, pixel, kh, kw]),
        )
    }
}

impl Op for PackConvTranspose2d {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        check_channels((field!(Self, c), self.c), (field!(Self, o), self.o), None)?;
        within(field!(Self, kh), self.kh, 1..=u32::MAX)?;
        within(field!(Self, kw), self.kw, 1..=u32::MAX)?;
        within(field!(Self, stride_h), self.stride_h, 1..=u32::MAX)?;
        within(field!(Self, stride_w), self.stride_w, 1..=u32::MAX)?;
        within(field!(Self, dilation_h), self.dilation_h, 1..=u32::MAX)?;
        within(field!(Self, dilation_w), self.dilation_w, 1..=u32::MAX)?;
        check_groups((field!(Self, groups), self.groups), (self.o, self.c))?;
        self.operands(memory)?;
        tile_count(field!(Self, o), u64::from(self.o), PANEL_OUTPUTS as u32)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let (src, y) = self.operands(memory)?;
        let (o, c) = (self.o as usize, self.c as usize);
        let (kh, kw) = (self.kh as usize, self.kw as usize);
        let first = tile as usize * PANEL_OUTPUTS;
        let width = panel_width(Packing::Outputs, o, first);
        let outputs = Packing::Outputs.packed_outputs(o);
        let [spread_h, spread_w] = self.spread().map(|size| size as usize);
        let tap = |k: usize, dilation: u32| match k.is_multiple_of(dilation as usize) {
            true => k / dilation as usize,
            false => NO_TAP,
        };
        let starts = group_starts(first, (self.o, self.c), self.groups);
        let (group_o, group_c) = (o / self.groups as usize, c / self.groups as usize);
        for rows in phases(spread_h, self.stride_h as usize) {
            for cols in phases(spread_w, self.stride_w as usize) {
                let steps = rows.taps * cols.taps * pixel_elems(c);
                let before = Phase::taps_before(&rows, &cols, spread_w) * pixel_elems(c);
                let panel = y.slice(before * outputs + first * steps, width * steps);
                let taps = rows.kernel().flat_map(|ky| {
                    let ky = tap(ky, self.dilation_h);
                    cols.kernel().map(move |kx| (ky, tap(kx, self.dilation_w)))
                });
                let weight = |output: usize, i: usize, (ky, kx)| {
                    let start = starts[output - first];
                    // Before the group it wraps, and is far behind it.
                    if i.wrapping_sub(start) >= group_c || ky == NO_TAP || kx == NO_TAP {
                        return 0.0;
                    }
                    let output = output - start / group_c * group_o;
                    src.get(((i * group_o + output) * kh + ky) * kw + kx)
                };
                pack_panel(Packing::Outputs, (o, c), first, taps, weight, panel);
            }
        }
        Ok(())
    }
}
