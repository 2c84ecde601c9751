//! The executor: a plan's words in memory, checked once by `load`, then walked by every worker alike (SPMD).
//!
//! ```text
//! header      HEADER_WORDS words, below
//! directory   n_records x { word offset of the record, tiles, next tile }
//! records     { code, words, scratch operand, scratch bytes a worker, fields ... }
//!
//! for record in records { while next_tile { op.run_tile }; barrier; the last to arrive runs op.finish before it releases }
//! ```
//!
//! Nothing in a plan is trusted: sizes are checked in 64 bits, operands against their regions, and every view that a kernel
//! takes is checked again when it is made. The position lies in memory, so `run` can stop after any tile, and while it waits at a
//! barrier, and be called again.

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::mem::{Dst, Memory, Words};
use crate::ops::{Fault, Op};
use crate::record::{HEAD_WORDS, Operand, with_op};
use crate::sync;

/// First word of a plan: "GPLN".
pub const MAGIC: u32 = u32::from_le_bytes(*b"GPLN");
/// Raised when the meaning of a word changes.
pub const VERSION: u32 = 1;
/// Workers a plan has room for.
pub const MAX_WORKERS: u32 = 64;
/// Words an entry of the directory has.
pub const ENTRY_WORDS: usize = 3;
/// The budget that is none: the call returns when the plan has ended. With any other, it also returns at the end of each record,
/// so that callers can time records, and now and then while it waits for other workers, so that they can look about.
pub const WHOLE: u32 = u32::MAX;
/// In a worker's position: it has arrived at the record's barrier.
const ARRIVED_THERE: u32 = 1 << 31;

