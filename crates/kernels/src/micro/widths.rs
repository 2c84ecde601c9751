//! How wide each register tile of a row of pixels is.

/// As few tiles as the widest allows, of nearly equal widths: narrow ones leave multipliers idle.
#[derive(Clone, Copy, Debug)]
pub struct Widths {
    left: usize,
    tiles: usize,
}

impl Widths {
    /// For `px` pixels in tiles of at most `most`.
    pub fn new(px: usize, most: usize) -> Self {
        Self {
            left: px,
            tiles: px.div_ceil(most),
        }
    }
}

impl Iterator for Widths {
    type Item = usize;
    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.tiles == 0 {
            return None;
        }
        let width = self.left.div_ceil(self.tiles);
        self.left -= width;
        self.tiles -= 1;
        Some(width)
    }
}

#[cfg(test)]
mod tests {
    use super::Widths;
    use std::vec::Vec;

    #[test]
    fn tiles_cover_the_row_and_differ_by_one_pixel_at_most() {
        for most in 1..=6 {
            for px in 0..100 {
                let widths: Vec<usize> = Widths::new(px, most).collect();
                assert_eq!(widths.iter().sum::<usize>(), px);
                assert!(widths.iter().all(|&width| width >= 1 && width <= most));
                let differ = widths.iter().max().unwrap_or(&0) - widths.iter().min().unwrap_or(&0);
                assert!(differ <= 1, "{widths:?}");
            }
        }
    }
}
