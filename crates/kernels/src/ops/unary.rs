//! unary: to be written.

use crate::mem::Memory;
use crate::ops::{Fault, Op};
use crate::record::Unary;

impl Op for Unary {
    fn check(&self, _memory: &Memory) -> Result<u32, Fault> {
        Err(Fault::plan(0, 0))
    }
    fn run_tile(&self, _memory: &Memory, _tile: u32, _worker: u32) -> Result<(), Fault> {
        Err(Fault::plan(0, 0))
    }
}
