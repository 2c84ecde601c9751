//! What kernel tests stand on: a plan built from records over a memory of its own, run by any number of threads in slices of
//! any length. Not a second executor: it loads, starts and runs plans as the wasm edge does.

mod fuzz;

use std::vec::Vec;

use crate::layout::Blocked;
use crate::mem::{Dst, Memory, Region, Words};
use crate::ops::Fault;
use crate::plan::{ENTRY_WORDS, HEADER_WORDS, MAGIC, Plan, Status, VERSION, header};
use crate::record::{Operand, Record};

/// Workers and tiles a slice that every result must be the same for.
const RUNS: [(u32, u32); 4] = [(1, 1), (2, 3), (3, u32::MAX), (8, 1)];
/// The most workers of any run.
const MOST_WORKERS: usize = 8;
/// Bytes after every allocation that no op may touch.
const CANARY: [u32; 4] = [0xDEAD_BEEF; 4];

/// A 16-byte unit of memory.
#[derive(Clone, Copy, PartialEq)]
#[repr(C, align(16))]
struct Block([u32; 4]);

/// A plan being put together: records, and the arena as it is before the run.
pub(crate) struct TestPlan {
    arena: Vec<Block>,
    canaries: Vec<usize>,
    scratch: Vec<core::ops::Range<usize>>,
    records: Vec<Vec<u32>>,
}

/// The arena as a run left it.
pub(crate) struct Finished(Vec<Block>);

