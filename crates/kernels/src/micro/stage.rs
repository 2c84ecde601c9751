//! Staging: the rows under a tile of output, copied from a blocked tensor to scratch, where a pixel's channels are neighbours
//! and padding is ordinary pixels. Inner loops after it know neither borders nor channel blocks.
//!
//! A staged pixel has `pixel_elems(C)` floats: C where C < 4 (no multiply is spent on lanes that aren't there), else C filled up
//! to whole blocks with zeros. Four blocks are copied together, since four make a cache line of the destination.

use super::border::{Border, map_index};
use super::epilogue::{ChannelStep, step_row};
use super::load::{Load, Loads, Plain};
use super::reach::{reach, span};
use super::rows;
use crate::layout::Blocked;
use crate::mem::{Dst, Src};
use crate::simd::{F32x4, LANES};

/// Floats of a staged pixel of `c` channels.
pub const fn pixel_elems(c: usize) -> usize {
    if c < LANES {
        c
    } else {
        c.next_multiple_of(LANES)
    }
}

/// Which pixels are staged. Coordinates are those of the picture; they may lie outside it.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Sample
    pub n: usize,
    /// First row
    pub top: isize,
    /// Staged rows
    pub rows: usize,
    /// From one staged row to the next, in rows of the picture
    pub row_step: usize,
    /// First column
    pub left: isize,
    /// Staged columns, all that follow the first
    pub cols: usize,
    /// What stands outside the picture
    pub border: Border,
}

/// Copies the window to `to`, as [row][column][channel], mapped on the way or not.
pub fn stage(x: Src, shape: &Blocked, window: &Window, load: Loads, to: Dst) {
    // Pixels of one block lie as they are staged.
    if shape.c == LANES {
        return stage_plane(x, shape, window, load, 0, to);
    }
    match load {
        Loads::Plain => stage_rows(x, shape, window, Plain, to),
        Loads::Affine(load, step) => {
            stage_rows(x, shape, window, load, to);
            let staged = window.rows * window.cols * pixel_elems(shape.c);
            step_staged(to.slice(0, staged), step);
        }
    }
}

/// Applies a step of numbers to what has been staged.
fn step_staged(staged: Dst, step: ChannelStep) {
    let whole = staged.len() / LANES * LANES;
    let numbers = step.of(0, 1);
    step_row(staged.slice(0, whole), numbers);
    for i in whole..staged.len() {
        let mut pixel = [[F32x4::splat(staged.get(i))]];
        numbers.apply(&mut pixel);
        staged.set(i, pixel[0][0].to_array()[0]);
    }
}

fn stage_rows(x: Src, shape: &Blocked, window: &Window, load: impl Load, to: Dst) {
    let row_elems = window.cols * pixel_elems(shape.c);
    for row in 0..window.rows {
        let to = to.slice(row * row_elems, row_elems);
        let y = window.top + (row * window.row_step) as isize;
        match map_index(y, shape.h, window.border) {
            ..0 => clear(to),
            y => stage_row(x, shape, window, y as usize, load, to),
        }
    }
}

fn stage_row(x: Src, shape: &Blocked, window: &Window, y: usize, load: impl Load, to: Dst) {
    let inside_from = (-window.left).clamp(0, window.cols as isize);
    let inside_to = (shape.w as isize - window.left).clamp(inside_from, window.cols as isize);
    let (inside_from, inside_to) = (inside_from as usize, inside_to as usize);
    let copy = |column, px, to| {
        let from = shape.at(window.n, 0, y, column);
        copy_pixels(x.slice(from, x.len() - from), shape, px, load, to);
    };
    for col in (0..inside_from).chain(inside_to..window.cols) {
        let (at, len) = (col * pixel_elems(shape.c), pixel_elems(shape.c));
        let to = to.slice(at, len);
        match map_index(window.left + col as isize, shape.w, window.border) {
            ..0 => clear(to),
            column => copy(column as usize, 1, to),
        }
    }
    let px = inside_to - inside_from;
    if px > 0 {
        let at = inside_from * pixel_elems(shape.c);
        let to = to.slice(at, px * pixel_elems(shape.c));
        copy((window.left + inside_from as isize) as usize, px, to);
    }
}

/// Sets floats to 0 that need not be whole vectors.
#[inline(never)]
fn clear(to: Dst) {
    let whole = to.len() / LANES * LANES;
    rows::fill(to.slice(0, whole), F32x4::splat(0.0));
    (whole..to.len()).for_each(|i| to.set(i, 0.0));
}

