//! How many workers there may be, and what they wait with. Without atomics there is one worker, which never waits. The one file
//! that looks at atomics, but for what an instruction asks of the place it stands in (mem.rs has the two, lib.rs and the wasm
//! crate their features).

use core::sync::atomic::{AtomicU32, Ordering};

/// Workers that may run a plan: more than one would wait for ever where they cannot share memory.
pub(crate) const MOST_WORKERS: u32 = if cfg!(any(target_feature = "atomics", test)) {
    crate::plan::MAX_WORKERS
} else {
    1
};

/// Turns a waiting worker spins before it sleeps, some tens of microseconds: about what waking takes. A barrier of equally fast
/// workers opens within them (with 2000 turns a run of two threads took 2 % more), and eight workers on two cores gain too, while
/// ten times as many cost those a tenth. Tests run unoptimised, with more threads than cores.
const SPIN_TURNS: u32 = if cfg!(test) { 2000 } else { 50_000 };

/// Longest sleep before the abort word is looked at again.
#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
const WAIT_NS: i64 = 20_000_000;

/// Returns when `word` no longer holds `old`, or after a while.
pub(crate) fn wait_while(word: &AtomicU32, old: u32) {
    for _ in 0..SPIN_TURNS {
        if word.load(Ordering::Acquire) != old {
            return;
        }
        core::hint::spin_loop();
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
    crate::mem::atomic_wait(word, old, WAIT_NS);
    #[cfg(test)]
    std::thread::yield_now();
}

/// Wakes everyone who waits on `word`.
pub(crate) fn wake_all(word: &AtomicU32) {
    #[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
    crate::mem::atomic_notify(word);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "atomics")))]
    let _ = word;
}