macro_rules! header {
    ($($(#[doc = $doc:literal])* $name:ident = $position:literal,)*) => {
        /// Words of the header, by position.
        pub mod header {
            $($(#[doc = $doc])* pub const $name: usize = $position;)*

            /// Names and positions, for the generator.
            pub const LISTING: &[(&str, usize)] = &[$((stringify!($name), $name)),*];
        }
    };
}

header! {
    /// `MAGIC`
    MAGIC = 0,
    /// `VERSION`
    VERSION = 1,
    /// Records in the plan
    RECORDS = 2,
    /// Workers that scratch is laid out for
    WORKERS = 3,
    /// Address of the arena, bytes
    ARENA_BASE = 4,
    /// Size of the arena, 16-byte units
    ARENA_BLOCKS = 5,
    /// Address of the weights region, bytes
    WEIGHTS_BASE = 6,
    /// Size of the weights region, 16-byte units
    WEIGHTS_BLOCKS = 7,
    /// Not 0: workers end the run before their next tile
    ABORT = 8,
    /// Counts barriers: as many as records are done
    GENERATION = 9,
    /// Workers that have reached the barrier
    ARRIVED = 10,
    /// Tiles done in this run
    TILES_DONE = 11,
    /// Tiles of all records
    TILES_TOTAL = 12,
    /// Workers that take part in this run
    ACTIVE_WORKERS = 13,
    /// Fault: index of the record
    FAULT_RECORD = 14,
    /// Fault: index of the field, or `NO_FIELD`
    FAULT_FIELD = 15,
    /// Fault: what the field held
    FAULT_GOT = 16,
    /// Fault: what would have been right
    FAULT_WANTED = 17,
    /// Record that each worker is at, the top bit set once it waits there for others; `MAX_WORKERS` words
    POSITIONS = 18,
}

/// Words before the directory.
pub const HEADER_WORDS: usize = header::POSITIONS + MAX_WORKERS as usize;

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Status {
    /// All records are done, or the plan is sound
    Done = 0,
    /// The budget is used up, a record is done, or others are waited for: call again
    More = 1,
    /// The abort word was set
    Aborted = 2,
    /// The plan is not sound; the header says where
    Fault = 3,
}

/// A plan's words and the memory its operands refer to.
#[derive(Clone, Copy)]
pub struct Plan {
    pub(crate) words: Words,
    memory: Memory,
}

impl Plan {
    /// Pairs a plan with its memory; `load` must have accepted it before it is run.
    pub fn new(words: Words, memory: Memory) -> Self {
        Self {
            words,
            memory: memory.without(words),
        }
    }

    /// Checks the whole plan and counts its tiles. No worker may be inside `run`, and none may run before the next `start`.
    pub fn load(&self) -> Status {
        if self.words.len() >= HEADER_WORDS {
            for word in [header::ACTIVE_WORKERS, header::ABORT] {
                self.words.atomic(word).store(0, Relaxed);
            }
        }
        match self.check() {
            Ok(()) => Status::Done,
            Err((record, fault)) => self.report(record, fault),
        }
    }

    fn check(&self) -> Result<(), (usize, Fault)> {
        let words = &self.words;
        let bare = |fault| (0, fault);
        if words.len() < HEADER_WORDS {
            return Err(bare(Fault::plan(words.len() as u32, HEADER_WORDS as u32)));
        }
        if words.get(header::MAGIC) != MAGIC {
            return Err(bare(Fault::plan(words.get(header::MAGIC), MAGIC)));
        }
        if words.get(header::VERSION) != VERSION {
            return Err(bare(Fault::plan(words.get(header::VERSION), VERSION)));
        }
        let workers = words.get(header::WORKERS);
        if workers == 0 || workers > MAX_WORKERS {
            return Err(bare(Fault::plan(workers, MAX_WORKERS)));
        }
        let records = self.records();
        let room = (words.len() - HEADER_WORDS) / ENTRY_WORDS;
        if records > room {
            return Err(bare(Fault::plan(records as u32, room as u32)));
        }
        let mut total = 0u32;
        for record in 0..records {
            let tiles = self
                .check_record(record, workers)
                .map_err(|fault| (record, fault))?;
            words.atomic(self.entry(record) + 1).store(tiles, Relaxed);
            total = total
                .checked_add(tiles)
                .ok_or((record, Fault::plan(tiles, u32::MAX)))?;
        }
        words.atomic(header::TILES_TOTAL).store(total, Relaxed);
        Ok(())
    }

    fn check_record(&self, record: usize, workers: u32) -> Result<u32, Fault> {
        let words = self.record(record).ok_or(Fault::plan(
            self.words.get(self.entry(record)),
            self.words.len() as u32,
        ))?;
        let (scratch, scratch_bytes) = (Operand(words.get(2)), words.get(3));
        if scratch_bytes % 16 != 0 {
            return Err(Fault::plan(scratch_bytes, scratch_bytes & !15));
        }
        if scratch_bytes > 0 {
            let all = u64::from(scratch_bytes) * u64::from(workers);
            self.memory
                .bytes(scratch, all)
                .ok_or(Fault::plan(scratch_bytes, 0))?;
        }
        let mut tiles = 0;
        self.with_op(record, &mut |op| {
            tiles = op.check(&self.memory)?;
            Ok(())
        })?;
        Ok(tiles)
    }

    /// Hands a record's op to `act`, or says that it is none.
    fn with_op(
        &self,
        record: usize,
        act: &mut dyn FnMut(&dyn Op) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let words = self.record(record).ok_or(Fault::plan(0, 0))?;
        with_op(words, act).ok_or(Fault::plan(words.get(0), 0))?
    }

    /// Makes ready for a run by `workers` workers; none may be inside `run`.
    pub fn start(&self, workers: u32) -> Status {
        let words = &self.words;
        let most = words.get(header::WORKERS).min(sync::MOST_WORKERS);
        if workers == 0 || workers > most {
            return self.report(0, Fault::plan(workers, most));
        }
        for record in 0..self.records() {
            words.atomic(self.entry(record) + 2).store(0, Relaxed);
        }
        for worker in 0..MAX_WORKERS as usize {
            words.atomic(header::POSITIONS + worker).store(0, Relaxed);
        }
        words.atomic(header::ACTIVE_WORKERS).store(workers, Relaxed);
        for word in [
            header::ABORT,
            header::GENERATION,
            header::ARRIVED,
            header::TILES_DONE,
        ] {
            words.atomic(word).store(0, Release);
        }
        Status::Done
    }

    /// Runs at most `tile_budget` tiles, one or more, as worker `worker`; see `WHOLE`. With none, `More` would be the answer for ever: a fault.
    pub fn run(&self, tile_budget: u32, worker: u32) -> Status {
        let words = &self.words;
        let active = words.get(header::ACTIVE_WORKERS);
        if worker >= active {
            return self.fault(0, Fault::plan(worker, active));
        }
        if tile_budget == 0 {
            return self.fault(0, Fault::plan(0, 1));
        }
        let position = words.atomic(header::POSITIONS + worker as usize);
        let mut budget = tile_budget;
        loop {
            let at = position.load(Relaxed);
            let record = at & !ARRIVED_THERE;
            if record as usize >= self.records() {
                return Status::Done;
            }
            if at == record {
                match self.take_tiles(record as usize, &mut budget, worker) {
                    Status::Done => (),
                    other => return other,
                }
                position.store(record | ARRIVED_THERE, Relaxed);
                match self.arrive(record) {
                    Status::Done => (),
                    other => return other,
                }
            }
            match self.wait(record, tile_budget == WHOLE) {
                Status::Done => position.store(record + 1, Relaxed),
                other => return other,
            }
            if tile_budget != WHOLE && (record as usize) + 1 < self.records() {
                return Status::More;
            }
        }
    }

    /// Runs tiles of a record until there are none (`Done`) or the budget is used up.
    fn take_tiles(&self, record: usize, budget: &mut u32, worker: u32) -> Status {
        let words = &self.words;
        let abort = words.atomic(header::ABORT);
        let tiles = words.get(self.entry(record) + 1);
        let next_tile = words.atomic(self.entry(record) + 2);
        loop {
            if abort.load(Acquire) != 0 {
                return Status::Aborted;
            }
            if *budget == 0 {
                return Status::More;
            }
            let tile = next_tile.fetch_add(1, Relaxed);
            if tile >= tiles {
                return Status::Done;
            }
            if let Err(fault) = self.run_tile(record, tile, worker) {
                return self.fault(record, fault);
            }
            words.atomic(header::TILES_DONE).fetch_add(1, Relaxed);
            *budget -= 1;
        }
    }

    fn run_tile(&self, record: usize, tile: u32, worker: u32) -> Result<(), Fault> {
        let scratch = self.scratch(record, worker)?;
        self.with_op(record, &mut |op| op.run_tile(&self.memory, tile, scratch))
    }

    /// A worker's part of a record's scratch.
    fn scratch(&self, record: usize, worker: u32) -> Result<Dst, Fault> {
        let words = self.record(record).ok_or(Fault::plan(0, 0))?;
        let (first, bytes) = (Operand(words.get(2)), words.get(3));
        let elems = (bytes / 4) as usize;
        if elems == 0 {
            return Ok(Dst::EMPTY);
        }
        let all = elems as u64 * (u64::from(worker) + 1);
        let all = self.memory.dst(first, all).ok_or(Fault::plan(bytes, 0))?;
        Ok(all.slice(all.len() - elems, elems))
    }

    /// Tells the others that this worker has run out of tiles. The last to arrive merges what the tiles left, in tile order, and
    /// opens the barrier.
    fn arrive(&self, record: u32) -> Status {
        let words = &self.words;
        let arrived = words.atomic(header::ARRIVED);
        if arrived.fetch_add(1, AcqRel) + 1 < words.get(header::ACTIVE_WORKERS) {
            return Status::Done;
        }
        let finished = self.with_op(record as usize, &mut |op| op.finish(&self.memory));
        if let Err(fault) = finished {
            return self.fault(record as usize, fault);
        }
        let generation = words.atomic(header::GENERATION);
        arrived.store(0, Relaxed);
        generation.store(record + 1, Release);
        sync::wake_all(generation);
        Status::Done
    }

    /// Waits until every worker has arrived at the record's barrier, or (`More`) a while.
    fn wait(&self, record: u32, to_the_end: bool) -> Status {
        let generation = self.words.atomic(header::GENERATION);
        // As many barriers have opened as records are done: nobody passes the next one without this worker.
        while generation.load(Acquire) == record {
            if self.words.atomic(header::ABORT).load(Acquire) != 0 {
                return Status::Aborted;
            }
            sync::wait_while(generation, record);
            if !to_the_end && generation.load(Acquire) == record {
                return Status::More;
            }
        }
        Status::Done
    }

    /// Ends the run with a fault, for every worker. Where it has ended already, by another's fault or the host's wish, this is an
    /// abort too: so one call at most ends with `Fault`, and what the header says is its own.
    fn fault(&self, record: usize, fault: Fault) -> Status {
        let abort = self.words.atomic(header::ABORT);
        match abort.compare_exchange(0, 1, AcqRel, Acquire) {
            Ok(_) => self.report(record, fault),
            Err(_) => Status::Aborted,
        }
    }

    fn report(&self, record: usize, fault: Fault) -> Status {
        if self.words.len() >= HEADER_WORDS {
            let report = [record as u32, fault.field, fault.got, fault.wanted];
            for (i, word) in report.into_iter().enumerate() {
                self.words
                    .atomic(header::FAULT_RECORD + i)
                    .store(word, Relaxed);
            }
        }
        Status::Fault
    }

    fn records(&self) -> usize {
        self.words.get(header::RECORDS) as usize
    }

    fn entry(&self, record: usize) -> usize {
        HEADER_WORDS + record * ENTRY_WORDS
    }

    fn record(&self, record: usize) -> Option<Words> {
        let start = self.words.get(self.entry(record)) as usize;
        // Header and directory change while the plan runs: a record there would not stay what was checked.
        if start < self.entry(self.records()) {
            return None;
        }
        let head = self.words.slice(start, HEAD_WORDS)?;
        self.words.slice(start, head.get(1) as usize)
    }
}

#[cfg(test)]
mod tests;
