//! How far a walk reaches: what a micro-kernel asserts once against the length of its views, before it loads unchecked.
//!
//! `usize` has 32 bits in WebAssembly, and overflow wraps there: `start + (n - 1) * stride <= len` holds for a walk that wraps round.
//! So sums are made in 64 bits. Products are made in the machine's own width, which is cheap on 32 bits, and count as more than any
//! memory holds when they overflow.

/// From the first of `n` things to the last, `stride` apart; 0 of none.
#[inline(always)]
pub fn span(n: usize, stride: usize) -> u64 {
    let product = n.saturating_sub(1).checked_mul(stride);
    product.map_or(u64::MAX, |product| product as u64)
}

/// Floats from where a walk starts to one past the last that it touches: the sum of its spans, and the `run` floats at each place.
#[inline(always)]
pub fn reach<const N: usize>(spans: [u64; N], run: usize) -> u64 {
    spans.into_iter().fold(run as u64, u64::saturating_add)
}

/// The lowest and the highest place of a walk from `start` along axes of (how many, step), whatever their signs.
#[inline]
pub fn bounds(start: i64, axes: impl Iterator<Item = (u32, i32)>) -> (i64, i64) {
    axes.fold((start, start), |(low, high), (n, step)| {
        // 33 bits and 32 of them fit 64.
        let last = (i64::from(n) - 1) * i64::from(step);
        (
            low.saturating_add(last.min(0)),
            high.saturating_add(last.max(0)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{bounds, reach, span};

    #[test]
    fn what_cannot_be_counted_reaches_further_than_any_view() {
        assert_eq!(span(0, usize::MAX), 0);
        assert_eq!(span(1, usize::MAX), 0);
        assert_eq!(span(3, 5), 10);
        assert_eq!(span(3, usize::MAX), u64::MAX);
        assert_eq!(reach([span(3, 5), span(2, 100)], 4), 114);
        assert_eq!(reach([span(3, usize::MAX), 1], usize::MAX), u64::MAX);
    }

    #[test]
    fn bounds_of_steps_of_both_signs() {
        let axes = [(3, 5), (2, -7), (1, i32::MIN), (9, 0)];
        assert_eq!(bounds(4, axes.into_iter()), (-3, 14));
        let far = [(u32::MAX, i32::MAX); 4].into_iter();
        assert_eq!(bounds(1, far), (1, i64::MAX));
        let far = [(u32::MAX, i32::MIN); 4].into_iter();
        assert_eq!(bounds(-1, far), (i64::MIN, -1));
    }
}
