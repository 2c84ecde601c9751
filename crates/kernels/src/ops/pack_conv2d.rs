//! pack_conv2d: convolution weights to panels. A tile is a panel.

use crate::mem::{Dst, Memory};
use crate::micro::panels::{PANEL_OUTPUTS, Packing, pack_panel, panel_width};
use crate::micro::stage::pixel_elems;
use crate::ops::conv::{
    check_channels, check_groups, check_packed_groups, group_starts, packed_pair, packed_sizes,
};
use crate::ops::{Fault, Op, within};
use crate::record::{PackConv2d, field};

impl PackConv2d {
    /// Input and output channels of a group as it is packed.
    fn packed_group(&self) -> (u32, u32) {
        (self.c / self.packed_groups, self.o / self.packed_groups)
    }

    fn packing(&self) -> Result<Packing, Fault> {
        let (c, _) = self.packed_group();
        Packing::from_word(self.packing, c as usize, self.o as usize)
            .ok_or(Fault::field(field!(Self, packing), self.packing))
    }

    fn operands(&self, memory: &Memory, packing: Packing) -> Result<(Dst, Dst), Fault> {
        let (o, c) = (self.o, self.c / self.groups);
        let kernel = [self.kh, self.kw];
        let packed = packed_sizes(packing, (o, self.packed_group().0), kernel);
        packed_pair(
            memory,
            ((field!(Self, src), self.src), [o, c, self.kh, self.kw]),
            ((field!(Self, y), self.y), packed),
        )
    }
}

impl Op for PackConv2d {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        check_channels((field!(Self, c), self.c), (field!(Self, o), self.o), None)?;
        within(field!(Self, kh), self.kh, 1..=u32::MAX)?;
        within(field!(Self, kw), self.kw, 1..=u32::MAX)?;
        check_groups((field!(Self, groups), self.groups), (self.o, self.c))?;
        let packed = (field!(Self, packed_groups), self.packed_groups);
        check_packed_groups(packed, (self.o, self.c))?;
        if !self.groups.is_multiple_of(self.packed_groups) {
            return Err(Fault::field(packed.0, packed.1));
        }
        self.operands(memory, self.packing()?)?;
        let (_, o) = self.packed_group();
        Ok(self.packed_groups * o.div_ceil(PANEL_OUTPUTS as u32))
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let packing = self.packing()?;
        let (src, y) = self.operands(memory, packing)?;
        let (c, o) = self.packed_group();
        let panels = o.div_ceil(PANEL_OUTPUTS as u32);
        let (c, o, group) = (c as usize, o as usize, (tile / panels) as usize);
        let (kh, kw) = (self.kh as usize, self.kw as usize);
        let first = (tile % panels) as usize * PANEL_OUTPUTS;
        let steps = pixel_elems(c) * kh * kw;
        let at = (group * o + first) * steps;
        let panel = y.slice(at, panel_width(packing, o, first) * steps);
        let taps = (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx)));
        let starts = group_starts(group * o + first, (self.o, self.c), self.groups);
        let channels = (self.c / self.groups) as usize;
        let weight = |output: usize, i: usize, (ky, kx)| {
            // Before the group it wraps, and is far behind it.
            let i = (group * c + i).wrapping_sub(starts[output - first]);
            match i < channels {
                true => src.get((((group * o + output) * channels + i) * kh + ky) * kw + kx),
                false => 0.0,
            }
        };
        pack_panel(packing, (o, c), first, taps, weight, panel);
        Ok(())
    }
}
