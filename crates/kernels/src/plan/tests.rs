//! The executor when not all goes well: aborts, faults and calls out of order. That it computes is what every op's tests show.

use core::sync::atomic::Ordering::{Relaxed, Release};

use super::{
    ARRIVED_THERE, ENTRY_WORDS, HEAD_WORDS, HEADER_WORDS, MAX_WORKERS, Plan, Status, header,
};
use crate::micro::statistics::Moments;
use crate::ops::Fault;
use crate::record::{Operand, Pointwise, Program, Reduce, field};
use crate::testing::TestPlan;

const TILES: u32 = 16;

/// ReLU of `vectors` in place, a vector a tile.
fn relu(x: Operand, vectors: u32) -> Pointwise {
    Pointwise {
        y: x,
        a: x,
        row_elems: 4,
        d0: vectors,
        d1: 1,
        d2: 1,
        d3: 1,
        d4: 1,
        a_step0: 4,
        program: Program::of(1, &[(6, [0.0; 2]); 8]),
        tile_strips: 1,
        ..Pointwise::default()
    }
}

/// ReLU, a vector a tile.
fn pointwise() -> TestPlan {
    let mut plan = TestPlan::new();
    let x = plan.room(4 * TILES as usize);
    plan.push(relu(x, TILES));
    plan
}

/// Mean of 8 pixels, two a tile, merged by `finish`.
fn reduce() -> TestPlan {
    let mut plan = TestPlan::new();
    let record = Reduce {
        scratch: Operand::ABSENT,
        scratch_bytes: 0,
        x: plan.dense(&[1.0; 32]),
        y: plan.room(4),
        partials: plan.room(4 * Moments::PARTIAL_ELEMS),
        n: 1,
        c: 4,
        h: 1,
        w: 8,
        axes: 8,
        kind: 0,
        correction: 0,
        tile_outputs: 1,
        chunk_px: 2,
    };
    plan.push(record);
    plan
}

/// Changes a field of the only record behind the plan's back.
fn overwrite(plan: &Plan, field: u32, word: u32) {
    let at = HEADER_WORDS + ENTRY_WORDS + HEAD_WORDS + field as usize;
    plan.words.atomic(at).store(word, Relaxed);
}

fn reported(plan: &Plan) -> [u32; 4] {
    [0, 1, 2, 3].map(|i| plan.words.get(header::FAULT_RECORD + i))
}

#[test]
fn an_abort_lets_waiting_workers_go_and_the_plan_runs_again() {
    pointwise().with_loaded(3, |shared| {
        let plan = shared.get();
        assert_eq!(plan.start(3), Status::Done);
        // The third worker never comes, so that the others wait at the barrier until they are told to end.
        let statuses = shared.run_threads(2, u32::MAX, || {
            while plan.words.get(header::ARRIVED) < 2 {
                std::thread::yield_now();
            }
            plan.words.atomic(header::ABORT).store(1, Release);
        });
        assert_eq!(statuses, [Status::Aborted; 2]);
        assert_eq!(plan.start(3), Status::Done);
        let statuses = shared.run_threads(3, u32::MAX, || ());
        assert_eq!(statuses, [Status::Done; 3]);
        assert_eq!(plan.words.get(header::TILES_DONE), TILES);
    });
}

#[test]
fn one_worker_reports_a_fault_and_the_others_end() {
    pointwise().with_loaded(MAX_WORKERS, |shared| {
        let plan = shared.get();
        overwrite(plan, field!(Pointwise, y), 0);
        for workers in [1, 2, 8] {
            assert_eq!(plan.start(workers), Status::Done);
            let statuses = shared.run_threads(workers, u32::MAX, || ());
            let count = |status| statuses.iter().filter(|&&s| s == status).count();
            assert_eq!(count(Status::Fault), 1, "{statuses:?}");
            assert_eq!(count(Status::Aborted), workers as usize - 1, "{statuses:?}");
            let wanted = reported(plan)[3];
            assert_eq!(reported(plan), [0, field!(Pointwise, y), 0, wanted]);
        }
    });
}

#[test]
fn a_fault_after_an_abort_is_an_abort() {
    pointwise().with_loaded(1, |shared| {
        let plan = shared.get();
        assert_eq!(plan.start(1), Status::Done);
        let before = reported(plan);
        plan.words.atomic(header::ABORT).store(1, Release);
        assert_eq!(plan.fault(7, Fault::plan(8, 9)), Status::Aborted);
        assert_eq!(reported(plan), before);
    });
}

