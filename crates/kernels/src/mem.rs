//! Views on wasm memory: a region, an operand, a length in floats -> a checked `Src` (read) or `Dst` (read and write).
//!
//! There is never a `&mut [f32]` over arena bytes: several workers write one output and in-place ops read what they write,
//! so `Dst` goes through a raw pointer. Every access here is checked; only micro-kernels, which assert their whole walk once, are not.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::record::Operand;
use crate::simd::F32x4;

/// A range of memory that operands of one kind lie in.
#[derive(Clone, Copy)]
pub struct Region {
    base: *mut u8,
    len_bytes: u64,
}

impl Region {
    /// # Safety
    /// - `base` is aligned to 16 and valid for reads and writes of `len_bytes` for as long as views made from it are used.
    /// - Nothing holds a Rust reference into the range meanwhile.
    pub unsafe fn new(base: *mut u8, len_bytes: u64) -> Self {
        Self { base, len_bytes }
    }

    fn at(&self, off_bytes: u64, len_bytes: u64) -> Option<*mut u8> {
        let end = off_bytes.checked_add(len_bytes)?;
        // A view of more than isize::MAX bytes may not be walked by pointers, even where memory has as many.
        let fits = end <= self.len_bytes && len_bytes <= isize::MAX as u64;
        // The offset fits: it is at most the region's length, and the region lies in memory.
        fits.then(|| self.base.wrapping_add(off_bytes as usize))
    }
}

/// Whether `start..start + n` lies in `0..len`, whatever the sum.
#[inline(always)]
fn holds(len: usize, start: usize, n: usize) -> bool {
    start <= len && n <= len - start
}

/// The two regions a record's operands refer to, and the plan's words, which no operand may touch.
#[derive(Clone, Copy)]
pub struct Memory {
    arena: Region,
    weights: Region,
    words: Option<Words>,
}

impl Memory {
    /// `arena` has values, temporaries, scratch, raw inputs and outputs; `weights` has packed weights.
    pub fn new(arena: Region, weights: Region) -> Self {
        Self {
            arena,
            weights,
            words: None,
        }
    }

    /// Without the bytes of `words`: what a kernel wrote there would not be what was checked. A region may lie around them,
    /// as weights that were packed at different times do.
    pub fn without(self, words: Words) -> Self {
        Self {
            words: Some(words),
            ..self
        }
    }

    fn resolve(&self, operand: Operand, len_bytes: u64) -> Option<*mut u8> {
        let off_bytes = operand.off_bytes();
        let ptr = match operand.region() {
            Operand::ARENA => self.arena.at(off_bytes, len_bytes)?,
            Operand::WEIGHTS => self.weights.at(off_bytes, len_bytes)?,
            _ => return None,
        };
        let apart = self.words.is_none_or(|words| {
            let (from, words_from) = (ptr.addr() as u64, words.ptr.addr() as u64);
            from + len_bytes <= words_from || words_from + words.len as u64 * 4 <= from
        });
        #[cfg(test)]
        if apart {
            views::took(ptr.addr(), len_bytes as usize);
        }
        apart.then_some(ptr)
    }

    /// `len_elems` floats to read; `None` if the operand is absent or leaves its region.
    pub fn src(&self, operand: Operand, len_elems: u64) -> Option<Src> {
        let ptr = self.resolve(operand, len_elems.checked_mul(4)?)?;
        Some(Src {
            ptr: ptr.cast(),
            len: len_elems as usize,
        })
    }

    /// `len_elems` floats to read and write; `None` if the operand is absent or leaves its region.
    pub fn dst(&self, operand: Operand, len_elems: u64) -> Option<Dst> {
        let ptr = self.resolve(operand, len_elems.checked_mul(4)?)?;
        Some(Dst {
            ptr: ptr.cast(),
            len: len_elems as usize,
        })
    }

    /// `len_bytes` bytes to read and write (pixels, stored tensors).
    pub fn bytes(&self, operand: Operand, len_bytes: u64) -> Option<Bytes> {
        let ptr = self.resolve(operand, len_bytes)?;
        Some(Bytes {
            ptr,
            len: len_bytes as usize,
        })
    }
}

/// Floats to read.
#[derive(Clone, Copy)]
pub struct Src {
    ptr: *const f32,
    len: usize,
}

