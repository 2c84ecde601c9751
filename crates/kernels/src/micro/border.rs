//! Where padding reads: one coordinate of the padded picture -> the coordinate of the picture, or nothing. The one place that
//! knows what reflection and replication mean; rows and columns are two such maps.

/// What stands outside the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Border {
    /// A constant, 0 for convolutions
    Constant,
    /// The picture mirrored at its outermost pixel, which is not repeated: -1 -> 1
    Reflect,
    /// The outermost pixel
    Replicate,
}

impl Border {
    /// From a record's field; `None` if there is no such mode.
    pub const fn from_word(word: u32) -> Option<Self> {
        match word {
            0 => Some(Self::Constant),
            1 => Some(Self::Reflect),
            2 => Some(Self::Replicate),
            _ => None,
        }
    }
}

/// The coordinate in `0..size` that padded coordinate `i` (0 is the picture's first pixel) shows; -1 stands for the constant.
///
/// Reflection goes on as often as it must; a picture of one pixel is its own mirror image.
#[inline]
pub const fn map_index(i: isize, size: usize, border: Border) -> isize {
    let size = size as isize;
    if i >= 0 && i < size {
        return i;
    }
    match border {
        Border::Constant => -1,
        Border::Replicate => {
            if i < 0 {
                0
            } else {
                size - 1
            }
        }
        Border::Reflect => {
            // Forth and back is one period; both turning points occur once in it.
            let period = 2 * (size - 1);
            if period == 0 {
                return 0;
            }
            let phase = i.rem_euclid(period);
            if phase < size { phase } else { period - phase }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Border, map_index};

    #[test]
    fn reflection_mirrors_at_the_outermost_pixel_as_often_as_needed() {
        let shown: [isize; 15] =
            core::array::from_fn(|i| map_index(i as isize - 6, 3, Border::Reflect));
        assert_eq!(shown, [2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0]);
        assert_eq!(map_index(-3, 1, Border::Reflect), 0);
        assert_eq!(map_index(5, 2, Border::Reflect), 1);
    }

    #[test]
    fn replication_holds_the_outermost_pixel_and_a_constant_has_none() {
        let replicated: [isize; 6] =
            core::array::from_fn(|i| map_index(i as isize - 2, 2, Border::Replicate));
        assert_eq!(replicated, [0, 0, 0, 1, 1, 1]);
        let constant: [isize; 4] =
            core::array::from_fn(|i| map_index(i as isize - 1, 2, Border::Constant));
        assert_eq!(constant, [-1, 0, 1, -1]);
    }
}
