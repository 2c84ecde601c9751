//! A box of floats from one strided place to another, bit for bit.
//!
//! ```text
//! sort the axes by y's step, join those that are one axis on both sides
//! unit    a run, where both sides step by 1, or x repeats one float; or
//!         a block of 4x4, where x steps by 1 along one axis and y along another; or a float
//! for the other axes { for part of near { for far { for part { copy a unit } } } }
//! ```
//! - The two inner axes are the nearest in y and the nearest in x. Along the one whose lines spread over more sets of the first-level
//!   cache, up to 64 places are taken for each place of the other, so that what a line holds is used while the cache has it: 16
//!   places only made a narrow transpose six times slower, 64 of them in one set three times.
//! - Where lines on both sides fall into one set each, as in 1024x1024, 16 KiB are read along x, then written along y.
//! - Reading the next lines ahead of their use made all of it slower.

use core::mem::MaybeUninit;

use crate::mem::{Dst, Src};
use crate::micro::reach::bounds;
use crate::simd::{F32x4, LANES};

/// An axis of a box.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Elements along it
    pub n: u32,
    /// From one to the next in x, floats
    pub x: i32,
    /// The same in y
    pub y: i32,
}

impl Axis {
    /// No axis
    pub const ONE: Self = Self { n: 1, x: 0, y: 0 };
}

/// Floats between x and y where both are far in turn: a part of a plane is read along x, then written along y.
const STAGE: usize = 4096;
/// Lines that they are, at most.
const MOST_LINES: u32 = 64;
/// Places that are taken together, at most.
const MOST_TOGETHER: u32 = 64;
/// Fewer are not worth a loop of their own: a cache line of floats.
const SHORT: u32 = 16;
/// Sets of a first-level cache.
const SETS: u32 = 64;

/// Axes of a box, at most.
pub const MOST_AXES: usize = 16;

/// Floats of a run from which on memory.copy, which is a call out of WebAssembly, is worth it.
const LONG_RUN: usize = 1024;

/// What is copied at a place.
#[derive(Clone, Copy)]
enum Unit {
    /// So many floats
    Run(usize),
    /// One float so many times
    Repeat(usize),
    /// `columns` lines of `rows` floats, `x` apart, to `rows` lines of `columns` floats, `y` apart
    Block {
        rows: u32,
        columns: u32,
        x: i32,
        y: i32,
    },
}

/// Copies the box that begins at float `x_start` of x and `y_start` of y. The axes are left in any order and state.
pub fn copy_box(x: Src, x_start: usize, y: Dst, y_start: usize, axes: &mut [Axis]) {
    let x_bounds = bounds(x_start as i64, axes.iter().map(|axis| (axis.n, axis.x)));
    let y_bounds = bounds(y_start as i64, axes.iter().map(|axis| (axis.n, axis.y)));
    for (len, (low, high)) in [(x.len(), x_bounds), (y.len(), y_bounds)] {
        assert!(low >= 0 && high < len as i64);
    }
    assert!(axes.len() <= MOST_AXES && axes.iter().all(|axis| axis.n > 0));
    let axes = joined(axes);
    let place = Place {
        from: x.as_ptr().wrapping_add(x_start),
        to: y.as_mut_ptr().wrapping_add(y_start),
    };
    let along_x = axes.iter().position(|axis| axis.x == 1);
    // SAFETY: every place that the axes lead to lies within the views, as was asserted.
    unsafe {
        match (axes.first().copied(), along_x) {
            (Some(Axis { n, x: 0 | 1, y: 1 }), _) => {
                let unit = match take(axes, 0).x {
                    0 => Unit::Repeat(n as usize),
                    _ => Unit::Run(n as usize),
                };
                copy_units(unit, place, axes);
            }
            (Some(Axis { y: 1, .. }), Some(along_x)) => {
                for part in 0..4 {
                    copy_blocks(place, axes, along_x, [part & 1 == 1, part & 2 == 2]);
                }
            }
            _ => copy_units(Unit::Run(1), place, axes),
        }
    }
}

