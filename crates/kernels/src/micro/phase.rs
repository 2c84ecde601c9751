//! Sub-pixel decomposition of a transposed convolution, along one axis. Output coordinate o (cut-off pixels counted) reads input
//! i through kernel tap k where o = i * stride + k. So all outputs with the same `o mod stride` read through the same taps:
//! that phase is an ordinary convolution, of stride 1, with every `stride`-th tap, the last one first.

/// Outputs whose coordinate leaves remainder `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Remainder, and the first kernel tap
    pub index: usize,
    /// Kernel taps it reads through; 0 where the kernel is smaller than the stride
    pub taps: usize,
    /// Taps of the phases before it
    pub before: usize,
    stride: usize,
}

/// The phases that have taps, in order.
pub fn phases(kernel: usize, stride: usize) -> impl Iterator<Item = Phase> + Clone {
    (0..stride.min(kernel)).map(move |index| phase(kernel, stride, index))
}

/// The phase of outputs with remainder `index`.
pub fn phase(kernel: usize, stride: usize, index: usize) -> Phase {
    let taps_of = |index: usize| kernel.saturating_sub(index).div_ceil(stride);
    // Phases differ by one tap at most: the first `kernel mod stride` have one more.
    Phase {
        index,
        taps: taps_of(index),
        before: index * (kernel / stride) + index.min(kernel % stride),
        stride,
    }
}

impl Phase {
    /// The most taps that any phase has.
    pub fn most_taps(kernel: usize, stride: usize) -> usize {
        kernel.div_ceil(stride)
    }

    /// Kernel taps in the order of the inputs that they read.
    pub fn kernel(self) -> impl Iterator<Item = usize> + Clone {
        (0..self.taps)
            .rev()
            .map(move |tap| self.index + tap * self.stride)
    }

    /// Kernel pixels of all phases (row phase, column phase) before this pair, of a kernel `kw` wide.
    pub fn taps_before(rows: &Self, cols: &Self, kw: usize) -> usize {
        rows.before * kw + rows.taps * cols.before
    }
}

#[cfg(test)]
mod tests {
    use super::{Phase, phase, phases};
    use std::vec::Vec;

    #[test]
    fn every_tap_belongs_to_one_phase() {
        for kernel in 1..12 {
            for stride in 1..6 {
                let mut before = 0;
                let mut all: Vec<usize> = Vec::new();
                for phase in phases(kernel, stride) {
                    assert_eq!(phase.before, before, "{kernel} {stride}");
                    assert_eq!(phase.kernel().count(), phase.taps);
                    assert!(phase.taps > 0 && phase.taps <= Phase::most_taps(kernel, stride));
                    before += phase.taps;
                    all.extend(phase.kernel());
                }
                all.sort();
                assert_eq!(all, (0..kernel).collect::<Vec<_>>());
            }
        }
        assert_eq!(phase(2, 5, 3).taps, 0);
    }
}
