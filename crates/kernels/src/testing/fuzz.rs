//! Mutants of the plans that tests run. With `GOUACHE_FUZZ=<seed>,<mutants of a plan>` every op's tests are where they come from:
//! what `load` answers is `Done` or `Fault`, and what it accepts runs without a fault or a panic, by one worker and by several, and
//! changes no byte outside the views that the kernels took, inside the arena or around it.

use core::sync::atomic::Ordering::Release;
use std::vec::Vec;

use super::{Block, CANARY, Random, Shared, TestPlan, plan};
use crate::mem::views;
use crate::plan::{Status, header};

/// Workers of a mutant, at most.
const WORKERS: u32 = 3;
/// Tiles of a call.
const TILES: u32 = 3;
/// A mutant may ask for many small tiles; after these it is aborted.
const MOST_TILES: u32 = 2000;
/// Blocks around the arena that belong to nobody.
const GUARD: usize = 64;
/// Words at which checks may turn over.
const EDGES: [u32; 10] = [
    0,
    1,
    2,
    3,
    i32::MAX as u32,
    1 << 31,
    u32::MAX,
    1 << 16,
    1 << 30,
    0x4FFF_FFFF,
];

/// Seed and mutants of each plan.
fn wanted() -> Option<(u32, u32)> {
    let text = std::env::var("GOUACHE_FUZZ").ok()?;
    let (seed, count) = text.split_once(',').expect("GOUACHE_FUZZ=<seed>,<mutants>");
    Some((
        seed.parse().expect("a seed"),
        count.parse().expect("a number"),
    ))
}

/// Says which mutant it was when a test panics.
struct Told {
    seed: u32,
    count: u32,
    round: u32,
    words: Vec<u32>,
}
impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self {
                seed,
                count,
                round,
                words,
            } = self;
            std::eprintln!("GOUACHE_FUZZ={seed},{count}: mutant {round} of a plan, {words:?}");
        }
    }
}

/// Lets the other workers go when one panics.
struct EndAll(Shared);
impl Drop for EndAll {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.get().words.atomic(header::ABORT).store(1, Release);
        }
    }
}

/// Runs mutants of a plan, if the environment asks for them; whether it does.
pub(super) fn mutants(of: &TestPlan) -> bool {
    let Some((seed, count)) = wanted() else {
        return false;
    };
    let sound = of.plan_words(WORKERS);
    // Each plan draws other mutants, whatever order tests run in.
    let hash = |hash: u32, &word: &u32| (hash ^ word).wrapping_mul(16_777_619);
    let mut random = Random::new(sound.iter().fold(seed, hash));
    for round in 0..count {
        let mut words = sound.clone();
        for _ in 0..=random.below(3) {
            mutate(&mut words, &mut random);
        }
        let _told = Told {
            seed,
            count,
            round,
            words: words.clone(),
        };
        run(of, &mut words, 1 + random.below(WORKERS));
    }
    true
}

fn mutate(words: &mut [u32], random: &mut Random) {
    let place = random.below(words.len() as u32) as usize;
    let old = words[place];
    words[place] = match random.below(8) {
        0 => random.word(),
        1 => EDGES[random.below(EDGES.len() as u32) as usize],
        2 => old.wrapping_add(1),
        3 => old.wrapping_sub(1),
        4 => old.wrapping_mul(2),
        5 => old ^ 1 << random.below(32),
        6 => words[random.below(words.len() as u32) as usize],
        _ => random.below(64),
    };
}

fn run(of: &TestPlan, words: &mut [u32], workers: u32) {
    let mut memory = std::vec![Block(CANARY); of.arena.len() + 2 * GUARD];
    let inside = GUARD..GUARD + of.arena.len();
    memory[inside.clone()].copy_from_slice(&of.arena);
    let before = memory.clone();
    let base = memory.as_ptr().addr();
    let shared = Shared(plan(words, &mut memory[inside]));
    let mut views = match shared.get().load() {
        Status::Done => run_threads(shared, workers.min(shared.get().words.get(header::WORKERS))),
        status => return assert_eq!(status, Status::Fault),
    };
    views.sort_unstable();
    views.dedup();
    let mut foreign = std::vec![true; memory.len() * size_of::<Block>()];
    for (from, len) in views {
        foreign[from - base..][..len].fill(false);
    }
    for (i, (was, is)) in before
        .iter()
        .zip(&memory)
        .enumerate()
        .filter(|(_, (was, is))| was != is)
    {
        let [was, is] = [was, is].map(|block| block.0.map(u32::to_le_bytes));
        let bytes = was
            .as_flattened()
            .iter()
            .zip(is.as_flattened())
            .zip(&foreign[i * size_of::<Block>()..]);
        let stray = bytes
            .into_iter()
            .position(|((was, is), &foreign)| was != is && foreign);
        assert_eq!(stray, None, "in block {i}, in no view, is written");
    }
}

/// Address and bytes of every view that was taken.
fn run_threads(shared: Shared, workers: u32) -> Vec<(usize, usize)> {
    let words = shared.get().words;
    assert_eq!(shared.get().start(workers), Status::Done);
    let ends: Vec<(Status, Vec<(usize, usize)>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(move || views::log(|| work(shared, worker))))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let ended = match words.get(header::TILES_DONE) > MOST_TILES {
        true => [Status::Done, Status::Aborted],
        false => [Status::Done; 2],
    };
    for (status, _) in &ends {
        assert!(ended.contains(status), "{status:?}");
    }
    ends.into_iter().flat_map(|(_, views)| views).collect()
}

/// Runs to the end, or until there have been too many tiles.
fn work(shared: Shared, worker: u32) -> Status {
    let words = shared.get().words;
    let _end = EndAll(shared);
    loop {
        match shared.get().run(TILES, worker) {
            Status::More if words.get(header::TILES_DONE) > MOST_TILES => {
                words.atomic(header::ABORT).store(1, Release);
            }
            Status::More => std::thread::yield_now(),
            status => return status,
        }
    }
}