/// Where x steps by 1 along one axis, and y along the first: in blocks of 4x4, or what they leave of either axis.
///
/// # Safety
/// - As of [`copy_units`].
#[inline(never)]
unsafe fn copy_blocks(place: Place, axes: &[Axis], along_x: usize, rest: [bool; 2]) {
    let (down, along) = (axes[along_x], axes[0]);
    let part = |axis: Axis, rest: bool| {
        let whole = axis.n / LANES as u32;
        match rest {
            false => (0, whole, LANES as u32),
            true => (whole * LANES as u32, 1, axis.n % LANES as u32),
        }
    };
    let (i, row_blocks, rows) = part(down, rest[0]);
    let (j, column_blocks, columns) = part(along, rest[1]);
    if [row_blocks, rows, column_blocks, columns].contains(&0) {
        return;
    }
    let block = Unit::Block {
        rows,
        columns,
        x: along.x,
        y: down.y,
    };
    let (unit, height, width) = match (rows, columns) {
        (4, 2..=4) | (2..=3, 4) => (block, rows, columns),
        _ => (Unit::Run(1), 1, 1),
    };
    let mut part = [Axis::ONE; MOST_AXES];
    part[..axes.len()].copy_from_slice(axes);
    part[along_x] = down.by(height, row_blocks * (rows / height));
    part[0] = along.by(width, column_blocks * (columns / width));
    let place = place.after(down, i as isize).after(along, j as isize);
    // SAFETY: a part of them.
    unsafe { copy_units(unit, place, &mut part[..axes.len()]) };
}

/// Copies a unit at every place.
///
/// # Safety
/// - Every place that the axes lead to may be read and written, as far as the unit reaches.
unsafe fn copy_units(unit: Unit, mut place: Place, axes: &mut [Axis]) {
    let near_y = nearest(axes, |axis| axis.y, i32::MAX);
    let nearer = if near_y.n == 1 { i32::MAX } else { near_y.x };
    let mut near_x = nearest(axes, |axis| axis.x, nearer);
    if near_x.n == 1 && near_y.n < SHORT {
        near_x = nearest(axes, |axis| axis.y, i32::MAX);
    }
    let mut counts = [0; MOST_AXES];
    loop {
        let plane = Plane {
            unit,
            place,
            near_x,
            near_y,
        };
        // SAFETY: the caller's obligation.
        unsafe { plane.copy() };
        let mut i = 0;
        loop {
            let Some(axis) = axes.get(i) else { return };
            counts[i] += 1;
            place = place.after(*axis, 1);
            if counts[i] < axis.n {
                break;
            }
            place = place.after(*axis, -(axis.n as isize));
            counts[i] = 0;
            i += 1;
        }
    }
}

/// The axes that are longer than 1, the one of y's least step first; two that both sides walk as one are one.
fn joined(axes: &mut [Axis]) -> &mut [Axis] {
    for end in 1..axes.len() {
        let axis = axes[end];
        let mut i = end;
        while i > 0 && axes[i - 1].y > axis.y {
            axes[i] = axes[i - 1];
            i -= 1;
        }
        axes[i] = axis;
    }
    let mut len = 0;
    for i in 0..axes.len() {
        let axis = axes[i];
        if axis.n == 1 {
            continue;
        }
        if let Some(inner) = axes[..len].last_mut()
            && inner.n.checked_mul(axis.n).is_some()
            && i64::from(inner.n) * i64::from(inner.x) == i64::from(axis.x)
            && i64::from(inner.n) * i64::from(inner.y) == i64::from(axis.y)
        {
            inner.n *= axis.n;
        } else {
            axes[len] = axis;
            len += 1;
        }
    }
    &mut axes[..len]
}

fn take(axes: &mut [Axis], i: usize) -> Axis {
    core::mem::replace(&mut axes[i], Axis::ONE)
}

/// Takes the axis of the shortest step, if it is shorter than `than`.
fn nearest(axes: &mut [Axis], step: fn(&Axis) -> i32, than: i32) -> Axis {
    let distance = |i: usize| step(&axes[i]).unsigned_abs();
    let nearest = (0..axes.len())
        .filter(|&i| axes[i].n > 1 && distance(i) < than.unsigned_abs())
        .min_by_key(|&i| distance(i));
    nearest.map_or(Axis::ONE, |i| take(axes, i))
}

/// A float of x, and where it goes.
#[derive(Clone, Copy)]
struct Place {
    from: *const f32,
    to: *mut f32,
}

impl Place {
    /// `n` steps of an axis on.
    #[inline(always)]
    fn after(self, axis: Axis, n: isize) -> Self {
        Self {
            from: self.from.wrapping_offset(axis.x as isize * n),
            to: self.to.wrapping_offset(axis.y as isize * n),
        }
    }
}

