//! Between planar and blocked: four planes <-> one plane of four-channel pixels, by 4x4 transposes.

use crate::mem::{Dst, Src};
use crate::simd::{F32x4, LANES};

/// Pixel i of y gets the i-th float of each plane. Lanes from `planes.len()` on become 0.
#[inline]
pub fn interleave(planes: &[Src], y: Dst) {
    let pixels = y.len() / LANES;
    assert!(planes.len() <= LANES && y.len().is_multiple_of(LANES));
    assert!(planes.iter().all(|plane| plane.len() == pixels));
    let zero = F32x4::splat(0.0);
    let mut i = 0;
    while i + LANES <= pixels {
        let mut rows = [zero; LANES];
        for (row, plane) in rows.iter_mut().zip(planes) {
            // SAFETY: i + 4 <= pixels, the length of every plane.
            *row = unsafe { F32x4::load(plane.as_ptr().add(i)) };
        }
        for (k, pixel) in F32x4::transpose(rows).into_iter().enumerate() {
            // SAFETY: pixel i + k < pixels.
            unsafe { pixel.store(y.as_mut_ptr().add((i + k) * LANES)) };
        }
        i += LANES;
    }
    while i < pixels {
        let mut pixel = [0.0; LANES];
        for (lane, plane) in pixel.iter_mut().zip(planes) {
            *lane = plane.get(i);
        }
        y.store(i * LANES, F32x4::new(pixel));
        i += 1;
    }
}

/// The i-th float of each plane gets its lane of pixel i of x.
#[inline]
pub fn deinterleave(x: Src, planes: &[Dst]) {
    let pixels = x.len() / LANES;
    assert!(planes.len() <= LANES && x.len().is_multiple_of(LANES));
    assert!(planes.iter().all(|plane| plane.len() == pixels));
    let mut i = 0;
    while i + LANES <= pixels {
        // SAFETY: pixels i .. i + 4 lie within x.
        let rows =
            core::array::from_fn(|k| unsafe { F32x4::load(x.as_ptr().add((i + k) * LANES)) });
        for (row, plane) in F32x4::transpose(rows).into_iter().zip(planes) {
            // SAFETY: i + 4 <= pixels, the length of every plane.
            unsafe { row.store(plane.as_mut_ptr().add(i)) };
        }
        i += LANES;
    }
    while i < pixels {
        for (lane, plane) in x.load(i * LANES).to_array().into_iter().zip(planes) {
            plane.set(i, lane);
        }
        i += 1;
    }
}