impl Src {
    /// Floats in the view.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }
    /// Whether there is nothing to read.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Start of the view, for micro-kernels that have asserted their walk against `len`.
    #[inline(always)]
    pub fn as_ptr(&self) -> *const f32 {
        self.ptr
    }
    /// Reads the float at `i` for nothing but that a cache has it: WebAssembly has no prefetch.
    #[inline(always)]
    pub fn touch(&self, i: usize) {
        assert!(i < self.len);
        // SAFETY: i is within the view, whose range was checked against its region.
        unsafe { self.ptr.add(i).read_volatile() };
    }
    /// The float at `i`.
    #[inline(always)]
    pub fn get(&self, i: usize) -> f32 {
        assert!(i < self.len);
        // SAFETY: i is within the view, whose range was checked against its region.
        unsafe { self.ptr.add(i).read() }
    }
    /// The four floats at `i`.
    #[inline(always)]
    pub fn load(&self, i: usize) -> F32x4 {
        assert!(holds(self.len, i, 4));
        // SAFETY: i..i + 4 is within the view, whose range was checked against its region.
        unsafe { F32x4::load(self.ptr.add(i)) }
    }
    /// The part `start..start + len`.
    #[inline(always)]
    pub fn slice(&self, start: usize, len: usize) -> Self {
        assert!(holds(self.len, start, len));
        // SAFETY: start is within the view.
        let ptr = unsafe { self.ptr.add(start) };
        Self { ptr, len }
    }
}

/// Floats to read and write.
#[derive(Clone, Copy)]
pub struct Dst {
    ptr: *mut f32,
    len: usize,
}

impl Dst {
    /// Of no floats.
    pub const EMPTY: Self = Self {
        ptr: core::ptr::NonNull::dangling().as_ptr(),
        len: 0,
    };

    /// Floats in the view.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }
    /// Whether there is nothing to write.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Start of the view, for micro-kernels that have asserted their walk against `len`.
    #[inline(always)]
    pub fn as_mut_ptr(&self) -> *mut f32 {
        self.ptr
    }
    /// The same floats, to read.
    #[inline(always)]
    pub fn as_src(&self) -> Src {
        Src {
            ptr: self.ptr,
            len: self.len,
        }
    }
    /// The float at `i`.
    #[inline(always)]
    pub fn get(&self, i: usize) -> f32 {
        self.as_src().get(i)
    }
    /// Sets the float at `i`.
    #[inline(always)]
    pub fn set(&self, i: usize, x: f32) {
        assert!(i < self.len);
        // SAFETY: i is within the view, whose range was checked against its region.
        unsafe { self.ptr.add(i).write(x) }
    }
    /// The four floats at `i`.
    #[inline(always)]
    pub fn load(&self, i: usize) -> F32x4 {
        self.as_src().load(i)
    }
    /// Sets the four floats at `i`.
    #[inline(always)]
    pub fn store(&self, i: usize, x: F32x4) {
        assert!(holds(self.len, i, 4));
        // SAFETY: i..i + 4 is within the view, whose range was checked against its region.
        unsafe { x.store(self.ptr.add(i)) }
    }
    /// The 64-bit float whose two halves are the floats at `i` and `i + 1`.
    #[inline(always)]
    pub fn get_f64(&self, i: usize) -> f64 {
        assert!(holds(self.len, i, 2));
        // SAFETY: within the view; unaligned because a view may start at any float.
        unsafe { self.ptr.add(i).cast::<f64>().read_unaligned() }
    }
    /// Sets the 64-bit float at `i`, two floats wide.
    #[inline(always)]
    pub fn set_f64(&self, i: usize, x: f64) {
        assert!(holds(self.len, i, 2));
        // SAFETY: within the view; unaligned because a view may start at any float.
        unsafe { self.ptr.add(i).cast::<f64>().write_unaligned(x) }
    }
    /// The part `start..start + len`.
    #[inline(always)]
    pub fn slice(&self, start: usize, len: usize) -> Self {
        assert!(holds(self.len, start, len));
        // SAFETY: start is within the view.
        let ptr = unsafe { self.ptr.add(start) };
        Self { ptr, len }
    }
}

/// Bytes to read and write.
#[derive(Clone, Copy)]
pub struct Bytes {
    ptr: *mut u8,
    len: usize,
}