impl Axis {
    /// `n` steps that are as long as `steps` of the axis.
    fn by(self, steps: u32, n: u32) -> Self {
        Self {
            n,
            x: self.x.wrapping_mul(steps as i32),
            y: self.y.wrapping_mul(steps as i32),
        }
    }
}

/// A unit at each place of two axes.
#[derive(Clone, Copy)]
struct Plane {
    unit: Unit,
    place: Place,
    near_x: Axis,
    near_y: Axis,
}

impl Plane {
    /// # Safety
    /// - Every place may be read and written, as far as the unit reaches.
    unsafe fn copy(self) {
        // Floats that the unit writes to each of so many lines, so far apart.
        let (len, lines, stride) = match self.unit {
            Unit::Block {
                rows, columns, y, ..
            } => (columns, rows, y),
            Unit::Run(len) => (len as u32, 1, self.near_x.y),
            Unit::Repeat(_) => (0, 1, 0),
        };
        let (rows, columns) = (self.near_x.n, self.near_y.n);
        let is_far = self.together().into_iter().all(|together| together < SHORT);
        let is_line =
            self.near_y.y == len as i32 && self.near_x.y == stride.wrapping_mul(lines as i32);
        if !is_far || !is_line || len > LANES as u32 || rows.min(columns) < 4 {
            // SAFETY: the caller's obligation.
            return unsafe { self.grid() };
        }
        let mut stage = [const { MaybeUninit::<f32>::uninit() }; STAGE];
        let stage = stage.as_mut_ptr().cast::<f32>();
        let most_rows = rows.min(MOST_LINES / lines);
        let most_columns = STAGE as u32 / MOST_LINES / len;
        let line = (STAGE as u32 / MOST_LINES) as i32;
        let mut j = 0;
        while j < columns {
            let columns = (columns - j).min(most_columns);
            let mut i = 0;
            while i < rows {
                let rows = (rows - i).min(most_rows);
                let place = self
                    .place
                    .after(self.near_x, i as isize)
                    .after(self.near_y, j as isize);
                let mut unit = self.unit;
                if let Unit::Block { y, .. } = &mut unit {
                    *y = line;
                }
                let read = Self {
                    unit,
                    place: Place {
                        from: place.from,
                        to: stage,
                    },
                    near_x: Axis {
                        n: rows,
                        x: self.near_x.x,
                        y: line * lines as i32,
                    },
                    near_y: Axis {
                        n: columns,
                        ..self.near_y
                    },
                };
                let written = Self {
                    unit: Unit::Run((columns * len) as usize),
                    place: Place {
                        from: stage,
                        to: place.to,
                    },
                    near_x: Axis::ONE,
                    near_y: Axis {
                        n: rows * lines,
                        x: line,
                        y: stride,
                    },
                };
                // SAFETY: a part of the plane, and as many floats of the stage.
                unsafe {
                    read.grid();
                    written.grid();
                }
                i += most_rows;
            }
            j += most_columns;
        }
    }

    /// How many places along `near_y`, and along `near_x`, are taken together, so that the caches still hold their lines when the
    /// other axis comes back to them.
    fn together(&self) -> [u32; 2] {
        let lines = match self.unit {
            Unit::Block { .. } => LANES as i32,
            _ => 1,
        };
        [self.near_y.x / lines, self.near_x.y / lines].map(|stride| {
            // Of a first-level cache's 64 sets, those that lines so far apart fall into; 8 lines each leave room for the other side.
            let sets = SETS >> stride.trailing_zeros().saturating_sub(4).min(6);
            (8 * sets).min(MOST_TOGETHER)
        })
    }

    /// # Safety
    /// - As of [`Self::copy`].
    unsafe fn grid(mut self) {
        let [along_y, along_x] = self.together();
        let mut together = along_y;
        let is_short = self.near_y.n < SHORT && self.near_x.n > self.near_y.n;
        if is_short || self.near_x.n > 1 && along_x > along_y {
            (self.near_x, self.near_y) = (self.near_y, self.near_x);
            together = along_x.max(SHORT);
        }
        if matches!(self.unit, Unit::Block { .. }) {
            together /= LANES as u32;
        }
        if self.near_x.n == 1 {
            together = self.near_y.n;
        }
        let mut first = 0;
        while first < self.near_y.n {
            for i in 0..self.near_x.n {
                let mut part = self;
                part.place = self
                    .place
                    .after(self.near_x, i as isize)
                    .after(self.near_y, first as isize);
                part.near_y.n = together.min(self.near_y.n - first);
                // SAFETY: the caller's obligation.
                unsafe { part.line() };
            }
            first += together;
        }
    }

