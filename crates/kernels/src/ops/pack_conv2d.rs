//! pack_conv2d: convolution weights to panels. A tile is a panel.

use crate::mem::{Dst, Memory};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, pack_panel, panel_width};
use crate::micro::stage::pixel_elems;
use crate::ops::conv::{check_channels, packed_pair};
use crate::ops::{Fault, Op, tile_count, within};
use crate::record::{PackConv2d, field};

impl PackConv2d {
    fn packing(&self) -> Result<Packing, Fault> {
        Packing::from_word(self.packing, self.c as usize, self.o as usize)
            .ok_or(Fault::field(field!(Self, packing), self.packing))
    }

    fn operands(&self, memory: &Memory, packing: Packing) -> Result<(Dst, Dst), Fault> {
        packed_pair(
            memory,
            (field!(Self, src), self.src),
            (field!(Self, y), self.y),
            packing,
            (self.o, self.c),
            [self.kh, self.kw],
        )
    }
}

impl Op for PackConv2d {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        check_channels((field!(Self, c), self.c), (field!(Self, o), self.o), None)?;
        within(field!(Self, kh), self.kh, 1..=u32::MAX)?;
        within(field!(Self, kw), self.kw, 1..=u32::MAX)?;
        self.operands(memory, self.packing()?)?;
        tile_count(field!(Self, o), u64::from(self.o), PANEL_OUTPUTS as u32)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _worker: u32) -> Result<(), Fault> {
        let packing = self.packing()?;
        let (src, y) = self.operands(memory, packing)?;
        let (o, c) = (self.o as usize, self.c as usize);
        let (kh, kw) = (self.kh as usize, self.kw as usize);
        let first = tile as usize * PANEL_OUTPUTS;
        let steps = pixel_elems(c) * kh * kw;
        let panel = y.slice(first * steps, panel_width(packing, o, first) * steps);
        let taps = (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx)));
        let weight = |o, i, (ky, kx)| src.get(((o * c + i) * kh + ky) * kw + kx);
        pack_panel(packing, (o, c), first, taps, weight, panel);
        Ok(())
    }
}