impl Bytes {
    /// Bytes in the view.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }
    /// Whether there is nothing in it.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// The byte at `i`.
    #[inline(always)]
    pub fn get(&self, i: usize) -> u8 {
        assert!(i < self.len);
        // SAFETY: i is within the view.
        unsafe { self.ptr.add(i).read() }
    }
    /// Sets the byte at `i`.
    #[inline(always)]
    pub fn set(&self, i: usize, x: u8) {
        assert!(i < self.len);
        // SAFETY: i is within the view.
        unsafe { self.ptr.add(i).write(x) }
    }
    /// `N` bytes at `i`, for little-endian numbers.
    #[inline(always)]
    pub fn array<const N: usize>(&self, i: usize) -> [u8; N] {
        assert!(holds(self.len, i, N));
        // SAFETY: i..i + N is within the view; [u8; N] has no alignment.
        unsafe { self.ptr.add(i).cast::<[u8; N]>().read() }
    }
    /// Sets `N` bytes at `i`.
    #[inline(always)]
    pub fn set_array<const N: usize>(&self, i: usize, x: [u8; N]) {
        assert!(holds(self.len, i, N));
        // SAFETY: i..i + N is within the view; [u8; N] has no alignment.
        unsafe { self.ptr.add(i).cast::<[u8; N]>().write(x) }
    }
}

/// A plan's words: records to read, and state that several workers share.
#[derive(Clone, Copy)]
pub struct Words {
    ptr: *mut u32,
    len: usize,
}

impl Words {
    /// # Safety
    /// - `ptr` is aligned to 4 and valid for reads and writes of `len` words for as long as the view is used.
    /// - Meanwhile others touch the words only through such views, or not at all.
    pub unsafe fn new(ptr: *mut u32, len: usize) -> Self {
        Self { ptr, len }
    }
    /// Words in the view.
    pub fn len(&self) -> usize {
        self.len
    }
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// The word at `i`; 0 past the end, which no record accepts as an op code.
    #[inline(always)]
    pub fn get(&self, i: usize) -> u32 {
        if i < self.len {
            self.atomic(i).load(Ordering::Relaxed)
        } else {
            0
        }
    }
    /// The word at `i` as shared state.
    #[inline(always)]
    pub fn atomic(&self, i: usize) -> &AtomicU32 {
        assert!(i < self.len);
        // SAFETY: within the view, aligned, and only ever accessed atomically while shared.
        unsafe { AtomicU32::from_ptr(self.ptr.add(i)) }
    }
    /// The part `start..start + len`, or nothing if it leaves the view.
    pub fn slice(&self, start: usize, len: usize) -> Option<Self> {
        holds(self.len, start, len).then(|| {
            // SAFETY: start is within the view.
            let ptr = unsafe { self.ptr.add(start) };
            Self { ptr, len }
        })
    }
}

/// Sleeps while `word` holds `old`, at most `timeout_ns`.
#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
pub(crate) fn atomic_wait(word: &AtomicU32, old: u32, timeout_ns: i64) {
    // SAFETY: the pointer comes from a reference: aligned and in memory.
    unsafe {
        core::arch::wasm32::memory_atomic_wait32(word.as_ptr().cast(), old as i32, timeout_ns)
    };
}

/// Wakes every sleeper on `word`.
#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
pub(crate) fn atomic_notify(word: &AtomicU32) {
    // SAFETY: the pointer comes from a reference: aligned and in memory.
    unsafe { core::arch::wasm32::memory_atomic_notify(word.as_ptr().cast(), u32::MAX) };
}

/// What views a thread takes, for tests that look for writes outside them.
#[cfg(test)]
pub(crate) mod views {
    use core::cell::RefCell;
    use std::vec::Vec;

    std::thread_local! {
        static TAKEN: RefCell<Option<Vec<(usize, usize)>>> = const { RefCell::new(None) };
    }

    pub(super) fn took(addr: usize, len_bytes: usize) {
        TAKEN.with_borrow_mut(|taken| {
            if let Some(taken) = taken {
                taken.push((addr, len_bytes));
            }
        });
    }

    /// What `f` gives, and address and bytes of each view that it takes on this thread.
    pub(crate) fn log<T>(f: impl FnOnce() -> T) -> (T, Vec<(usize, usize)>) {
        TAKEN.set(Some(Vec::new()));
        let result = f();
        (result, TAKEN.take().unwrap())
    }
}

#[cfg(test)]
mod tests;