    /// Copies the unit at the places of `near_y`.
    ///
    /// # Safety
    /// - As of [`Self::copy`].
    #[inline(always)]
    unsafe fn line(self) {
        // SAFETY: the caller's obligation.
        unsafe {
            match self.unit {
                Unit::Run(1) => self.each(|from, to| few::<1>(from, to)),
                Unit::Run(2) => self.each(|from, to| few::<2>(from, to)),
                Unit::Run(3) => self.each(|from, to| few::<3>(from, to)),
                Unit::Run(LANES) => self.each(|from, to| few::<4>(from, to)),
                Unit::Run(n) if n >= LONG_RUN => self.each(|from, to| to.copy_from(from, n)),
                Unit::Run(n) => {
                    self.each(|from, to| vectors(to, n, |i| F32x4::load(from.add(i))));
                }
                Unit::Repeat(LANES) => self.each(|from, to| F32x4::load_splat(from).store(to)),
                Unit::Repeat(n) => self.each(|from, to| {
                    let x = F32x4::load_splat(from);
                    vectors(to, n, |_| x);
                }),
                Unit::Block {
                    rows,
                    columns,
                    x,
                    y,
                } => match (rows, columns) {
                    (2, _) => self.each(|from, to| block::<2, 4>(from, to, x, y)),
                    (3, _) => self.each(|from, to| block::<3, 4>(from, to, x, y)),
                    (_, 2) => self.each(|from, to| block::<4, 2>(from, to, x, y)),
                    (_, 3) => self.each(|from, to| block::<4, 3>(from, to, x, y)),
                    _ => self.each(|from, to| block::<4, 4>(from, to, x, y)),
                },
            }
        }
    }

    #[inline(always)]
    fn each(self, f: impl Fn(*const f32, *mut f32)) {
        let Place { mut from, mut to } = self.place;
        for _ in 0..self.near_y.n {
            f(from, to);
            from = from.wrapping_offset(self.near_y.x as isize);
            to = to.wrapping_offset(self.near_y.y as isize);
        }
    }
}

/// # Safety
/// - `N` floats may be read and written.
#[inline(always)]
unsafe fn few<const N: usize>(from: *const f32, to: *mut f32) {
    // SAFETY: the caller's obligation.
    unsafe { F32x4::load_first::<N>(from).store_first::<N>(to) };
}

/// Writes `n` floats, some of them twice where they are no whole vectors.
///
/// # Safety
/// - They may be written, and `f` called with the first of any four of them.
#[inline(always)]
unsafe fn vectors(to: *mut f32, n: usize, f: impl Fn(usize) -> F32x4) {
    // SAFETY: i + 4 <= n.
    unsafe {
        let mut i = 0;
        while i + LANES <= n {
            f(i).store(to.add(i));
            i += LANES;
        }
        if n < LANES {
            for i in 0..n {
                f(0).store_first::<1>(to.add(i));
            }
        } else if i < n {
            f(n - LANES).store(to.add(n - LANES));
        }
    }
}

/// `COLUMNS` lines of `ROWS` floats of x to `ROWS` lines of `COLUMNS` floats of y.
///
/// # Safety
/// - They may be read and written.
#[inline(always)]
unsafe fn block<const ROWS: usize, const COLUMNS: usize>(
    from: *const f32,
    to: *mut f32,
    x: i32,
    y: i32,
) {
    let mut lines = [F32x4::splat(0.0); LANES];
    for (k, line) in lines.iter_mut().enumerate().take(COLUMNS) {
        // SAFETY: the caller's obligation.
        *line = unsafe { F32x4::load_first::<ROWS>(from.wrapping_offset(k as isize * x as isize)) };
    }
    for (k, line) in F32x4::transpose(lines).into_iter().enumerate().take(ROWS) {
        // SAFETY: the caller's obligation.
        unsafe { line.store_first::<COLUMNS>(to.wrapping_offset(k as isize * y as isize)) };
    }
}
