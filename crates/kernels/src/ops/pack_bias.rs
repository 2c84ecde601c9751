//! pack_bias: a vector filled up with zeros, so that kernels may load whole vectors of it.

use crate::mem::{Dst, Memory};
use crate::ops::{Fault, Op, dense, within};
use crate::record::{PackBias, field};

impl Op for PackBias {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(Self, c), self.c, 1..=u32::MAX)?;
        within(field!(Self, padded_c), self.padded_c, self.c..=u32::MAX)?;
        dense(memory, self.src, field!(Self, src), u64::from(self.c))?;
        dense(memory, self.y, field!(Self, y), u64::from(self.padded_c))?;
        Ok(1)
    }

    fn run_tile(&self, memory: &Memory, _tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let src = dense(memory, self.src, field!(Self, src), u64::from(self.c))?;
        let y = dense(memory, self.y, field!(Self, y), u64::from(self.padded_c))?;
        for i in 0..y.len() {
            y.set(i, if i < src.len() { src.get(i) } else { 0.0 });
        }
        Ok(())
    }
}
