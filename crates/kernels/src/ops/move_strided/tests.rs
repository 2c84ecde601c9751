//! Random boxes against a loop over their elements, whatever lies between them untouched; and the fault of every field.

use super::{AXES, MoveStrided};
use crate::record::{Operand, field};
use crate::testing::{Random, TestPlan};
use std::vec::Vec;

/// One side of a box, as its record's documentation has it.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    start: u32,
    channels: u32,
    channel_start: u32,
    block_stride: u32,
    steps: [i32; AXES],
}

impl Side {
    fn at(&self, index: [u32; AXES]) -> usize {
        let mut place = [i64::from(self.start), i64::from(self.channel_start)];
        for (axis, (i, step)) in index.into_iter().zip(self.steps).enumerate() {
            let channel = self.channels >> axis & 1;
            place[channel as usize] += i64::from(i) * i64::from(step);
        }
        let [start, channel] = place;
        (start + (channel >> 2) * i64::from(self.block_stride) + (channel & 3)) as usize
    }

    /// Dense in the order of the axes, outermost first.
    fn dense(sizes: [u32; AXES]) -> Self {
        let mut steps = [1; AXES];
        for axis in (1..AXES).rev() {
            steps[axis - 1] = steps[axis] * sizes[axis] as i32;
        }
        Self {
            steps,
            ..Self::default()
        }
    }
}

fn record(x: Operand, from: Side, y: Operand, to: Side, sizes: [u32; AXES]) -> MoveStrided {
    let [d0, d1, d2, d3, d4, d5, d6, d7] = sizes;
    MoveStrided {
        scratch: Operand::ABSENT,
        scratch_bytes: 0,
        x,
        x_start: from.start,
        x_channels: from.channels,
        x_channel_start: from.channel_start,
        x_block_stride: from.block_stride,
        x_step0: from.steps[0],
        x_step1: from.steps[1],
        x_step2: from.steps[2],
        x_step3: from.steps[3],
        x_step4: from.steps[4],
        x_step5: from.steps[5],
        x_step6: from.steps[6],
        x_step7: from.steps[7],
        y,
        y_start: to.start,
        y_channels: to.channels,
        y_channel_start: to.channel_start,
        y_block_stride: to.block_stride,
        y_step0: to.steps[0],
        y_step1: to.steps[1],
        y_step2: to.steps[2],
        y_step3: to.steps[3],
        y_step4: to.steps[4],
        y_step5: to.steps[5],
        y_step6: to.steps[6],
        y_step7: to.steps[7],
        d0,
        d1,
        d2,
        d3,
        d4,
        d5,
        d6,
        d7,
        tile_elems: 1 << 17,
    }
}

/// Every element's index.
fn indices(sizes: [u32; AXES]) -> impl Iterator<Item = [u32; AXES]> {
    (0..sizes.iter().product()).map(move |mut i: u32| {
        let mut index = [0; AXES];
        for axis in (0..AXES).rev() {
            index[axis] = i % sizes[axis];
            i /= sizes[axis];
        }
        index
    })
}

/// Runs the box with every division into `tile_elems` and checks all of y, in bits: NaNs of all kinds are among them.
fn check(sizes: [u32; AXES], from: Side, to: Side, tile_elems: u32) {
    let reach = |side: Side| 1 + indices(sizes).map(|index| side.at(index)).max().unwrap();
    let words = |len: usize, mark: u32| -> Vec<f32> {
        let word = |i: usize| f32::from_bits(0x7F80_0001 + 2 * i as u32 + mark);
        (0..len).map(word).collect()
    };
    let values = words(reach(from), 0);
    let mut wanted = words(reach(to), 1);
    let mut plan = TestPlan::new();
    let (x, y) = (plan.dense(&values), plan.dense(&wanted));
    for index in indices(sizes) {
        wanted[to.at(index)] = values[from.at(index)];
    }
    let moved = MoveStrided {
        tile_elems,
        ..record(x, from, y, to, sizes)
    };
    let got = plan.push(moved).run_everywhere().dense(y, wanted.len());
    let wrong = (0..got.len()).find(|&i| got[i].to_bits() != wanted[i].to_bits());
    assert_eq!(wrong, None, "{moved:?}");
}

/// `n` numbers in random order.
fn shuffled(n: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, random.below(i as u32 + 1) as usize);
    }
    order
}

