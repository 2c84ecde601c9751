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
//!   places only made a narrow transpose six times slower, 64 of them in one set four times (4 MiB, NCHW to NHWC of 64 channels, and back).
//! - Where lines on both sides fall into one set each, as in 1024x1024, 16 KiB are read along x, then written along y.
//! - Reading the next lines ahead of their use made all of it slower.

use crate::mem::{Dst, Src};
use crate::micro::reach::bounds;
use crate::simd::LANES;

mod plane;
use plane::{Place, Plane, SHORT, Unit};

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

/// Axes of a box, at most.
pub const MOST_AXES: usize = 16;

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
