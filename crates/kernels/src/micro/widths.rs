//! How wide each register tile of a row of pixels is.

/// As few tiles as the widest allows, of nearly equal widths, as (width, tiles of it): narrow ones leave multipliers idle.
pub fn widths(px: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let tiles = px.div_ceil(most);
    // Nothing is divided by nothing where there are no pixels.
    let (width, wider) = (px / tiles.max(1), px % tiles.max(1));
    [(width + 1, wider), (width, tiles - wider)]
        .into_iter()
        .filter(|&(_, tiles)| tiles > 0)
}

#[cfg(test)]
mod tests {
    use super::widths;
    use std::vec::Vec;

    #[test]
    fn tiles_cover_the_row_and_differ_by_one_pixel_at_most() {
        for most in 1..=6 {
            for px in 0..100 {
                let found: Vec<(usize, usize)> = widths(px, most).collect();
                assert_eq!(
                    found
                        .iter()
                        .map(|(width, tiles)| width * tiles)
                        .sum::<usize>(),
                    px
                );
                assert!(found.iter().all(|&(width, _)| width >= 1 && width <= most));
                let tiles: usize = found.iter().map(|(_, tiles)| tiles).sum();
                assert_eq!(tiles, px.div_ceil(most));
                if let [(wide, _), (narrow, _)] = found[..] {
                    assert_eq!(wide, narrow + 1);
                }
            }
        }
    }
}