impl TestPlan {
    pub(crate) fn new() -> Self {
        Self {
            arena: Vec::new(),
            canaries: Vec::new(),
            scratch: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Puts words into the arena.
    fn words(&mut self, words: &[u32]) -> Operand {
        let at = self.arena.len();
        for chunk in words.chunks(4) {
            let mut block = [u32::MAX; 4];
            block[..chunk.len()].copy_from_slice(chunk);
            self.arena.push(Block(block));
        }
        self.canaries.push(self.arena.len());
        self.arena.push(Block(CANARY));
        Operand::new(Operand::ARENA, at as u64 * 16)
    }

    /// Puts dense floats into the arena.
    pub(crate) fn dense(&mut self, values: &[f32]) -> Operand {
        let words: Vec<u32> = values.iter().map(|x| x.to_bits()).collect();
        self.words(&words)
    }

    /// Puts bytes into the arena.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Operand {
        let words: Vec<u32> = bytes
            .chunks(4)
            .map(|chunk| {
                let mut word = [0xAA; 4];
                word[..chunk.len()].copy_from_slice(chunk);
                u32::from_le_bytes(word)
            })
            .collect();
        self.words(&words)
    }

    /// Puts planar N C H W values into the arena as a blocked tensor, with NaN in the lanes past C.
    pub(crate) fn blocked(&mut self, values: &[f32], shape: Blocked) -> Operand {
        let mut blocked = std::vec![f32::NAN; shape.len_elems().unwrap() as usize];
        each(shape, |i, at| blocked[at] = values[i]);
        self.dense(&blocked)
    }

    /// Room for `floats` floats, NaN before the run.
    pub(crate) fn room(&mut self, floats: usize) -> Operand {
        self.dense(&std::vec![f32::NAN; floats])
    }

    /// Room for a blocked tensor, NaN before the run.
    pub(crate) fn room_blocked(&mut self, shape: Blocked) -> Operand {
        self.room(shape.len_elems().unwrap() as usize)
    }

    /// Scratch for as many workers as a test runs, `bytes` each; what it holds afterwards is not compared.
    pub(crate) fn scratch(&mut self, bytes: u32) -> Operand {
        let from = self.arena.len();
        let operand = self.room(bytes as usize / 4 * MOST_WORKERS);
        self.scratch.push(from..self.arena.len() - 1);
        operand
    }

    /// Adds a record.
    pub(crate) fn push(&mut self, record: impl Record) -> &mut Self {
        self.records.push(record.encode());
        self
    }

    fn plan_words(&self, workers: u32) -> Vec<u32> {
        let mut words = std::vec![0; HEADER_WORDS + self.records.len() * ENTRY_WORDS];
        words[header::MAGIC] = MAGIC;
        words[header::VERSION] = VERSION;
        words[header::RECORDS] = self.records.len() as u32;
        words[header::WORKERS] = workers;
        for (i, record) in self.records.iter().enumerate() {
            words[HEADER_WORDS + i * ENTRY_WORDS] = words.len() as u32;
            words.extend(record);
        }
        words
    }

    /// Loads the plan without running it: tiles of all records, or the fault.
    pub(crate) fn load(&self) -> Result<u32, Fault> {
        let mut words = self.plan_words(1);
        let mut arena = self.arena.clone();
        match plan(&mut words, &mut arena).load() {
            Status::Done => Ok(words[header::TILES_TOTAL]),
            _ => Err(fault(&words)),
        }
    }

    /// Loads the plan with room for `workers` and hands it to `f`, which plays the host.
    pub(crate) fn with_loaded<T>(&self, workers: u32, f: impl FnOnce(Shared) -> T) -> T {
        let mut words = self.plan_words(workers);
        let mut arena = self.arena.clone();
        let shared = Shared(plan(&mut words, &mut arena));
        assert_eq!(shared.get().load(), Status::Done);
        f(shared)
    }

    /// Runs with `workers` threads, each in slices of `tile_budget` tiles.
    pub(crate) fn run(&self, workers: u32, tile_budget: u32) -> Result<Finished, Fault> {
        let mut words = self.plan_words(workers);
        let mut arena = self.arena.clone();
        let shared = Shared(plan(&mut words, &mut arena));
        let begun =
            shared.get().load() == Status::Done && shared.get().start(workers) == Status::Done;
        let statuses = if begun {
            shared.run_threads(workers, tile_budget, || ())
        } else {
            Vec::new()
        };
        if !begun || statuses.iter().any(|&status| status != Status::Done) {
            return Err(fault(&words));
        }
        for &canary in &self.canaries {
            assert_eq!(arena[canary].0, CANARY, "an op wrote past its operand");
        }
        Ok(Finished(arena))
    }

    /// Runs with every worker count, whole and in slices; all must leave the same bits.
    pub(crate) fn run_everywhere(&self) -> Finished {
        let first = self.run(1, u32::MAX).expect("the plan runs");
        if fuzz::mutants(self) {
            return first;
        }
        for (workers, tile_budget) in RUNS {
            let other = self.run(workers, tile_budget).expect("the plan runs");
            for (i, (a, b)) in first.0.iter().zip(&other.0).enumerate() {
                let compared = !self.scratch.iter().any(|range| range.contains(&i));
                assert!(
                    !compared || a == b,
                    "{workers} workers, {tile_budget} tiles a slice: other bits"
                );
            }
        }
        first
    }
}

impl Finished {
    /// `len` dense floats.
    pub(crate) fn dense(&self, operand: Operand, len: usize) -> Vec<f32> {
        let words = self.0.iter().flat_map(|block| block.0);
        words
            .skip(operand.off_bytes() as usize / 4)
            .take(len)
            .map(f32::from_bits)
            .collect()
    }

    /// `len` bytes.
    pub(crate) fn bytes(&self, operand: Operand, len: usize) -> Vec<u8> {
        let words = self.0.iter().flat_map(|block| block.0);
        let bytes = words.flat_map(u32::to_le_bytes);
        bytes.skip(operand.off_bytes() as usize).take(len).collect()
    }

