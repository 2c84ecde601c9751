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

#[cfg(test)]
mod tests {
    use super::{reach, span};

    #[test]
    fn what_cannot_be_counted_reaches_further_than_any_view() {
        assert_eq!(span(0, usize::MAX), 0);
        assert_eq!(span(1, usize::MAX), 0);
        assert_eq!(span(3, 5), 10);
        assert_eq!(span(3, usize::MAX), u64::MAX);
        assert_eq!(reach([span(3, 5), span(2, 100)], 4), 114);
        assert_eq!(reach([span(3, usize::MAX), 1], usize::MAX), u64::MAX);
    }
}
