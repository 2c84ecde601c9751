//! A pixel of a picture, as a network sees it: levels of red, green, blue and alpha.
//!
//! Pixels that are all but transparent fade to grey, since their colours mean nothing: encoders leave anything under alpha 0, and a canvas
//! keeps premultiplied bytes, of which a low alpha leaves few levels. The network would carry it far into what is visible.
//! Grey, since no picture stands out from it by more than 128 levels. The ramp is short, since nothing takes the grey out of a painting
//! again: it adds at most 4 levels to a visible edge, and a canvas's rounding changes an input by 4 levels at most. (Up to alpha 255 it
//! would be 32 levels and half a one.) All of it is exact in float32.

/// What transparent pixels look like to the network.
const GREY: f32 = 128.0;
/// Alpha from which a colour is as it stands.
const FADE: u8 = 32;
/// Alpha of pictures that have none.
const OPAQUE: f32 = 255.0;

/// Red, green, blue and alpha; grey is all three colours.
#[inline(always)]
pub fn visible<const CHANNELS: usize>(pixel: [u8; CHANNELS]) -> [f32; 4] {
    let levels = match CHANNELS {
        1 | 2 => [pixel[0]; 3],
        _ => [pixel[0], pixel[1], pixel[2]],
    }
    .map(f32::from);
    let [r, g, b] = levels;
    if CHANNELS % 2 == 1 {
        return [r, g, b, OPAQUE];
    }
    let alpha = pixel[CHANNELS - 1];
    if alpha >= FADE {
        return [r, g, b, f32::from(alpha)];
    }
    let weight = f32::from(alpha) / f32::from(FADE);
    let [r, g, b] = levels.map(|level| (level - GREY) * weight + GREY);
    [r, g, b, f32::from(alpha)]
}

/// Rec. 601's luma, as Pillow's grey and JPEG's Y.
#[inline(always)]
pub fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn opaque_pixels_have_the_bits_of_those_without_alpha() {
        for pixel in 0..=255u8 {
            let [r, g, b] = [pixel, pixel.wrapping_mul(7), pixel ^ 90];
            for alpha in [32, 33, 128, 255] {
                assert_eq!(visible([r, g, b, alpha])[..3], visible([r, g, b])[..3]);
                assert_eq!(visible([r, alpha])[..3], visible([r])[..3]);
                assert_eq!(visible([r, alpha])[3], f32::from(alpha));
            }
            assert_eq!(visible([r, g, b, 0]), [128.0, 128.0, 128.0, 0.0]);
            assert_eq!(visible([r])[3], 255.0);
        }
    }
}