/// A side that holds a box: axes nested in any order, some of them channels, with gaps or without.
fn random_side(sizes: [u32; AXES], random: &mut Random) -> Side {
    let gaps = random.below(3) == 0;
    let gap = |random: &mut Random| match gaps {
        true => random.below(3) as i32,
        false => 0,
    };
    let channels = match random.below(3) {
        0 => 0,
        1 => 1 << random.below(AXES as u32),
        _ => random.word() & random.word() & 0xFF,
    };
    let mut side = Side {
        channels,
        start: random.below(6),
        ..Side::default()
    };
    let mut next = 1;
    for axis in shuffled(AXES, random) {
        if channels >> axis & 1 == 1 {
            side.steps[axis] = next + gap(random);
            next = side.steps[axis] * sizes[axis] as i32;
        }
    }
    side.channel_start = random.below(2) * random.below(9);
    let blocks = (side.channel_start as i32 + next) / 4 + 1;
    next = if channels == 0 { 1 } else { 4 };
    for axis in shuffled(AXES + 1, random) {
        let step = next + gap(random);
        if axis == AXES {
            if channels != 0 {
                side.block_stride = step as u32;
                next = step * blocks;
            }
        } else if channels >> axis & 1 == 0 {
            side.steps[axis] = step;
            next = step * sizes[axis] as i32;
        }
    }
    side
}

/// Some axes of a source repeat or run backwards.
fn turned(mut side: Side, sizes: [u32; AXES], random: &mut Random) -> Side {
    for (axis, size) in sizes.into_iter().enumerate() {
        match random.below(6) {
            0 => side.steps[axis] = 0,
            1 => {
                let last = (size - 1) * side.steps[axis] as u32;
                side.steps[axis] = -side.steps[axis];
                match side.channels >> axis & 1 {
                    1 => side.channel_start += last,
                    _ => side.start += last,
                }
            }
            _ => {}
        }
    }
    side
}

#[test]
fn random_boxes_are_moved_and_nothing_else_is_touched() {
    let mut random = Random::new(21);
    for _ in 0..600 {
        let mut sizes = [1; AXES];
        let rank = 1 + random.below(AXES as u32);
        for axis in 0..rank {
            let most = (1500 / sizes.iter().product::<u32>())
                .clamp(1, [40, 9, 5][random.below(3) as usize]);
            sizes[AXES - 1 - axis as usize] = 1 + random.below(most);
        }
        let from = random_side(sizes, &mut random);
        let from = turned(from, sizes, &mut random);
        let to = random_side(sizes, &mut random);
        let tile_elems =
            [1 + random.below(50), 200 + random.below(300), 1 << 17][random.below(3) as usize];
        check(sizes, from, to, tile_elems);
    }
}

/// Shapes that networks have, in both directions.
#[test]
fn usual_moves() {
    for (n, c, p) in [(1, 3, 70), (2, 8, 33), (1, 6, 64), (3, 1, 5), (2, 37, 40)] {
        let sizes = [1, 1, 1, 1, 1, n, c, p];
        let (c, p) = (c as i32, p as i32);
        let blocked = Side {
            channels: 1 << 6,
            block_stride: 4 * p as u32,
            steps: [0, 0, 0, 0, 0, (c + 3) / 4 * 4 * p, 1, 4],
            ..Side::default()
        };
        let planar = Side::dense(sizes);
        let interleaved = Side {
            steps: [0, 0, 0, 0, 0, c * p, 1, c],
            ..Side::default()
        };
        let behind = Side {
            channel_start: 2,
            steps: [0, 0, 0, 0, 0, (c + 5) / 4 * 4 * p, 1, 4],
            ..blocked
        };
        let backwards = Side {
            start: (p - 1) as u32,
            steps: [0, 0, 0, 0, 0, c * p, p, -1],
            ..Side::default()
        };
        let repeated = Side {
            steps: [0, 0, 0, 0, 0, 0, 1, 0],
            ..Side::default()
        };
        let sides = [blocked, planar, interleaved, behind];
        for to in sides {
            for from in sides.into_iter().chain([backwards, repeated]) {
                for tile_elems in [64, 100_000] {
                    check(sizes, from, to, tile_elems);
                }
            }
        }
    }
}

/// Strides of powers of two on both sides, whose lines lie in the same sets of a cache.
#[test]
fn far_on_both_sides() {
    for (rows, columns) in [(16, 16), (70, 19), (37, 66)] {
        for unit in [1, 4] {
            let sizes = [1, 1, 1, 1, 1, rows, columns, unit as u32];
            let side = |row, column| Side {
                steps: [0, 0, 0, 0, 0, row, column, 1],
                ..Side::default()
            };
            check(sizes, side(unit, 1024), side(1024, unit), 1 << 17);
        }
    }
}

#[test]
fn pixel_shuffle_of_blocked_channels() {
    for r in [2, 3, 4] {
        let (c, h, w) = (5, 3, 6);
        // c, r of rows, r of columns, h, w
        let sizes = [1, 1, 1, c, r, r, h, w];
        let [r, h, w] = [r, h, w].map(|size| size as i32);
        let from = Side {
            channels: 0b0011_1000,
            block_stride: (4 * h * w) as u32,
            steps: [0, 0, 0, r * r, r, 1, 4 * w, 4],
            ..Side::default()
        };
        let to = Side {
            channels: 0b0000_1000,
            block_stride: (4 * h * r * w * r) as u32,
            steps: [0, 0, 0, 1, 4 * w * r, 4, 4 * r * w * r, 4 * r],
            ..Side::default()
        };
        for tile_elems in [40, 100_000] {
            check(sizes, from, to, tile_elems);
            check(sizes, to, from, tile_elems);
        }
    }
}

