//! A box of floats from one strided place to another, bit for bit.
//!
//! ```text
//! sort the axes by y's step, join those that are one axis on both sides
//! runs        both sides step by 1, or x repeats one float: copies
//! transposed  x steps by 1 along one axis and y along another: blocks of 4x4
//! else        float by float
//! ```
//! Each is a loop over two axes, of which one is near in x and the other in y, some of the second at a time: what a cache line holds
//! is used while a cache has it. The other axes count around it.

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
    const ONE: Self = Self { n: 1, x: 0, y: 0 };
}

/// Axes of a box, at most.
pub const MOST_AXES: usize = 16;

/// Of the axis that is near in y, steps that are taken for each of the one that is near in x: as many as fill a cache line.
const TOGETHER: u32 = 16;

/// Floats of a run from which on memory.copy, which is a call out of WebAssembly, is worth it.
const LONG_RUN: usize = 256;

/// What is done for each of the two axes' places.
#[derive(Clone, Copy)]
enum Inner {
    Float,
    Vector,
    Run(usize),
    Repeat(usize),
    Transposed,
}

/// Copies the box that begins at float `x_start` of x and `y_start` of y. The axes are left in any order and state.
pub fn copy_box(x: Src, x_start: usize, y: Dst, y_start: usize, axes: &mut [Axis]) {
    let steps = |step: fn(&Axis) -> i32| axes.iter().map(move |axis| (axis.n, step(axis)));
    for (len, start, (low, high)) in [
        (
            x.len(),
            x_start,
            bounds(x_start as i64, steps(|axis| axis.x)),
        ),
        (
            y.len(),
            y_start,
            bounds(y_start as i64, steps(|axis| axis.y)),
        ),
    ] {
        assert!(start < len && low >= 0 && (high as u64) < len as u64);
    }
    assert!(axes.len() <= MOST_AXES && axes.iter().all(|axis| axis.n > 0));
    let axes = joined(axes);
    let run = match axes.first() {
        Some(&axis) if axis.y == 1 && (axis.x == 1 || axis.x == 0) => take(axes, 0),
        _ => Axis { n: 1, x: 1, y: 1 },
    };
    let mut inner = match (run.n as usize, run.x) {
        (1, _) => Inner::Float,
        (n, 0) => Inner::Repeat(n),
        (LANES, _) => Inner::Vector,
        (n, _) => Inner::Run(n),
    };
    let near_y = match axes.iter().position(|axis| axis.n > 1) {
        Some(i) => take(axes, i),
        None => Axis::ONE,
    };
    let mut near_x = Axis::ONE;
    let nearest = (0..axes.len())
        .filter(|&i| axes[i].n > 1)
        .min_by_key(|&i| axes[i].x.unsigned_abs());
    if let Some(i) = nearest
        && axes[i].x.unsigned_abs() < near_y.x.unsigned_abs()
    {
        near_x = take(axes, i);
    }
    if matches!(inner, Inner::Float) && (near_x.x, near_y.y) == (1, 1) {
        inner = Inner::Transposed;
    }
    let mut counts = [0; MOST_AXES];
    let (mut from, mut to) = (
        x.as_ptr().wrapping_add(x_start),
        y.as_mut_ptr().wrapping_add(y_start),
    );
    loop {
        // SAFETY: every place that the axes lead to lies within its view, as was asserted; a run's floats are such places too.
        unsafe {
            match inner {
                Inner::Float => grid(from, to, near_x, near_y, |from, to| {
                    to.cast::<u32>().write(from.cast::<u32>().read());
                }),
                Inner::Vector => grid(from, to, near_x, near_y, |from, to| {
                    F32x4::load(from).store(to);
                }),
                Inner::Run(n) => grid(from, to, near_x, near_y, |from, to| copy_run(from, to, n)),
                Inner::Repeat(n) => grid(from, to, near_x, near_y, |from, to| repeat(from, to, n)),
                Inner::Transposed => transposed(from, to, near_x, near_y),
            }
        }
        let mut i = 0;
        loop {
            let Some(axis) = axes.get(i) else { return };
            counts[i] += 1;
            from = from.wrapping_offset(axis.x as isize);
            to = to.wrapping_offset(axis.y as isize);
            if counts[i] < axis.n {
                break;
            }
            from = from.wrapping_offset(-(axis.n as isize * axis.x as isize));
            to = to.wrapping_offset(-(axis.n as isize * axis.y as isize));
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

/// Calls `f` for every place of two axes.
///
/// # Safety
/// - `f` may be called with every place that the axes lead to.
#[inline(always)]
unsafe fn grid(
    from: *const f32,
    to: *mut f32,
    near_x: Axis,
    near_y: Axis,
    f: impl Fn(*const f32, *mut f32),
) {
    let together = if near_x.n == 1 { near_y.n } else { TOGETHER };
    let mut first = 0;
    while first < near_y.n {
        let end = near_y.n.min(first + together);
        for i in 0..near_x.n {
            let mut from = at(from, [i, first], [near_x.x, near_y.x]);
            let mut to = at(to.cast_const(), [i, first], [near_x.y, near_y.y]).cast_mut();
            for _ in first..end {
                f(from, to);
                from = from.wrapping_offset(near_y.x as isize);
                to = to.wrapping_offset(near_y.y as isize);
            }
        }
        first = end;
    }
}

#[inline(always)]
fn at(start: *const f32, [i, j]: [u32; 2], [x, y]: [i32; 2]) -> *const f32 {
    start.wrapping_offset(i as isize * x as isize + j as isize * y as isize)
}

/// # Safety
/// - `n` floats may be read and written.
#[inline(always)]
unsafe fn copy_run(from: *const f32, to: *mut f32, n: usize) {
    // SAFETY: i + 4 <= n, i < n.
    unsafe {
        if n >= LONG_RUN {
            return to.copy_from(from, n);
        }
        let mut i = 0;
        while i + LANES <= n {
            F32x4::load(from.add(i)).store(to.add(i));
            i += LANES;
        }
        if i < n {
            F32x4::load_first(from.add(i), n - i).store_first(to.add(i), n - i);
        }
    }
}

/// # Safety
/// - `n` floats may be written, and one read.
#[inline(always)]
unsafe fn repeat(from: *const f32, to: *mut f32, n: usize) {
    // SAFETY: i + 4 <= n, i < n.
    unsafe {
        let x = F32x4::load_splat(from);
        let mut i = 0;
        while i + LANES <= n {
            x.store(to.add(i));
            i += LANES;
        }
        if i < n {
            x.store_first(to.add(i), n - i);
        }
    }
}

/// `near_x.x` and `near_y.y` are 1.
///
/// # Safety
/// - Every place that the axes lead to may be read and written.
#[inline(always)]
unsafe fn transposed(from: *const f32, to: *mut f32, near_x: Axis, near_y: Axis) {
    const STEP: u32 = LANES as u32;
    let together = if near_x.n <= STEP { near_y.n } else { TOGETHER };
    let mut first = 0;
    while first < near_y.n {
        let end = near_y.n.min(first + together);
        let mut i = 0;
        while i < near_x.n {
            let rows = (near_x.n - i).min(STEP) as usize;
            let mut j = first;
            while j < end {
                let columns = (end - j).min(STEP) as usize;
                let from = at(from, [i, j], [1, near_y.x]);
                let to = at(to.cast_const(), [i, j], [near_x.y, 1]).cast_mut();
                // SAFETY: rows x columns places from (i, j) on are such.
                unsafe {
                    if rows == LANES && columns == LANES {
                        block::<true>(from, to, near_y.x, near_x.y, rows, columns);
                    } else {
                        block::<false>(from, to, near_y.x, near_x.y, rows, columns);
                    }
                }
                j += STEP;
            }
            i += STEP;
        }
        first = end;
    }
}

/// `columns` rows of `rows` floats of x to `rows` rows of `columns` floats of y.
///
/// # Safety
/// - They may be read and written. FULL: there are four of each.
#[inline(always)]
unsafe fn block<const FULL: bool>(
    from: *const f32,
    to: *mut f32,
    x_step: i32,
    y_step: i32,
    rows: usize,
    columns: usize,
) {
    let (rows, columns) = if FULL {
        (LANES, LANES)
    } else {
        (rows, columns)
    };
    let mut lines = [F32x4::splat(0.0); LANES];
    for (k, line) in lines.iter_mut().enumerate().take(columns) {
        // SAFETY: the caller's obligation.
        *line =
            unsafe { F32x4::load_first(from.wrapping_offset(k as isize * x_step as isize), rows) };
    }
    for (k, line) in F32x4::transpose(lines).into_iter().enumerate().take(rows) {
        // SAFETY: the caller's obligation.
        unsafe { line.store_first(to.wrapping_offset(k as isize * y_step as isize), columns) };
    }
}
