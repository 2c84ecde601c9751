//! The two inner axes of a box, and what is copied at each of their places.

use core::mem::MaybeUninit;

use super::Axis;
use crate::simd::{F32x4, LANES};

/// Floats between x and y where both are far in turn: a part of a plane is read along x, then written along y.
const STAGE: usize = 4096;
/// Lines that they are, at most.
const MOST_LINES: u32 = 64;
/// Places that are taken together, at most.
const MOST_TOGETHER: u32 = 64;
/// Fewer are not worth a loop of their own: a cache line of floats.
pub(super) const SHORT: u32 = 16;
/// Sets of a first-level cache.
const SETS: u32 = 64;

/// Floats of a run from which on memory.copy, which is a call out of WebAssembly, is worth it.
const LONG_RUN: usize = 1024;

/// What is copied at a place.
#[derive(Clone, Copy)]
pub(super) enum Unit {
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

/// A float of x, and where it goes.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) from: *const f32,
    pub(super) to: *mut f32,
}

impl Place {
    /// `n` steps of an axis on.
    #[inline(always)]
    pub(super) fn after(self, axis: Axis, n: isize) -> Self {
        Self {
            from: self.from.wrapping_offset(axis.x as isize * n),
            to: self.to.wrapping_offset(axis.y as isize * n),
        }
    }
}

/// A unit at each place of two axes.
#[derive(Clone, Copy)]
pub(super) struct Plane {
    pub(super) unit: Unit,
    pub(super) place: Place,
    pub(super) near_x: Axis,
    pub(super) near_y: Axis,
}

impl Plane {
    /// # Safety
    /// - Every place may be read and written, as far as the unit reaches.
    pub(super) unsafe fn copy(self) {
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