/// A record that would run, and its plan.
fn sound() -> (TestPlan, MoveStrided) {
    let sizes = [1, 1, 1, 1, 1, 3, 10, 7];
    let blocked = Side {
        channels: 1 << 6,
        block_stride: 28,
        steps: [0, 0, 0, 0, 0, 84, 1, 4],
        ..Side::default()
    };
    let mut plan = TestPlan::new();
    let (x, y) = (plan.room(252), plan.room(252));
    (plan, record(x, blocked, y, blocked, sizes))
}

#[test]
fn every_field_that_is_wrong_is_named() {
    let wrong = |change: fn(&mut MoveStrided), wanted: (u32, u32, u32)| {
        let (mut plan, mut moved) = sound();
        change(&mut moved);
        let fault = plan.push(moved).load().expect_err("a fault");
        assert_eq!((fault.field, fault.got, fault.wanted), wanted);
    };
    macro_rules! wrong {
        ($field:ident = $value:expr, $blames:ident, $got:expr, $wanted:expr) => {
            wrong(
                |moved| moved.$field = $value,
                (field!(MoveStrided, $blames), $got as u32, $wanted as u32),
            );
        };
    }
    let (mut plan, moved) = sound();
    let (x, y) = (moved.x.0, moved.y.0);
    assert_eq!(plan.push(moved).load(), Ok(1));
    wrong!(d0 = 0, d0, 0, 1);
    wrong!(d7 = 0, d7, 0, 1);
    wrong!(tile_elems = 0, tile_elems, 0, 1);
    wrong!(x_channels = 0x140, x_channels, 0x140, 0xFF);
    wrong!(y_channels = u32::MAX, y_channels, u32::MAX, 0xFF);
    wrong!(x_block_stride = 3, x_block_stride, 3, 4);
    wrong!(y_block_stride = 0, y_block_stride, 0, 4);
    // Before what the operand holds.
    wrong!(x_step7 = -4, x_start, 0, 24);
    wrong!(x_step6 = -1, x_channel_start, 0, 9);
    wrong!(x_step6 = i32::MIN, x_channel_start, 0, u32::MAX);
    wrong!(y_step7 = -4, y_start, 0, 24);
    // Past what memory holds.
    wrong!(x_step7 = i32::MAX, x, x, u32::MAX);
    wrong!(x_start = u32::MAX, x, x, u32::MAX);
    wrong!(x_block_stride = u32::MAX, x, x, u32::MAX);
    wrong!(x_step6 = i32::MAX, x_channel_start, 0, 0);
    wrong!(x_channel_start = u32::MAX, x_channel_start, u32::MAX, 0);
    wrong!(y_start = 1 << 20, y, y, (1 << 20) + 250);
    wrong!(d5 = u32::MAX, x, x, u32::MAX);
    wrong!(x = Operand::ABSENT, x, 0, 250);
    wrong!(y = Operand::ABSENT, y, 0, 250);
    // Elements of y that would lie on each other.
    wrong!(y_step5 = 0, y_step5, 0, 1);
    wrong!(y_step5 = 83, y_step5, 83, 84);
    wrong!(y_step7 = 2, y_step7, 2, 4);
    wrong!(y_block_stride = 24, y_block_stride, 24, 28);
    let both_channels = |moved: &mut MoveStrided| (moved.y_channels, moved.y_step5) = (0x60, 9);
    wrong(both_channels, (field!(MoveStrided, y_step5), 9, 10));
    // Farther before than 64 bits reach.
    let far = |moved: &mut MoveStrided| {
        (moved.d5, moved.d7) = (u32::MAX, u32::MAX);
        (moved.x_step5, moved.x_step7) = (i32::MIN, i32::MIN);
    };
    wrong(far, (field!(MoveStrided, x_start), 0, u32::MAX));
}

#[test]
fn tiles_are_near_on_both_sides_and_no_larger_than_asked() {
    let tiles = |sizes, from, to| {
        record(Operand::ABSENT, from, Operand::ABSENT, to, sizes)
            .part()
            .tile(1 << 17)
    };
    let square = [1, 1, 1, 1, 1, 1, 4096, 4096];
    let transposed = Side {
        steps: [0, 0, 0, 0, 0, 0, 1, 4096],
        ..Side::default()
    };
    assert_eq!(
        tiles(square, transposed, Side::dense(square))[6..8],
        [512, 256]
    );
    let line = [1, 1, 1, 1, 1, 1, 1, 1 << 24];
    assert_eq!(
        tiles(line, Side::dense(line), Side::dense(line))[7],
        1 << 17
    );
    let rows = [1, 1, 1, 1, 1, 64, 512, 512];
    assert_eq!(
        tiles(rows, Side::dense(rows), Side::dense(rows))[5..8],
        [1, 256, 512]
    );
}
