//! `F32x4` on WebAssembly SIMD128; the one file that looks at relaxed-simd.

use core::arch::wasm32::*;

use super::SQRT_HALF_BITS;

/// Pixels in a register tile of 8 output channels: 6 x 8 fills the 15 registers V8 hands out when multiply and add are one
/// instruction; with two, the product needs a register of its own and 4 x 8 is the largest tile that does not spill.
pub const TILE_PX: usize = if cfg!(target_feature = "relaxed-simd") {
    6
} else {
    4
};

/// Four 32-bit floats.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct F32x4(v128);

impl F32x4 {
    /// All lanes `x`.
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self(f32x4_splat(x))
    }
    /// From lanes, first lane first.
    #[inline(always)]
    pub fn new(lanes: [f32; 4]) -> Self {
        Self(f32x4(lanes[0], lanes[1], lanes[2], lanes[3]))
    }
    /// The lanes, first lane first.
    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        [
            f32x4_extract_lane::<0>(self.0),
            f32x4_extract_lane::<1>(self.0),
            f32x4_extract_lane::<2>(self.0),
            f32x4_extract_lane::<3>(self.0),
        ]
    }
    /// Reads four floats.
    ///
    /// # Safety
    /// - `ptr` is valid for reading 16 bytes; it need not be aligned to 16.
    #[inline(always)]
    pub unsafe fn load(ptr: *const f32) -> Self {
        // SAFETY: the caller's obligation; v128.load has no alignment requirement.
        Self(unsafe { v128_load(ptr.cast()) })
    }
    /// Reads one float into all lanes.
    ///
    /// # Safety
    /// - `ptr` is valid for reading 4 bytes.
    #[inline(always)]
    pub unsafe fn load_splat(ptr: *const f32) -> Self {
        // SAFETY: the caller's obligation.
        Self(unsafe { v128_load32_splat(ptr.cast()) })
    }
    /// Writes four floats.
    ///
    /// # Safety
    /// - `ptr` is valid for writing 16 bytes; it need not be aligned to 16.
    #[inline(always)]
    pub unsafe fn store(self, ptr: *mut f32) {
        // SAFETY: the caller's obligation.
        unsafe { v128_store(ptr.cast(), self.0) }
    }
    /// Reads the first `N` floats; what other lanes hold is not said.
    ///
    /// # Safety
    /// - `ptr` is valid for reading `N` floats, 1 to 4.
    #[inline(always)]
    pub unsafe fn load_first<const N: usize>(ptr: *const f32) -> Self {
        // SAFETY: the caller's obligation.
        unsafe {
            match N {
                1 => Self(v128_load32_zero(ptr.cast())),
                2 => Self(v128_load64_zero(ptr.cast())),
                3 => {
                    let two = v128_load64_zero(ptr.cast());
                    Self(v128_load32_lane::<2>(two, ptr.add(2).cast()))
                }
                _ => Self::load(ptr),
            }
        }
    }
    /// Writes the first `N` floats.
    ///
    /// # Safety
    /// - `ptr` is valid for writing `N` floats, 1 to 4.
    #[inline(always)]
    pub unsafe fn store_first<const N: usize>(self, ptr: *mut f32) {
        // SAFETY: the caller's obligation.
        unsafe {
            match N {
                1 => v128_store32_lane::<0>(self.0, ptr.cast()),
                2 => v128_store64_lane::<0>(self.0, ptr.cast()),
                3 => {
                    v128_store64_lane::<0>(self.0, ptr.cast());
                    v128_store32_lane::<2>(self.0, ptr.add(2).cast());
                }
                _ => self.store(ptr),
            }
        }
    }
    /// `self * b + c`, rounded once or twice as the build has it: nothing may depend on which.
    #[inline(always)]
    pub fn mul_add(self, b: Self, c: Self) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        return Self(f32x4_relaxed_madd(self.0, b.0, c.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        Self(f32x4_add(f32x4_mul(self.0, b.0), c.0))
    }
    /// `c - self * b`, rounded as [`Self::mul_add`] is.
    #[inline(always)]
    pub fn neg_mul_add(self, b: Self, c: Self) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        return Self(f32x4_relaxed_nmadd(self.0, b.0, c.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        Self(f32x4_sub(c.0, f32x4_mul(self.0, b.0)))
    }
    /// Lane-wise maximum as IEEE `maximum`: NaN wins.
    #[inline(always)]
    pub fn max(self, b: Self) -> Self {
        Self(f32x4_max(self.0, b.0))
    }
    /// Lane-wise minimum as IEEE `minimum`: NaN wins.
    #[inline(always)]
    pub fn min(self, b: Self) -> Self {
        Self(f32x4_min(self.0, b.0))
    }
    /// 0 where less than `least`, NaN stays: two instructions where IEEE's `maximum` takes eight on x64. (`pmax` is one, but
    /// compilers make it a relaxed maximum where there are those, and lose NaN.)
    #[inline(always)]
    pub fn zero_below(self, least: Self) -> Self {
        Self(v128_andnot(self.0, f32x4_lt(self.0, least.0)))
    }
    /// Lane-wise square root.
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        Self(f32x4_sqrt(self.0))
    }
    /// All bits set in lanes that are less than `b`'s, none in others, NaN among them: a mask for [`Self::select`].
    #[inline(always)]
    pub fn less(self, b: Self) -> Self {
        Self(f32x4_lt(self.0, b.0))
    }
    /// As [`Self::less`], where the lanes are equal; -0 equals 0.
    #[inline(always)]
    pub fn equal(self, b: Self) -> Self {
        Self(f32x4_eq(self.0, b.0))
    }
    /// `then` in lanes whose mask is set, `otherwise` in the others.
    #[inline(always)]
    pub fn select(mask: Self, then: Self, otherwise: Self) -> Self {
        Self(v128_bitselect(then.0, otherwise.0, mask.0))
    }
    /// Lane-wise absolute value.
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(f32x4_abs(self.0))
    }
    /// 2^n for whole n from -126 to 127.
    #[inline(always)]
    pub fn power_of_two(self) -> Self {
        let biased = i32x4_add(i32x4_trunc_sat_f32x4(self.0), i32x4_splat(127));
        Self(i32x4_shl(biased, 23))
    }
    /// `(m, e)` with self = m * 2^e, e whole and m from sqrt(1/2) to sqrt(2), of positive normal numbers.
    #[inline(always)]
    pub fn mantissa_and_exponent(self) -> (Self, Self) {
        let e = i32x4_shr(i32x4_sub(self.0, i32x4_splat(SQRT_HALF_BITS)), 23);
        let m = i32x4_sub(self.0, i32x4_shl(e, 23));
        (Self(m), Self(f32x4_convert_i32x4(e)))
    }
    /// Turns four rows into four columns.
    #[inline(always)]
    pub fn transpose(rows: [Self; 4]) -> [Self; 4] {
        let [a, b, c, d] = rows.map(|row| row.0);
        let (ab_low, ab_high) = (
            i32x4_shuffle::<0, 4, 1, 5>(a, b),
            i32x4_shuffle::<2, 6, 3, 7>(a, b),
        );
        let (cd_low, cd_high) = (
            i32x4_shuffle::<0, 4, 1, 5>(c, d),
            i32x4_shuffle::<2, 6, 3, 7>(c, d),
        );
        [
            Self(i64x2_shuffle::<0, 2>(ab_low, cd_low)),
            Self(i64x2_shuffle::<1, 3>(ab_low, cd_low)),
            Self(i64x2_shuffle::<0, 2>(ab_high, cd_high)),
            Self(i64x2_shuffle::<1, 3>(ab_high, cd_high)),
        ]
    }
}

macro_rules! operator {
    ($($trait:ident $method:ident $intrinsic:ident),*) => {$(
        impl core::ops::$trait for F32x4 {
            type Output = Self;
            #[inline(always)]
            fn $method(self, b: Self) -> Self {
                Self($intrinsic(self.0, b.0))
            }
        }
    )*};
}
operator!(Add add f32x4_add, Sub sub f32x4_sub, Mul mul f32x4_mul, Div div f32x4_div);

/// Square root of one 64-bit float, correctly rounded.
#[inline(always)]
pub fn sqrt_f64(x: f64) -> f64 {
    f64x2_extract_lane::<0>(f64x2_sqrt(f64x2_splat(x)))
}
