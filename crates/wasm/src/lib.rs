//! The WebAssembly edge: numbers in, numbers out. It imports nothing but the memory, which TypeScript makes and owns.
//!
//! Four exports of ours; wasm-bindgen adds those that start and end an instance. Addresses are bytes from the start of memory; statuses are those of `gouache_kernels::plan::Status`.
#![no_std]
#![cfg_attr(target_feature = "atomics", feature(thread_local))]
#![allow(
    unsafe_code,
    reason = "addresses from TypeScript become views here, after the checks below"
)]

use core::alloc::{GlobalAlloc, Layout};

use gouache_kernels::mem::{Memory, Region, Words};
use gouache_kernels::plan::{HEADER_WORDS, Plan, Status, header};
use wasm_bindgen::prelude::wasm_bindgen;

const PAGE_BYTES: usize = 65536;

/// First address that the module does not use itself: the TypeScript heap begins here.
#[wasm_bindgen]
pub fn heap_base() -> u32 {
    unsafe extern "C" {
        static __heap_base: u8;
    }
    (&raw const __heap_base) as usize as u32
}

/// Checks the plan at `plan_addr` and counts its tiles. A plan that was not accepted must not be started.
#[wasm_bindgen]
pub fn plan_load(plan_addr: u32, plan_words: u32) -> u32 {
    with_plan(plan_addr, plan_words, Plan::load)
}

/// Makes the plan ready for a run by `workers` workers.
#[wasm_bindgen]
pub fn plan_start(plan_addr: u32, plan_words: u32, workers: u32) -> u32 {
    with_plan(plan_addr, plan_words, |plan| plan.start(workers))
}

/// Runs at most `tile_budget` tiles (0 is a fault) as worker `worker`; 2^32 - 1 runs the plan to its end.
#[wasm_bindgen]
pub fn plan_run(plan_addr: u32, plan_words: u32, tile_budget: u32, worker: u32) -> u32 {
    #[cfg(target_feature = "atomics")]
    WORKER.set(worker);
    with_plan(plan_addr, plan_words, |plan| plan.run(tile_budget, worker))
}

fn with_plan(plan_addr: u32, plan_words: u32, f: impl FnOnce(&Plan) -> Status) -> u32 {
    if (plan_words as usize) < HEADER_WORDS || !is_heap(plan_addr, u64::from(plan_words) * 4) {
        return Status::Fault as u32;
    }
    // SAFETY: aligned and behind what the module uses itself; the address is the host's, from its heap, where no Rust reference
    // points (stacks of threads lie behind `heap_base` too, but the host's heap has only what it grew). TypeScript touches a
    // plan's words only between calls, or atomically, and operands never reach them (`Memory::without`).
    let words = unsafe { Words::new(plan_addr as usize as *mut u32, plan_words as usize) };
    let region = |base: usize, blocks: usize| {
        let (base, len_bytes) = (words.get(base), u64::from(words.get(blocks)) * 16);
        // SAFETY: aligned; empty, or in the host's heap, as above: the host writes both bases; memory never shrinks.
        is_heap(base, len_bytes)
            .then(|| unsafe { Region::new(base as usize as *mut u8, len_bytes) })
    };
    let arena = region(header::ARENA_BASE, header::ARENA_BLOCKS);
    let weights = region(header::WEIGHTS_BASE, header::WEIGHTS_BLOCKS);
    match (arena, weights) {
        (Some(arena), Some(weights)) => f(&Plan::new(words, Memory::new(arena, weights))) as u32,
        _ => Status::Fault as u32,
    }
}

/// Whether the bytes at `addr`, if any, are aligned to 16 and between what the module uses itself and the end of memory.
fn is_heap(addr: u32, len_bytes: u64) -> bool {
    let inside = addr >= heap_base() && u64::from(addr) + len_bytes <= memory_bytes();
    addr.is_multiple_of(16) && (inside || len_bytes == 0)
}

fn memory_bytes() -> u64 {
    core::arch::wasm32::memory_size::<0>() as u64 * PAGE_BYTES as u64
}

/// Gives out whole pages and takes nothing back: only worker start-up asks, once a worker, for its stack and thread-local storage.
struct PageAllocator;

// SAFETY: every request gets fresh pages of its own, which are aligned to more than any layout asks.
unsafe impl GlobalAlloc for PageAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match core::arch::wasm32::memory_grow::<0>(layout.size().div_ceil(PAGE_BYTES)) {
            usize::MAX => core::ptr::null_mut(),
            page => (page * PAGE_BYTES) as *mut u8,
        }
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: PageAllocator = PageAllocator;

/// Which worker an instance is: the thread-local variable without which wasm-bindgen cannot start a thread.
/// Nobody reads it yet: without `used` the compiler would drop it, and the threads builds would trap when they start.
#[cfg(target_feature = "atomics")]
#[used]
#[thread_local]
static WORKER: core::cell::Cell<u32> = core::cell::Cell::new(0);

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
