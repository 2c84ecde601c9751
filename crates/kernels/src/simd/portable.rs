//! `F32x4` on plain arrays: what the host's tests run, and the meaning of every method.

use super::SQRT_HALF_BITS;

/// Pixels in a register tile of 8 output channels; here only odd enough to exercise tails.
pub const TILE_PX: usize = 6;

/// Four 32-bit floats.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct F32x4([f32; 4]);

impl F32x4 {
    /// All lanes `x`.
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self([x; 4])
    }
    /// From lanes, first lane first.
    #[inline(always)]
    pub fn new(lanes: [f32; 4]) -> Self {
        Self(lanes)
    }
    /// The lanes, first lane first.
    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        self.0
    }
    /// Reads four floats.
    ///
    /// # Safety
    /// - `ptr` is valid for reading 16 bytes; it need not be aligned to 16.
    #[inline(always)]
    pub unsafe fn load(ptr: *const f32) -> Self {
        // SAFETY: the caller's obligation.
        Self(unsafe { ptr.cast::<[f32; 4]>().read_unaligned() })
    }
    /// Reads one float into all lanes.
    ///
    /// # Safety
    /// - `ptr` is valid for reading 4 bytes.
    #[inline(always)]
    pub unsafe fn load_splat(ptr: *const f32) -> Self {
        // SAFETY: the caller's obligation.
        Self::splat(unsafe { ptr.read() })
    }
    /// Writes four floats.
    ///
    /// # Safety
    /// - `ptr` is valid for writing 16 bytes; it need not be aligned to 16.
    #[inline(always)]
    pub unsafe fn store(self, ptr: *mut f32) {
        // SAFETY: the caller's obligation.
        unsafe { ptr.cast::<[f32; 4]>().write_unaligned(self.0) }
    }
    /// Reads the first `N` floats; what other lanes hold is not said.
    ///
    /// # Safety
    /// - `ptr` is valid for reading `N` floats, 1 to 4.
    #[inline(always)]
    pub unsafe fn load_first<const N: usize>(ptr: *const f32) -> Self {
        // SAFETY: the caller's obligation.
        Self(core::array::from_fn(|i| unsafe {
            ptr.add(i.min(N - 1)).read()
        }))
    }
    /// Writes the first `N` floats.
    ///
    /// # Safety
    /// - `ptr` is valid for writing `N` floats, 1 to 4.
    #[inline(always)]
    pub unsafe fn store_first<const N: usize>(self, ptr: *mut f32) {
        // SAFETY: the caller's obligation.
        unsafe { ptr.copy_from_nonoverlapping(self.0.as_ptr(), N) }
    }
    /// `self * b + c`, rounded once or twice as the build has it: nothing may depend on which.
    #[inline(always)]
    pub fn mul_add(self, b: Self, c: Self) -> Self {
        self * b + c
    }
    /// `c - self * b`, rounded as [`Self::mul_add`] is.
    #[inline(always)]
    pub fn neg_mul_add(self, b: Self, c: Self) -> Self {
        c - self * b
    }
    /// Lane-wise maximum as IEEE `maximum`: NaN wins.
    #[inline(always)]
    pub fn max(self, b: Self) -> Self {
        Self::zip(self, b, |a, b| if a > b || a.is_nan() { a } else { b })
    }
    /// Lane-wise minimum as IEEE `minimum`: NaN wins.
    #[inline(always)]
    pub fn min(self, b: Self) -> Self {
        Self::zip(self, b, |a, b| if a < b || a.is_nan() { a } else { b })
    }
    /// 0 where less than `least`, NaN stays.
    #[inline(always)]
    pub fn zero_below(self, least: Self) -> Self {
        Self::zip(self, least, |a, least| if a < least { 0.0 } else { a })
    }
    /// Lane-wise square root.
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        Self(self.0.map(|x| sqrt_f64(f64::from(x)) as f32))
    }
    /// All bits set in lanes that are less than `b`'s, none in others, NaN among them: a mask for [`Self::select`].
    #[inline(always)]
    pub fn less(self, b: Self) -> Self {
        Self::zip(self, b, |a, b| mask(a < b))
    }
    /// As [`Self::less`], where the lanes are equal; -0 equals 0.
    #[inline(always)]
    pub fn equal(self, b: Self) -> Self {
        Self::zip(self, b, |a, b| mask(a == b))
    }
    /// `then` in lanes whose mask is set, `otherwise` in the others.
    #[inline(always)]
    pub fn select(mask: Self, then: Self, otherwise: Self) -> Self {
        Self(core::array::from_fn(|i| {
            if mask.0[i].to_bits() == 0 {
                otherwise.0[i]
            } else {
                then.0[i]
            }
        }))
    }
    /// Lane-wise absolute value.
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }
    /// 2^n for whole n from -126 to 127.
    #[inline(always)]
    pub fn power_of_two(self) -> Self {
        Self(
            self.0
                .map(|n| f32::from_bits(((n as i32 + 127) as u32) << 23)),
        )
    }
    /// `(m, e)` with self = m * 2^e, e whole and m from sqrt(1/2) to sqrt(2), of positive normal numbers.
    #[inline(always)]
    pub fn mantissa_and_exponent(self) -> (Self, Self) {
        let e = self
            .0
            .map(|x| (x.to_bits() as i32).wrapping_sub(SQRT_HALF_BITS) >> 23);
        let m = core::array::from_fn(|i| {
            f32::from_bits((self.0[i].to_bits() as i32).wrapping_sub(e[i] << 23) as u32)
        });
        (Self(m), Self(e.map(|e| e as f32)))
    }
    /// Turns four rows into four columns.
    #[inline(always)]
    pub fn transpose(rows: [Self; 4]) -> [Self; 4] {
        core::array::from_fn(|column| Self(rows.map(|row| row.0[column])))
    }
    #[inline(always)]
    fn zip(a: Self, b: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(core::array::from_fn(|i| f(a.0[i], b.0[i])))
    }
}

fn mask(set: bool) -> f32 {
    f32::from_bits(if set { u32::MAX } else { 0 })
}

macro_rules! operator {
    ($($trait:ident $method:ident $op:tt),*) => {$(
        impl core::ops::$trait for F32x4 {
            type Output = Self;
            #[inline(always)]
            fn $method(self, b: Self) -> Self {
                Self::zip(self, b, |a, b| a $op b)
            }
        }
    )*};
}
operator!(Add add +, Sub sub -, Mul mul *, Div div /);

/// Square root of one 64-bit float, to the last bit or the one before: Newton's method, since `core` has no `sqrt`.
pub fn sqrt_f64(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 || x == f64::INFINITY {
        return x;
    }
    // Halving the exponent gives a guess within 7 %; five steps square the error below 2^-53.
    let mut y = f64::from_bits((x.to_bits() >> 1) + (0x3FF0_0000_0000_0000 >> 1));
    for _ in 0..5 {
        y = 0.5 * (y + x / y);
    }
    y
}