    /// A blocked tensor as planar N C H W values.
    pub(crate) fn blocked(&self, operand: Operand, shape: Blocked) -> Vec<f32> {
        let blocked = self.dense(operand, shape.len_elems().unwrap() as usize);
        let mut values = std::vec![0.0; shape.n * shape.c * shape.plane_px()];
        each(shape, |i, at| values[i] = blocked[at]);
        values
    }
}

/// A view of `len` floats, all 1, with others around them.
pub(crate) fn with_view(len: usize, f: impl FnOnce(Dst)) {
    let mut arena = std::vec![Block([1.0f32.to_bits(); 4]); len.div_ceil(4) + 2];
    let len_bytes = size_of_val(&arena[..]) as u64;
    // SAFETY: aligned; the view is gone before the arena is, which nothing else touches meanwhile.
    let region = unsafe { Region::new(arena.as_mut_ptr().cast(), len_bytes) };
    let operand = Operand::new(Operand::ARENA, 16);
    f(Memory::new(region, region)
        .dst(operand, len as u64)
        .unwrap());
}

/// Calls `f(planar index, blocked index)` for every element.
pub(crate) fn each(shape: Blocked, mut f: impl FnMut(usize, usize)) {
    let mut i = 0;
    for n in 0..shape.n {
        for c in 0..shape.c {
            for y in 0..shape.h {
                for x in 0..shape.w {
                    f(i, shape.at(n, c / 4, y, x) + c % 4);
                    i += 1;
                }
            }
        }
    }
}

fn plan(words: &mut [u32], arena: &mut [Block]) -> Plan {
    let len_bytes = size_of_val(arena) as u64;
    // SAFETY: both lie in vectors that outlive the plan and are not touched otherwise while it is used; Block is aligned to 16.
    unsafe {
        let arena = Region::new(arena.as_mut_ptr().cast(), len_bytes);
        let words = Words::new(words.as_mut_ptr(), words.len());
        Plan::new(words, Memory::new(arena, arena))
    }
}

fn fault(words: &[u32]) -> Fault {
    Fault {
        field: words[header::FAULT_FIELD],
        got: words[header::FAULT_GOT],
        wanted: words[header::FAULT_WANTED],
    }
}

/// A plan that threads share, as wasm instances share their memory.
#[derive(Clone, Copy)]
pub(crate) struct Shared(Plan);
// SAFETY: workers share a plan's words through atomics only, and write disjoint parts of the arena between barriers.
unsafe impl Send for Shared {}
impl Shared {
    pub(crate) fn get(&self) -> &Plan {
        &self.0
    }

    /// Runs the started plan with `threads` threads, each in slices of `tile_budget` tiles, and `meanwhile` beside them: how
    /// each ended.
    pub(crate) fn run_threads(
        self,
        threads: u32,
        tile_budget: u32,
        meanwhile: impl FnOnce(),
    ) -> Vec<Status> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads)
                .map(|worker| {
                    scope.spawn(move || {
                        loop {
                            match self.get().run(tile_budget, worker) {
                                Status::More => std::thread::yield_now(),
                                status => return status,
                            }
                        }
                    })
                })
                .collect();
            meanwhile();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        })
    }
}

/// Numbers that look random and are the same every time (Marsaglia's xorshift32).
pub(crate) struct Random(u32);

impl Random {
    pub(crate) fn new(seed: u32) -> Self {
        Self(seed.wrapping_mul(2_654_435_761) | 1)
    }
    pub(crate) fn word(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
    /// In `0..bound`.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(bound)) >> 32) as u32
    }
    /// In `low..high`.
    pub(crate) fn float(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.word() >> 8) as f32 / 16_777_216.0
    }
    /// `len` floats in `low..high`.
    pub(crate) fn floats(&mut self, len: usize, low: f32, high: f32) -> Vec<f32> {
        (0..len).map(|_| self.float(low, high)).collect()
    }
}

/// Asserts `|got - wanted| <= tolerance * max(1, |wanted|)` everywhere, NaN where NaN is wanted: of results whose deviation is about 1.
#[track_caller]
pub(crate) fn assert_close(got: &[f32], wanted: &[f64], tolerance: f64, what: &str) {
    assert_within(
        got,
        wanted,
        |wanted| tolerance * wanted.abs().max(1.0),
        what,
    );
}

/// Asserts `|got - wanted| <= tolerance * |wanted|` everywhere, NaN where NaN is wanted; below the smallest normal number floats lie
/// as far apart as above.
#[track_caller]
pub(crate) fn assert_rounded(got: &[f32], wanted: &[f64], tolerance: f64, what: &str) {
    let least = f64::from(f32::MIN_POSITIVE);
    assert_within(
        got,
        wanted,
        |wanted| tolerance * wanted.abs().max(least),
        what,
    );
}

#[track_caller]
fn assert_within(got: &[f32], wanted: &[f64], most: impl Fn(f64) -> f64, what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}: lengths");
    for (i, (&got, &wanted)) in got.iter().zip(wanted).enumerate() {
        let got = f64::from(got);
        let near = (got - wanted).abs() <= most(wanted);
        assert!(
            near || got == f64::from(wanted as f32) || (got.is_nan() && wanted.is_nan()),
            "{what}: element {i} is {got}, wanted {wanted}"
        );
    }
}