#[test]
fn a_fault_of_finish_ends_the_run() {
    reduce().with_loaded(2, |shared| {
        let plan = shared.get();
        let tiles = plan.words.get(header::TILES_TOTAL);
        assert_eq!((plan.start(2), tiles), (Status::Done, 4));
        assert_eq!(plan.run(tiles, 0), Status::More);
        overwrite(plan, field!(Reduce, partials), 0);
        let mut statuses = shared.run_threads(2, u32::MAX, || ());
        statuses.sort_by_key(|&status| status as u32);
        assert_eq!(statuses, [Status::Aborted, Status::Fault]);
        assert_eq!(reported(plan)[..2], [0, field!(Reduce, partials)]);
    });
}

#[test]
fn more_workers_than_there_is_room_for_are_a_fault() {
    pointwise().with_loaded(2, |shared| {
        let plan = shared.get();
        for workers in [0, 3, MAX_WORKERS + 1, u32::MAX] {
            assert_eq!(plan.start(workers), Status::Fault, "{workers}");
            assert_eq!(reported(plan), [0, Fault::NO_FIELD, workers, 2]);
        }
        assert_eq!(plan.start(2), Status::Done);
        assert_eq!(plan.run(1, 2), Status::Fault);
        assert_eq!(reported(plan), [0, Fault::NO_FIELD, 2, 2]);
    });
}

#[test]
fn a_budget_of_no_tiles_is_a_fault() {
    pointwise().with_loaded(1, |shared| {
        let plan = shared.get();
        assert_eq!(plan.start(1), Status::Done);
        assert_eq!(plan.run(0, 0), Status::Fault);
        assert_eq!(reported(plan), [0, Fault::NO_FIELD, 0, 1]);
        assert_eq!(plan.start(1), Status::Done);
        assert_eq!(plan.run(u32::MAX, 0), Status::Done);
    });
}

#[test]
fn a_plan_that_was_loaded_anew_does_not_run_before_it_is_started() {
    pointwise().with_loaded(1, |shared| {
        let plan = shared.get();
        assert_eq!(plan.run(1, 0), Status::Fault);
        assert_eq!((plan.load(), plan.start(1)), (Status::Done, Status::Done));
        assert_eq!(plan.run(1, 0), Status::More);
        assert_eq!((plan.load(), plan.run(1, 0)), (Status::Done, Status::Fault));

        assert_eq!((plan.load(), plan.start(1)), (Status::Done, Status::Done));
        overwrite(plan, field!(Pointwise, y), 0);
        assert_eq!(plan.load(), Status::Fault);
        assert_eq!(reported(plan)[..2], [0, field!(Pointwise, y)]);
        assert_eq!(plan.run(1, 0), Status::Fault);
    });
}

#[test]
fn a_budget_ends_at_each_record_and_while_others_are_waited_for() {
    let mut plan = pointwise();
    let x = plan.room(8);
    plan.push(relu(x, 2));
    plan.with_loaded(2, |shared| {
        let plan = shared.get();
        let positions = || [0, 1].map(|i| plan.words.get(header::POSITIONS + i));
        assert_eq!(plan.start(2), Status::Done);
        assert_eq!(plan.run(TILES, 0), Status::More);
        assert_eq!(positions(), [0, 0]);
        // There is no tile left, and the other has not arrived: twice, without arriving twice.
        for _ in 0..2 {
            assert_eq!(plan.run(1, 0), Status::More);
            assert_eq!(positions(), [ARRIVED_THERE, 0]);
            assert_eq!(plan.words.get(header::ARRIVED), 1);
        }
        // The last to arrive passes at once, and its budget does not reach into the next record.
        assert_eq!(plan.run(1, 1), Status::More);
        assert_eq!(plan.run(1, 0), Status::More);
        assert_eq!(positions(), [1, 1]);
        assert_eq!(plan.run(2, 1), Status::More);
        assert_eq!(plan.run(1, 1), Status::More);
        assert_eq!(plan.run(1, 0), Status::Done);
        assert_eq!(plan.run(1, 1), Status::Done);
        assert_eq!(plan.words.get(header::TILES_DONE), TILES + 2);
    });
}