/// `px` neighbours that lie in the picture, the first at the beginning of `from`.
fn copy_pixels<L: Load>(from: Src, shape: &Blocked, px: usize, load: L, to: Dst) {
    let (step, plane) = (pixel_elems(shape.c), shape.plane_px() * LANES);
    let whole = shape.c / LANES;
    let mut block = 0;
    while block + 4 <= whole {
        interleave::<4, L>(from, block, plane, px, load, to, step);
        block += 4;
    }
    while block < whole {
        interleave::<1, L>(from, block, plane, px, load, to, step);
        block += 1;
    }
    if whole < shape.channel_blocks() {
        let (lanes, channels) = (shape.lanes_in(whole), load.channels(whole));
        for p in 0..px {
            let x = from.load(whole * plane + p * LANES);
            let mut there = L::apply(channels, x).to_array();
            there[lanes..].fill(0.0);
            for (lane, value) in there.into_iter().take(step).enumerate() {
                to.set(p * step + whole * LANES + lane, value);
            }
        }
    }
}

/// `BLOCKS` planes of `px` vectors each, to `px` groups of `BLOCKS` vectors.
#[inline(always)]
fn interleave<const BLOCKS: usize, L: Load>(
    from: Src,
    first: usize,
    plane: usize,
    px: usize,
    load: L,
    to: Dst,
    step: usize,
) {
    let last = first.saturating_add(BLOCKS);
    let read = [span(last, plane), span(px, LANES)];
    assert!(px > 0 && reach(read, LANES) <= from.len() as u64);
    let written = [span(last, LANES), span(px, step)];
    assert!(reach(written, LANES) <= to.len() as u64);
    let (from_at, to_at) = (first * plane, first * LANES);
    let (from, to) = (from.as_ptr(), to.as_mut_ptr());
    let channels: [L::Channels; BLOCKS] =
        core::array::from_fn(|block| load.channels(first + block));
    for p in 0..px {
        for (block, &channels) in channels.iter().enumerate() {
            // SAFETY: p < px and block < BLOCKS: within what the assertions cover.
            unsafe {
                let x = F32x4::load(from.add(from_at + block * plane + p * LANES));
                L::apply(channels, x).store(to.add(to_at + p * step + block * LANES));
            }
        }
    }
}

/// Copies one channel block of the window to `to`, as [row][column] of vectors, mapped on the way or not. Lanes past C become
/// zeros, but for those of fewer than four channels, which a pixel (`pixel_elems`) doesn't have.
pub fn stage_plane(x: Src, shape: &Blocked, window: &Window, load: Loads, block: usize, to: Dst) {
    match load {
        Loads::Plain => plane_rows(x, shape, window, Plain, block, to),
        Loads::Affine(load, step) => {
            plane_rows(x, shape, window, load, block, to);
            step_staged(to.slice(0, window.rows * window.cols * LANES), step);
        }
    }
}

fn plane_rows<L: Load>(x: Src, shape: &Blocked, window: &Window, load: L, block: usize, to: Dst) {
    let channels = load.channels(block);
    let row_elems = window.cols * LANES;
    let lanes = shape.lanes_in(block);
    let inside_from = (-window.left).clamp(0, window.cols as isize) as usize;
    let inside_to = (shape.w as isize - window.left).clamp(0, window.cols as isize) as usize;
    for row in 0..window.rows {
        let to = to.slice(row * row_elems, row_elems);
        let y = map_index(
            window.top + (row * window.row_step) as isize,
            shape.h,
            window.border,
        );
        if y < 0 {
            rows::fill(to, F32x4::splat(0.0));
            continue;
        }
        let from = x.slice(shape.at(window.n, block, y as usize, 0), shape.w * LANES);
        for col in (0..inside_from).chain(inside_to.max(inside_from)..window.cols) {
            let pixel = match map_index(window.left + col as isize, shape.w, window.border) {
                ..0 => F32x4::splat(0.0),
                column => L::apply(channels, from.load(column as usize * LANES)),
            };
            to.store(col * LANES, pixel);
        }
        if inside_from < inside_to {
            let len = (inside_to - inside_from) * LANES;
            let at = (window.left + inside_from as isize) as usize * LANES;
            rows::stream(
                from.slice(at, len),
                to.slice(inside_from * LANES, len),
                |x| L::apply(channels, x),
            );
        }
    }
    if lanes < LANES && shape.c > LANES {
        let to = to.slice(0, window.rows * row_elems);
        rows::map(to.as_src(), to, |pixel| {
            let mut pixel = pixel.to_array();
            pixel[lanes..].fill(0.0);
            F32x4::new(pixel)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Window, stage};
    use crate::layout::Blocked;
    use crate::micro::border::Border;
    use crate::micro::load::Loads;
    use crate::testing::with_view;

    #[test]
    #[should_panic(expected = "assertion failed: px > 0 && reach")]
    fn a_plane_whose_end_wraps_is_refused() {
        // Four floats less than all that there are: the second block would lie four floats before the first.
        let half = usize::BITS / 2 - 1;
        let shape = Blocked {
            n: 1,
            c: 8,
            h: (1 << half) - 1,
            w: (1 << half) + 1,
        };
        let window = Window {
            n: 0,
            top: 0,
            rows: 1,
            row_step: 1,
            left: 0,
            cols: 1,
            border: Border::Constant,
        };
        with_view(8, |to| {
            stage(to.as_src(), &shape, &window, Loads::Plain, to)
        });
    }
}
