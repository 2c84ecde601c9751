//! pack_conv2d: convolution weights to panels. A tile is a panel.

use crate::mem::{Dst, Memory};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, pack_panel, panel_width};
use crate::micro::stage::pixel_elems;
use crate::ops::{Fault, Op, dense, product, tile_count, within};
use crate::record::{PackConv2d, field};

impl PackConv2d {
    fn packing(&self) -> Result<Packing, Fault> {
        Packing::from_word(self.packing, self.c as usize, self.o as usize).ok_or(Fault {
            field: field!(Self, packing),
            got: self.packing,
            wanted: 0,
        })
    }

    fn operands(&self, memory: &Memory, packing: Packing) -> Result<(Dst, Dst), Fault> {
        let taps = [u64::from(self.kh), u64::from(self.kw)];
        let raw = [u64::from(self.o), u64::from(self.c), taps[0], taps[1]];
        let (o, c) = (self.o as usize, self.c as usize);
        let packed = [
            packing.packed_outputs(o) as u64,
            pixel_elems(c) as u64,
            taps[0],
            taps[1],
        ];
        let (src, y) = (field!(Self, src), field!(Self, y));
        Ok((
            dense(memory, self.src, src, product(src, self.src.0, &raw)?)?,
            dense(memory, self.y, y, product(y, self.y.0, &packed)?)?,
        ))
    }
}

impl Op for PackConv2d {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(Self, o), self.o, 1..=u32::MAX / 16)?;
        within(field!(Self, c), self.c, 1..=u32::MAX / 16)?;
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
