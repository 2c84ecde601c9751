//! Bicubic interpolation along one axis: Keys' kernel with a = -1/2 (Catmull-Rom) at aligned pixel centres, as Pillow's BICUBIC enlarges, but
//! with edges replicated, as PyTorch's are. At the same size it gives each pixel itself, to the bit.

use crate::micro::border::{Border, map_index};

/// What one output coordinate reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taps {
    /// Coordinates of the source
    pub at: [usize; 4],
    /// Their weights, of sum 1
    pub weights: [f32; 4],
}

impl Taps {
    /// Of coordinate `i` of an axis of `to` pixels that shows `from` pixels; neither is 0, both are below 2^31.
    #[inline]
    pub fn new(i: usize, from: usize, to: usize) -> Self {
        // (i + 1/2) * from / to - 1/2 as a whole number and a fraction; exact, so that every row of a phase has the same weights.
        let position = (2 * i as i64 + 1) * from as i64 - to as i64;
        let unit = 2 * to as i64;
        let first = position.div_euclid(unit) as isize - 1;
        let t = position.rem_euclid(unit) as f32 / unit as f32;
        Self {
            at: core::array::from_fn(|k| {
                map_index(first + k as isize, from, Border::Replicate) as usize
            }),
            weights: [
                ((-0.5 * t + 1.0) * t - 0.5) * t,
                (1.5 * t - 2.5) * t * t + 1.0,
                ((-1.5 * t + 2.0) * t + 0.5) * t,
                (0.5 * t - 0.5) * t * t,
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Taps;

    #[test]
    fn the_same_size_gives_each_pixel_itself() {
        for i in 0..7 {
            let Taps { at, weights } = Taps::new(i, 7, 7);
            assert_eq!((at[1], weights), (i, [0.0, 1.0, 0.0, 0.0]));
        }
    }

    #[test]
    fn twice_the_size_takes_the_taps_of_a_quarter_and_replicates_edges() {
        // t = 3/4 for even coordinates, 1/4 for odd ones.
        let quarter = [-0.0703125, 0.8671875, 0.2265625, -0.0234375];
        let mut reversed = quarter;
        reversed.reverse();
        assert_eq!(
            Taps::new(5, 4, 8),
            Taps {
                at: [1, 2, 3, 3],
                weights: quarter
            }
        );
        assert_eq!(
            Taps::new(0, 4, 8),
            Taps {
                at: [0, 0, 0, 1],
                weights: reversed
            }
        );
    }

    #[test]
    fn any_ratio_has_weights_of_sum_1_and_keeps_ramps() {
        for (from, to) in [
            (1, 5),
            (9, 27),
            (10, 7),
            (100, 333),
            (1 << 30, (1 << 30) + 7),
        ] {
            for i in [0, to / 3, to / 2, to - 1] {
                let Taps { at, weights } = Taps::new(i, from, to);
                let sum: f32 = weights.iter().sum();
                assert!((sum - 1.0).abs() < 1e-6, "{from} -> {to} at {i}: {sum}");
                assert!(at.iter().all(|&at| at < from));
                if at[3] == at[0] + 3 {
                    let shown: f64 = at
                        .iter()
                        .zip(weights)
                        .map(|(&shown, w)| (shown - at[0]) as f64 * f64::from(w))
                        .sum();
                    let wanted = (i as f64 + 0.5) * from as f64 / to as f64 - 0.5 - at[0] as f64;
                    assert!((shown - wanted).abs() < 1e-5, "{from} -> {to} at {i}");
                }
            }
        }
    }
}
