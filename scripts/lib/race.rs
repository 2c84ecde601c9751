//! Two threads and a word that nothing orders: what ThreadSanitizer must report before its silence is believed.

static mut WORD: u32 = 0;

fn main() {
    let count = || {
        for _ in 0..1000 {
            // SAFETY: none; this is the fault that must be seen.
            unsafe { (&raw mut WORD).write((&raw const WORD).read().wrapping_add(1)) };
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(count);
        scope.spawn(count);
    });
}
