//! convert: a stored tensor (F32, F16, BF16 or F64, any strides) to dense float32 (prepare).
//!
//! ```text
//! tile   TILE_ELEMS elements of y in order: along d3 the source lies at one distance
//! ```
//! F16 and BF16 convert exactly, subnormals, infinities and NaN included; F64 rounds to nearest, too large becomes infinity.

use crate::mem::{Bytes, Dst, Memory};
use crate::ops::{Fault, Op, dense, product, tile_count, within};
use crate::record::{Convert, field};

/// Elements a tile converts: some 0.2 ms.
const TILE_ELEMS: u32 = 65_536;

/// From the bits of an IEEE half.
fn from_f16(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10 & 31), u32::from(bits & 0x3FF));
    let magnitude = match exponent {
        // Subnormal: fraction / 2^24, which float32 holds exactly.
        0 => (fraction as f32 / 16_777_216.0).to_bits(),
        31 => 0x7F80_0000 | (fraction << 13),
        _ => ((exponent + 112) << 23) | (fraction << 13),
    };
    f32::from_bits(sign | magnitude)
}

/// From the bits of a bfloat16: the upper half of a float32.
fn from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

impl Convert {
    fn sizes(&self) -> [u64; 4] {
        [self.d0, self.d1, self.d2, self.d3].map(u64::from)
    }

    fn elem_bytes(&self) -> u64 {
        [4, 2, 2, 8][self.dtype.min(3) as usize]
    }

    fn operands(&self, memory: &Memory) -> Result<(Bytes, Dst), Fault> {
        let src_bytes = u64::from(self.src_bytes);
        let fault = Fault {
            field: field!(Convert, src),
            got: self.src.0,
            wanted: self.src_bytes,
        };
        let len_elems = product(field!(Convert, d0), self.d0, &self.sizes())?;
        Ok((
            memory.bytes(self.src, src_bytes).ok_or(fault)?,
            dense(memory, self.y, field!(Convert, y), len_elems)?,
        ))
    }

    /// The bytes that the strides reach, if any number holds it.
    fn reach_bytes(&self) -> Option<u64> {
        let strides = [self.s0, self.s1, self.s2, self.s3].map(u64::from);
        let mut last = 0u64;
        for (size, stride) in self.sizes().into_iter().zip(strides) {
            last = last.checked_add((size - 1).checked_mul(stride)?)?;
        }
        last.checked_add(1)?.checked_mul(self.elem_bytes())
    }

    /// Converts elements `first..first + y.len()` of y.
    fn elements(&self, first: usize, y: Dst, read: impl Fn(usize) -> f32) {
        let [d1, d2, d3] = [self.d1, self.d2, self.d3].map(|size| size as usize);
        let [s0, s1, s2, s3] = [self.s0, self.s1, self.s2, self.s3].map(|stride| stride as usize);
        let mut i = 0;
        while i < y.len() {
            let (row, column) = ((first + i) / d3, (first + i) % d3);
            let start = row / d2 / d1 * s0 + row / d2 % d1 * s1 + row % d2 * s2 + column * s3;
            let run = (d3 - column).min(y.len() - i);
            for k in 0..run {
                y.set(i + k, read(start + k * s3));
            }
            i += run;
        }
    }
}

impl Op for Convert {
    fn check(&self, memory: &Memory) -> Result<u32, Fault> {
        within(field!(Convert, dtype), self.dtype, 0..=3)?;
        for (index, size) in [
            (field!(Convert, d0), self.d0),
            (field!(Convert, d1), self.d1),
            (field!(Convert, d2), self.d2),
            (field!(Convert, d3), self.d3),
        ] {
            within(index, size, 1..=u32::MAX)?;
        }
        let (_, y) = self.operands(memory)?;
        let reach_bytes = self.reach_bytes().unwrap_or(u64::MAX);
        if reach_bytes > u64::from(self.src_bytes) {
            return Err(Fault {
                field: field!(Convert, src_bytes),
                got: self.src_bytes,
                wanted: u32::try_from(reach_bytes).unwrap_or(u32::MAX),
            });
        }
        tile_count(field!(Convert, d0), y.len() as u64, TILE_ELEMS)
    }

