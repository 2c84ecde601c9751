//! How the window of a convolution that is not transposed moves over x, and how y is cut into tiles.

use crate::micro::border::Border;
use crate::micro::stage::Window;
use crate::ops::conv::Given;
use crate::ops::{Fault, MOST_COORDINATE, border, within};
use crate::record::{Frame, Sliding, given};

/// Most floats from one pixel to the next: a tile of them has a length in bytes.
const MOST_STEP_ELEMS: u64 = i32::MAX as u64 / 4;

/// One axis of a convolution that is not transposed: how its window moves over x, and how y is cut into tiles.
pub(crate) struct Axis {
    pub(crate) out: u32,
    pub(crate) kernel: Given,
    pub(crate) stride: Given,
    pub(crate) dilation: Given,
    pub(crate) pad: Given,
    pub(crate) tile: Given,
}

impl Axis {
    fn check(&self) -> Result<(), Fault> {
        for (field, got) in [self.kernel, self.stride, self.dilation, self.tile] {
            within(field, got, 1..=u32::MAX)?;
        }
        Ok(())
    }

    fn check_reach(&self) -> Result<(), Fault> {
        let last = u128::from(self.out) * u128::from(self.stride.1)
            + u128::from(self.kernel.1) * u128::from(self.dilation.1);
        match last + u128::from(self.pad.1) > u128::from(MOST_COORDINATE) {
            true => Err(Fault::field(self.pad.0, self.pad.1)),
            false => Ok(()),
        }
    }

    fn tiles(&self) -> u32 {
        self.out.div_ceil(self.tile.1)
    }

    /// Inputs from the first to the last that `outputs` neighbours read.
    fn inputs(&self, outputs: u32) -> u64 {
        u64::from(outputs - 1) * u64::from(self.stride.1)
            + u64::from(self.kernel.1 - 1) * u64::from(self.dilation.1)
            + 1
    }

    /// The first input under output `at`: negative in the border.
    fn first(&self, at: usize) -> isize {
        (at * self.stride.1 as usize) as isize - self.pad.1 as isize
    }
}

/// Both axes of a convolution that is not transposed.
pub(crate) struct Axes {
    pub(crate) rows: Axis,
    pub(crate) cols: Axis,
}

impl Axes {
    /// What can be checked before sizes are known to be there.
    #[inline(never)]
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.rows.check()?;
        self.cols.check()?;
        let most = if self.rows.dilation.1 == 1 {
            u32::MAX
        } else {
            1
        };
        within(self.rows.tile.0, self.rows.tile.1, 1..=most)
    }

    /// That every coordinate and step of staged pixels of `pixel` floats can be counted.
    pub(crate) fn check_reach(&self, pixel: usize) -> Result<(), Fault> {
        self.rows.check_reach()?;
        self.cols.check_reach()?;
        // Where there is one column, or one tap, nothing is that far away, but the distance is computed.
        for (field, step) in [self.cols.stride, self.cols.dilation] {
            if u64::from(step) * pixel as u64 > MOST_STEP_ELEMS {
                return Err(Fault::field(field, step));
            }
        }
        Ok(())
    }

    /// Tiles along rows and columns.
    pub(crate) fn grid(&self) -> (u32, u32) {
        (self.rows.tiles(), self.cols.tiles())
    }

    /// Tiles of a plane.
    pub(crate) fn parts(&self) -> u64 {
        let (rows, cols) = self.grid();
        u64::from(rows) * u64::from(cols)
    }

    /// Rows and columns that a tile stages.
    pub(crate) fn staged(&self) -> (u64, u64) {
        (
            self.staged_rows(self.rows.tile.1.min(self.rows.out)),
            self.cols.inputs(self.cols.tile.1.min(self.cols.out)),
        )
    }

    /// Rows of a dilated kernel lie apart, so only a single output row's are staged.
    fn staged_rows(&self, outputs: u32) -> u64 {
        match self.rows.dilation.1 {
            1 => self.rows.inputs(outputs),
            _ => u64::from(self.rows.kernel.1),
        }
    }

    /// What is staged for a rectangle of y, from and to (exclusive).
    #[inline(never)]
    pub(crate) fn window(
        &self,
        n: usize,
        rows: (usize, usize),
        cols: (usize, usize),
        border: Border,
    ) -> Window {
        Window {
            n,
            top: self.rows.first(rows.0),
            rows: self.staged_rows((rows.1 - rows.0) as u32) as usize,
            row_step: self.rows.dilation.1 as usize,
            left: self.cols.first(cols.0),
            cols: self.cols.inputs((cols.1 - cols.0) as u32) as usize,
            border,
        }
    }
}

impl Sliding {
    /// Rows and columns of a convolution of `frame`.
    pub(crate) fn axes(&self, frame: &Frame) -> Axes {
        Axes {
            rows: Axis {
                out: frame.out_h,
                kernel: given!(self, Self, kh),
                stride: given!(self, Self, stride_h),
                dilation: given!(self, Self, dilation_h),
                pad: given!(self, Self, pad_top),
                tile: given!(self, Self, tile_rows),
            },
            cols: Axis {
                out: frame.out_w,
                kernel: given!(self, Self, kw),
                stride: given!(self, Self, stride_w),
                dilation: given!(self, Self, dilation_w),
                pad: given!(self, Self, pad_left),
                tile: given!(self, Self, tile_cols),
            },
        }
    }

    pub(crate) fn border(&self) -> Result<Border, Fault> {
        let (field, word) = given!(self, Self, pad_mode);
        border(field, word)
    }
}
