//! Views that must not be given, and places in a view that must be refused, the end of the address space included.

use super::{Memory, Region, Words};
use crate::record::Operand;
use crate::simd::F32x4;

#[repr(align(16))]
struct Blocks([f32; 16]);

const START: Operand = Operand::new(Operand::ARENA, 0);

fn with_memory(f: impl FnOnce(Memory)) {
    let mut blocks = Blocks([0.0; 16]);
    // SAFETY: aligned; views of it are gone before the blocks are.
    let arena = unsafe { Region::new(blocks.0.as_mut_ptr().cast(), 64) };
    f(Memory::new(arena, arena));
}

#[test]
#[should_panic(expected = "assertion failed: holds")]
fn a_load_at_the_end_of_the_address_space_is_refused() {
    with_memory(|memory| {
        memory.src(START, 16).unwrap().load(usize::MAX - 1);
    });
}

#[test]
#[should_panic(expected = "assertion failed: holds")]
fn a_store_at_the_end_of_the_address_space_is_refused() {
    with_memory(|memory| {
        let y = memory.dst(START, 16).unwrap();
        y.store(usize::MAX - 1, F32x4::splat(1.0));
    });
}

#[test]
#[should_panic(expected = "assertion failed: holds")]
fn half_a_float64_is_refused() {
    with_memory(|memory| memory.dst(START, 16).unwrap().set_f64(usize::MAX, 1.0));
}

#[test]
#[should_panic(expected = "assertion failed: holds")]
fn bytes_at_the_end_of_the_address_space_are_refused() {
    with_memory(|memory| {
        let _: [u8; 8] = memory.bytes(START, 64).unwrap().array(usize::MAX - 3);
    });
}

#[test]
fn a_view_longer_than_pointers_walk_is_refused() {
    let len_bytes = isize::MAX as u64 + 1;
    // SAFETY: nothing is read or written: the only views that are asked for are not given, or empty.
    let arena = unsafe { Region::new(core::ptr::without_provenance_mut(64), u64::MAX) };
    let memory = Memory::new(arena, arena);
    assert!(memory.bytes(START, len_bytes).is_none());
    assert!(memory.src(START, len_bytes / 4).is_none());
    assert!(memory.bytes(START, 0).is_some());
}

#[test]
fn every_bit_of_an_offset_counts() {
    with_memory(|memory| {
        for bit in 0..30 {
            let operand = Operand(START.0 | 1 << bit);
            assert_eq!(memory.src(operand, 4).is_some(), bit < 2, "bit {bit}");
        }
    });
}

#[test]
fn no_view_touches_the_words_that_its_region_lies_around() {
    let mut blocks = Blocks([0.0; 16]);
    let base = blocks.0.as_mut_ptr();
    // SAFETY: both lie in the blocks, aligned, and nobody else uses them.
    let (arena, words) = unsafe {
        let words = Words::new(base.add(4).cast(), 3);
        (Region::new(base.cast(), 64), words)
    };
    let memory = Memory::new(arena, arena).without(words);
    let at = |off_bytes| Operand::new(Operand::ARENA, off_bytes);
    assert!(memory.src(at(0), 4).is_some());
    assert!(memory.src(at(0), 5).is_none());
    assert!(memory.src(at(16), 1).is_none());
    assert!(memory.src(at(32), 8).is_some());
}
