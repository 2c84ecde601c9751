//! Staging: the rows under a tile of output, copied from a blocked tensor to scratch, where a pixel's channels are neighbours
//! and padding is ordinary pixels. Inner loops after it know neither borders nor channel blocks.
//!
//! A staged pixel has `pixel_elems(C)` floats: C where C < 4 (no multiply is spent on lanes that aren't there), else C filled up
//! to whole blocks with zeros. Four blocks are copied together, since four make a cache line of the destination.

use super::border::{Border, map_index};
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

/// Copies the window to `to`, as [row][column][channel].
pub fn stage(x: Src, shape: &Blocked, window: &Window, to: Dst) {
    let row_elems = window.cols * pixel_elems(shape.c);
    for row in 0..window.rows {
        let to = to.slice(row * row_elems, row_elems);
        let y = window.top + (row * window.row_step) as isize;
        match map_index(y, shape.h, window.border) {
            ..0 => (0..row_elems).for_each(|i| to.set(i, 0.0)),
            y => stage_row(x, shape, window, y as usize, to),
        }
    }
}

fn stage_row(x: Src, shape: &Blocked, window: &Window, y: usize, to: Dst) {
    let inside_from = (-window.left).clamp(0, window.cols as isize);
    let inside_to = (shape.w as isize - window.left).clamp(inside_from, window.cols as isize);
    let (inside_from, inside_to) = (inside_from as usize, inside_to as usize);
    for col in (0..inside_from).chain(inside_to..window.cols) {
        let (at, len) = (col * pixel_elems(shape.c), pixel_elems(shape.c));
        let to = to.slice(at, len);
        match map_index(window.left + col as isize, shape.w, window.border) {
            ..0 => (0..len).for_each(|i| to.set(i, 0.0)),
            column => copy_pixels(x, shape, window.n, y, column as usize, 1, to),
        }
    }
    let px = inside_to - inside_from;
    if px > 0 {
        let column = (window.left + inside_from as isize) as usize;
        let at = inside_from * pixel_elems(shape.c);
        let to = to.slice(at, px * pixel_elems(shape.c));
        copy_pixels(x, shape, window.n, y, column, px, to);
    }
}

/// `px` neighbours that lie in the picture.
fn copy_pixels(x: Src, shape: &Blocked, n: usize, y: usize, column: usize, px: usize, to: Dst) {
    let (step, plane) = (pixel_elems(shape.c), shape.plane_px() * LANES);
    let from = x.slice(
        shape.at(n, 0, y, column),
        x.len() - shape.at(n, 0, y, column),
    );
    if shape.c < LANES {
        for i in 0..px * step {
            to.set(i, from.get(i / step * LANES + i % step));
        }
        return;
    }
    let whole = shape.c / LANES;
    let mut block = 0;
    while block + 4 <= whole {
        interleave::<4>(from, block * plane, plane, px, to, block * LANES, step);
        block += 4;
    }
    while block < whole {
        interleave::<1>(from, block * plane, plane, px, to, block * LANES, step);
        block += 1;
    }
    if whole < shape.channel_blocks() {
        for p in 0..px {
            for lane in 0..LANES {
                let there = lane < shape.lanes_in(whole);
                let value = if there {
                    from.get(whole * plane + p * LANES + lane)
                } else {
                    0.0
                };
                to.set(p * step + whole * LANES + lane, value);
            }
        }
    }
}

/// `BLOCKS` planes of `px` vectors each, to `px` groups of `BLOCKS` vectors.
#[inline(always)]
fn interleave<const BLOCKS: usize>(
    from: Src,
    from_at: usize,
    plane: usize,
    px: usize,
    to: Dst,
    to_at: usize,
    step: usize,
) {
    assert!(px > 0 && from_at + (BLOCKS - 1) * plane + px * LANES <= from.len());
    assert!(to_at + (px - 1) * step + BLOCKS * LANES <= to.len());
    let (from, to) = (from.as_ptr(), to.as_mut_ptr());
    for p in 0..px {
        for block in 0..BLOCKS {
            // SAFETY: p < px and block < BLOCKS: within what the assertions cover.
            unsafe {
                F32x4::load(from.add(from_at + block * plane + p * LANES))
                    .store(to.add(to_at + p * step + block * LANES));
            }
        }
    }
}

/// Copies one channel block of the window to `to`, as [row][column] of vectors. Lanes past C become zeros.
pub fn stage_plane(x: Src, shape: &Blocked, window: &Window, block: usize, to: Dst) {
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
                column => from.load(column as usize * LANES),
            };
            to.store(col * LANES, pixel);
        }
        if inside_from < inside_to {
            let len = (inside_to - inside_from) * LANES;
            let at = (window.left + inside_from as isize) as usize * LANES;
            rows::copy(from.slice(at, len), to.slice(inside_from * LANES, len));
        }
    }
    if lanes < LANES {
        let to = to.slice(0, window.rows * row_elems);
        rows::map(to.as_src(), to, |pixel| {
            let mut pixel = pixel.to_array();
            pixel[lanes..].fill(0.0);
            F32x4::new(pixel)
        });
    }
}
