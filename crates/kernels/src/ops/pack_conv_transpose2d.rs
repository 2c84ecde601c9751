//! pack_conv_transpose2d: transposed convolution weights to panels, one set a phase, in the order that `phases` counts them.
//! A tile is a panel of every phase.

use crate::mem::{Dst, Memory};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, pack_panel, panel_width};
use crate::micro::phase::{Phase, phases};
use crate::micro::stage::pixel_elems;
use crate::ops::conv::{check_channels, packed_pair};
use crate::ops::{Fault, Op, tile_count, within};
use crate::record::{PackConvTranspose2d, field};

impl PackConvTranspose2d {
    fn operands(&self, memory: &Memory) -> Result<(Dst, Dst), Fault> {
        packed_pair(
            memory,
            (field!(Self, src), self.src),
            (field!(Self, y), self.y),
            Packing::Outputs,
            (self.o, self.c),
            [self.kh, self.kw],
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
        self.operands(memory)?;
        tile_count(field!(Self, o), u64::from(self.o), PANEL_OUTPUTS as u32)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _worker: u32) -> Result<(), Fault> {
        let (src, y) = self.operands(memory)?;
        let (o, c) = (self.o as usize, self.c as usize);
        let (kh, kw) = (self.kh as usize, self.kw as usize);
        let first = tile as usize * PANEL_OUTPUTS;
        let width = panel_width(Packing::Outputs, o, first);
        let outputs = Packing::Outputs.packed_outputs(o);
        for rows in phases(kh, self.stride_h as usize) {
            for cols in phases(kw, self.stride_w as usize) {
                let steps = rows.taps * cols.taps * pixel_elems(c);
                let before = Phase::taps_before(&rows, &cols, kw) * pixel_elems(c);
                let panel = y.slice(before * outputs + first * steps, width * steps);
                let taps = rows
                    .kernel()
                    .flat_map(|ky| cols.kernel().map(move |kx| (ky, kx)));
                let weight = |o_at, i, (ky, kx)| src.get(((i * o + o_at) * kh + ky) * kw + kx);
                pack_panel(Packing::Outputs, (o, c), first, taps, weight, panel);
            }
        }
        Ok(())
    }
}
