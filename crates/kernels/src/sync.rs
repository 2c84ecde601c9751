//! What workers wait with. The one file that looks at atomics: without them there is one worker, which never waits.

use core::sync::atomic::{AtomicU32, Ordering, fence};

/// Turns a waiting worker spins before it sleeps: about what the slowest tile's tail takes, and short enough not to starve
/// workers that share its core.
const SPIN_TURNS: u32 = 2000;

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
    fence(Ordering::Acquire);
}

/// Wakes everyone who waits on `word`.
pub(crate) fn wake_all(word: &AtomicU32) {
    #[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
    crate::mem::atomic_notify(word);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "atomics")))]
    let _ = word;
}