    fn run_tile(&self, memory: &Memory, tile: u32, _scratch: Dst) -> Result<(), Fault> {
        let (src, y) = self.operands(memory)?;
        let first = tile as usize * TILE_ELEMS as usize;
        let y = y.slice(first, (y.len() - first).min(TILE_ELEMS as usize));
        match self.dtype {
            0 => self.elements(first, y, |i| f32::from_le_bytes(src.array(i * 4))),
            1 => self.elements(first, y, |i| from_f16(u16::from_le_bytes(src.array(i * 2)))),
            2 => self.elements(first, y, |i| {
                from_bf16(u16::from_le_bytes(src.array(i * 2)))
            }),
            _ => self.elements(first, y, |i| f64::from_le_bytes(src.array(i * 8)) as f32),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{from_bf16, from_f16};
    use crate::record::{Convert, Operand};
    use crate::testing::TestPlan;
    use std::vec::Vec;

    const RECORD: Convert = Convert {
        scratch: Operand::ABSENT,
        scratch_bytes: 0,
        src: Operand::ABSENT,
        src_bytes: 0,
        y: Operand::ABSENT,
        dtype: 0,
        d0: 1,
        d1: 1,
        d2: 1,
        d3: 1,
        s0: 0,
        s1: 0,
        s2: 0,
        s3: 1,
    };

    #[test]
    fn every_half_has_the_value_that_its_fields_say() {
        for bits in 0..=u16::MAX {
            let (sign, exponent, fraction) = (bits >> 15, i32::from(bits >> 10 & 31), bits & 0x3FF);
            let scaled = f64::from(fraction) / 1024.0;
            let magnitude = match exponent {
                0 => scaled * 2f64.powi(-14),
                31 if fraction == 0 => f64::INFINITY,
                31 => f64::NAN,
                _ => (1.0 + scaled) * 2f64.powi(exponent - 15),
            };
            let wanted = if sign == 1 { -magnitude } else { magnitude };
            let got = f64::from(from_f16(bits));
            assert!(got == wanted || got.is_nan() && wanted.is_nan(), "{bits:x}");
            assert!(
                got.is_nan() || got.is_sign_negative() == (sign == 1),
                "{bits:x}"
            );
        }
        assert_eq!(from_bf16(0x3FC0), 1.5);
        assert_eq!(from_bf16(0xFF80), f32::NEG_INFINITY);
        assert!(from_bf16(0x7FC1).is_nan());
    }

    #[test]
    fn every_type_is_gathered_by_its_strides() {
        // Stored as [4, 3, 2, 5], read as its transpose [2, 3, 4, 5].
        let values: Vec<f32> = (0..120).map(|i| i as f32 * 0.25).collect();
        for dtype in 0..4 {
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|&x| match dtype {
                    0 => x.to_le_bytes().to_vec(),
                    // Halves of small multiples of 1/4: normal, exactly representable.
                    1 => half(x).to_le_bytes().to_vec(),
                    2 => ((x.to_bits() >> 16) as u16).to_le_bytes().to_vec(),
                    _ => f64::from(x).to_le_bytes().to_vec(),
                })
                .collect();
            let mut plan = TestPlan::new();
            let src = plan.bytes(&bytes);
            let y = plan.room(120);
            plan.push(Convert {
                src,
                src_bytes: bytes.len() as u32,
                y,
                dtype,
                d0: 2,
                d1: 3,
                d2: 4,
                d3: 5,
                s0: 5,
                s1: 10,
                s2: 30,
                s3: 1,
                ..RECORD
            });
            let got = plan.run_everywhere().dense(y, 120);
            for (i, &x) in got.iter().enumerate() {
                let (a, b, c, d) = (i / 60, i / 20 % 3, i / 5 % 4, i % 5);
                assert_eq!(
                    x,
                    values[a * 5 + b * 10 + c * 30 + d],
                    "type {dtype}, element {i}"
                );
            }
        }
    }

    /// The bits of a half that holds `x` exactly.
    fn half(x: f32) -> u16 {
        let bits = (0..=0x7C00u16).find(|&bits| from_f16(bits) == x);
        bits.expect("a half holds it")
    }

    #[test]
    fn doubles_round_to_nearest_and_overflow_to_infinity() {
        let values = [1.0 + 2f64.powi(-25), 1e300, -1e300, f64::NAN, 1e-300];
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let mut plan = TestPlan::new();
        let src = plan.bytes(&bytes);
        let y = plan.room(5);
        plan.push(Convert {
            src,
            src_bytes: 40,
            y,
            dtype: 3,
            d3: 5,
            ..RECORD
        });
        let got = plan.run_everywhere().dense(y, 5);
        assert_eq!(
            (got[0], got[1], got[2], got[4]),
            (1.0, f32::INFINITY, f32::NEG_INFINITY, 0.0)
        );
        assert!(got[3].is_nan());
    }

    #[test]
    fn strides_that_leave_the_stored_bytes_are_a_fault() {
        let mut plan = TestPlan::new();
        let src = plan.bytes(&[0; 64]);
        let y = plan.room(4);
        plan.push(Convert {
            src,
            src_bytes: 64,
            y,
            d2: 2,
            d3: 2,
            s2: u32::MAX,
            s3: u32::MAX,
            ..RECORD
        });
        let fault = plan.load().unwrap_err();
        assert_eq!((fault.field, fault.got, fault.wanted), (1, 64, u32::MAX));
    }
}
