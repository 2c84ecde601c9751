//! What an op is told: one record an op, declared once. The macro makes the struct, its decoder, and the listing that
//! `examples/generate_records.rs` turns into TypeScript, so the two sides cannot disagree.
//!
//! It is over 400 lines because the records are one list.

use crate::mem::Words;
use crate::ops::{Fault, Op};

/// Where an operand lies: bits 31..30 the region, bits 29..0 the offset in 16-byte units; 0 is an absent operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(test, derive(Default))]
pub struct Operand(pub u32);

impl Operand {
    /// Region of values, temporaries and scratch.
    pub const ARENA: u32 = 1;
    /// Region of packed weights.
    pub const WEIGHTS: u32 = 2;

    /// An operand that is not there.
    pub const ABSENT: Self = Self(0);

    /// Made from region and offset, which must be a multiple of 16.
    pub const fn new(region: u32, off_bytes: u64) -> Self {
        Self(region << 30 | (off_bytes / 16) as u32)
    }
    /// `ARENA`, `WEIGHTS`, or neither: absent.
    pub const fn region(self) -> u32 {
        self.0 >> 30
    }
    /// Offset in its region.
    pub const fn off_bytes(self) -> u64 {
        (self.0 & 0x3FFF_FFFF) as u64 * 16
    }
    /// Whether the operand is there.
    pub const fn is_present(self) -> bool {
        self.0 != 0
    }
}

/// A field's type: one word.
pub trait Field: Copy {
    /// Its name in the listing.
    const KIND: &'static str;
    /// From the word that the plan holds.
    fn from_word(word: u32) -> Self;
    /// The word that a plan holds.
    fn to_word(self) -> u32;
}
impl Field for u32 {
    const KIND: &'static str = "u32";
    fn from_word(word: u32) -> Self {
        word
    }
    fn to_word(self) -> u32 {
        self
    }
}
impl Field for i32 {
    const KIND: &'static str = "i32";
    fn from_word(word: u32) -> Self {
        word.cast_signed()
    }
    fn to_word(self) -> u32 {
        self.cast_unsigned()
    }
}
impl Field for f32 {
    const KIND: &'static str = "f32";
    fn from_word(word: u32) -> Self {
        Self::from_bits(word)
    }
    fn to_word(self) -> u32 {
        self.to_bits()
    }
}
impl Field for Operand {
    const KIND: &'static str = "operand";
    fn from_word(word: u32) -> Self {
        Self(word)
    }
    fn to_word(self) -> u32 {
        self.0
    }
}

/// A record as the generator sees it.
pub struct Listing {
    /// Op code, the record's first word.
    pub code: u32,
    /// The op's name: of its file, record, writer and bench row.
    pub name: &'static str,
    /// Name, type and meaning of each field in word order, after the four words every record begins with.
    pub fields: &'static [Entry],
    /// How many of them are the op's own; those of fragments follow.
    pub own: usize,
    /// Its fragments, in word order.
    pub fragments: &'static [&'static str],
}

/// Words before an op's own fields: code, words of the record, scratch operand, scratch bytes a worker.
pub const HEAD_WORDS: usize = 4;

/// A decoded record.
pub trait Record: Sized + Copy {
    /// How the generator lists it.
    const LISTING: Listing;
    /// From the record's words; `None` when there are too few or too many.
    fn decode(words: Words) -> Option<Self>;
    /// The record's words, for tests; the product's are written by TypeScript.
    #[cfg(test)]
    fn encode(&self) -> std::vec::Vec<u32>;
}

/// Position of a field, for a `Fault`.
pub const fn field_index(fields: &[(&str, &str, &str)], name: &str) -> u32 {
    let mut i = 0;
    while i < fields.len() {
        if same(fields[i].0.as_bytes(), name.as_bytes()) {
            return i as u32;
        }
        i += 1;
    }
    panic!("no such field")
}

pub(crate) const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

/// The index of a record's field, at compile time.
macro_rules! field {
    ($record:ty, $name:ident) => {
        const {
            $crate::record::field_index(
                <$record as $crate::record::Record>::LISTING.fields,
                stringify!($name),
            )
        }
    };
}
pub(crate) use field;

/// A field as the generator sees it: name, type, meaning.
pub type Entry = (&'static str, &'static str, &'static str);

/// Several lists of fields as one.
const fn joined<const N: usize>(lists: &[&[Entry]]) -> [Entry; N] {
    let mut all = [("", "", ""); N];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut i = 0;
        while i < lists[list].len() {
            all[at] = lists[list][i];
            (i, at) = (i + 1, at + 1);
        }
        list += 1;
    }
    all
}

/// Fields from `at` on. They are words, so that the compiler copies them in a loop.
fn fields<const N: usize>(words: Words, at: usize) -> [u32; N] {
    let mut fields = [0; N];
    for (i, field) in fields.iter_mut().enumerate() {
        *field = words.get(HEAD_WORDS + at + i);
    }
    fields
}

/// A field of a fragment: its index in the record that the fragment is part of, and what it holds.
macro_rules! given {
    ($fragment:expr, $of:ty, $name:ident) => {
        (
            $fragment.at + const { $crate::record::field_index(<$of>::FIELDS, stringify!($name)) },
            $fragment.$name,
        )
    };
}
pub(crate) use given;

/// Fields that several records have, with one meaning: a struct that checks itself.
macro_rules! fragments {
    ($($(#[doc = $doc:literal])* $fragment:ident { $($(#[doc = $field_doc:literal])* $field:ident: $kind:ty,)* })*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Clone, Copy, Debug)]
            #[cfg_attr(test, derive(Default))]
            pub struct $fragment {
                /// Index of its first field in the record
                pub at: u32,
                $($(#[doc = $field_doc])* pub $field: $kind,)*
            }

            impl $fragment {
                /// How the generator lists them.
                pub const FIELDS: &'static [Entry] =
                    &[$((stringify!($field), <$kind as Field>::KIND, concat!($($field_doc),*))),*];
                /// From field `at` of a record on, which has been seen to be long enough.
                #[inline(never)]
                fn decode(words: Words, at: usize) -> Self {
                    let [$($field),*] = fields::<{ Self::FIELDS.len() }>(words, at);
                    Self { at: at as u32, $($field: Field::from_word($field),)* }
                }
                #[cfg(test)]
                fn words(&self) -> std::vec::Vec<u32> {
                    std::vec![$(self.$field.to_word()),*]
                }
            }
        )*

        /// Every fragment: its name and fields.
        pub const FRAGMENTS: &[(&str, &[Entry])] = &[$((stringify!($fragment), $fragment::FIELDS)),*];
    };
}

macro_rules! records {
    ($($(#[doc = $doc:literal])* $code:literal $name:ident $record:ident $([$($part:ident: $fragment:ident),*])? { $($(#[doc = $field_doc:literal])* $field:ident: $kind:ty,)* })*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Clone, Copy, Debug)]
            #[cfg_attr(test, derive(Default))]
            pub struct $record {
                /// Scratch, the first worker's.
                pub scratch: Operand,
                /// Scratch a worker has.
                pub scratch_bytes: u32,
                $($(#[doc = $field_doc])* pub $field: $kind,)*
                $($(#[doc = "Shared fields"] pub $part: $fragment,)*)?
            }

            impl $record {
                const OWN: &'static [Entry] =
                    &[$((stringify!($field), <$kind as Field>::KIND, concat!($($field_doc),*))),*];
            }

            impl Record for $record {
                const LISTING: Listing = Listing {
                    code: $code,
                    name: stringify!($name),
                    fields: &joined::<{ Self::OWN.len() $($(+ $fragment::FIELDS.len())*)? }>(
                        &[Self::OWN, $($($fragment::FIELDS,)*)?]
                    ),
                    own: Self::OWN.len(),
                    fragments: &[$($(stringify!($fragment)),*)?],
                };
                #[inline(never)]
                fn decode(words: Words) -> Option<Self> {
                    if words.len() != HEAD_WORDS + Self::LISTING.fields.len() {
                        return None;
                    }
                    let [$($field),*] = fields::<{ Self::OWN.len() }>(words, 0);
                    $(
                        let at = Self::OWN.len();
                        $(
                            let $part = $fragment::decode(words, at);
                            let at = at + $fragment::FIELDS.len();
                        )*
                        let _ = at;
                    )?
                    Some(Self {
                        scratch: Operand(words.get(2)),
                        scratch_bytes: words.get(3),
                        $($field: Field::from_word($field),)*
                        $($($part,)*)?
                    })
                }
                #[cfg(test)]
                fn encode(&self) -> std::vec::Vec<u32> {
                    let words = (HEAD_WORDS + Self::LISTING.fields.len()) as u32;
                    let mut record = std::vec![$code, words, self.scratch.0, self.scratch_bytes];
                    record.extend([$(self.$field.to_word()),*]);
                    $($(record.extend(self.$part.words());)*)?
                    record
                }
            }
        )*

        /// Every record, by code.
        pub const LISTINGS: &[Listing] = &[$($record::LISTING),*];

        /// Decodes the record in `words` and hands it to `act`; `None` if there is no such op or it has other fields.
        pub(crate) fn with_op(
            words: Words,
            act: &mut dyn FnMut(&dyn Op) -> Result<(), Fault>,
        ) -> Option<Result<(), Fault>> {
            match words.get(0) {
                $($code => Some(act(&$record::decode(words)?)),)*
                _ => None,
            }
        }
    };
}

fragments! {
    /// What a convolution reads and writes.
    Frame {
        /// blocked [n, c, h, w]
        x: Operand,
        /// packed by pack_conv2d (for conv_depthwise too, as [c, 1, kh, kw]), pack_conv_transpose2d or pack_conv_winograd
        weight: Operand,
        /// dense, padded to a multiple of 8 by pack_bias; or absent
        bias: Operand,
        /// blocked [n, o, out_h, out_w]
        y: Operand,
        /// samples
        n: u32,
        /// input channels
        c: u32,
        /// of x
        h: u32,
        /// of x
        w: u32,
        /// output channels
        o: u32,
        /// of y; of a transposed convolution with the output padding
        out_h: u32,
        /// of y, as out_h
        out_w: u32,
        /// what the tiles leave of y for `statistics`: [n, OB, tiles of a plane, 3 (count, mean, M2), 4] float64; or absent
        moments: Operand,
    }
    /// How the kernel moves over x, and how y is cut into tiles.
    Sliding {
        /// kernel height
        kh: u32,
        /// kernel width
        kw: u32,
        /// rows
        stride_h: u32,
        /// columns
        stride_w: u32,
        /// rows
        dilation_h: u32,
        /// columns
        dilation_w: u32,
        /// rows of padding above; those below follow from out_h
        pad_top: u32,
        /// columns of padding before; those after follow from out_w
        pad_left: u32,
        /// 0 zeros, 1 reflect, 2 replicate
        pad_mode: u32,
        /// output rows a tile
        tile_rows: u32,
        /// output columns a tile
        tile_cols: u32,
    }
    /// What happens to x as it is loaded.
    Loading {
        /// x is mapped as it is loaded: (x - m) * s + b, with [constants_n, CB, 3 (m, s, b), 4], or x * s, with [constants_n, CB, 4]; or absent
        constants: Operand,
        /// n or 1
        constants_n: u32,
        /// 3 (m, s, b) or 1 (s)
        constants_vectors: u32,
        /// steps that follow, 0 or 1
        load_steps: u32,
        /// code of a step that fits registers: relu, leaky_relu or clamp
        load_step: u32,
        /// its first argument
        load_first: f32,
        /// its second argument
        load_second: f32,
    }
    /// A short program: acc = operand 0; acc = step(acc, arguments) for each of its steps.
    Program {
        /// steps of the program, at most 8
        steps: u32,
        /// step 0: its code, then from bits 8 and 16 where its arguments are: 0 the number beside it, k + 1 operand k
        step0: u32,
        /// first argument of step 0
        step0_first: f32,
        /// second argument of step 0
        step0_second: f32,
        /// step 1: its code, then from bits 8 and 16 where its arguments are: 0 the number beside it, k + 1 operand k
        step1: u32,
        /// first argument of step 1
        step1_first: f32,
        /// second argument of step 1
        step1_second: f32,
        /// step 2: its code, then from bits 8 and 16 where its arguments are: 0 the number beside it, k + 1 operand k
        step2: u32,
        /// first argument of step 2
        step2_first: f32,
        /// second argument of step 2
        step2_second: f32,
        /// step 3: its code, then from bits 8 and 16 where its arguments are: 0 the number beside it, k + 1 operand k
        step3: u32,
        /// first argument of step 3
        step3_first: f32,
        /// second argument of step 3
        step3_second: f32,
        /// step 4: its code, then from bits 8 and 16 where its arguments are: 0 the number beside it, k + 1 operand k
        step4: u32,
        /// first argument of step 4
        step4_first: f32,
        /// second argument of step 4
        step4_second: f32,
        /// step 5: its code, then from bits 8 and 16 where its arguments are: 0 the number beside it, k + 1 operand k
        step5: u32,
        /// first argument of step 5
        step5_first: f32,
        /// second argument of step 5
        step5_second: f32,
        /// step 6: its code, then from bits 8 and 16 where its arguments are: 0 the number beside it, k + 1 operand k
        step6: u32,
        /// first argument of step 6
        step6_first: f32,
        /// second argument of step 6
        step6_second: f32,
        /// step 7: its code, then from bits 8 and 16 where its arguments are: 0 the number beside it, k + 1 operand k
        step7: u32,
        /// first argument of step 7
        step7_first: f32,
        /// second argument of step 7
        step7_second: f32,
    }
    /// Operands of the program that results pass before they leave the caches; they themselves are its operand 0. They lie as y does, but for
    /// the axes along which they are repeated.
    Epilogue {
        /// operand 1 of the program, or absent
        operand1: Operand,
        /// operand 2 of the program, or absent
        operand2: Operand,
        /// operand 3 of the program, or absent
        operand3: Operand,
        /// four bits an operand, operand 1 in the lowest, as `kinds` of `pointwise`
        operand_kinds: u32,
        /// of operand 1, floats from one sample (of matmul: matrix) to the next; 0 repeats
        operand1_outer: u32,
        /// of operand 1, floats from one block of channels (of matmul: row) to the next; 0 repeats
        operand1_inner: u32,
        /// of operand 2, floats from one sample (of matmul: matrix) to the next; 0 repeats
        operand2_outer: u32,
        /// of operand 2, floats from one block of channels (of matmul: row) to the next; 0 repeats
        operand2_inner: u32,
        /// of operand 3, floats from one sample (of matmul: matrix) to the next; 0 repeats
        operand3_outer: u32,
        /// of operand 3, floats from one block of channels (of matmul: row) to the next; 0 repeats
        operand3_inner: u32,
    }
}

records! {
    /// Interleaved 8-bit pixels, extended by reflection, to a blocked tensor: y = u8 * scale + offset, with one of each a channel. Grey is repeated, colour made grey, as the output asks; what is transparent fades to grey.
    1 pixels_in PixelsIn {
        /// H x W x channels bytes
        src: Operand,
        /// blocked [1, out_c, out_h, out_w]
        y: Operand,
        /// 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA
        channels: u32,
        /// of src
        w: u32,
        /// of src
        h: u32,
        /// columns of reflection before the picture
        left: u32,
        /// rows of reflection above the picture
        top: u32,
        /// 1 or 3
        out_c: u32,
        /// at least left + w
        out_w: u32,
        /// at least top + h
        out_h: u32,
        /// 1: blue is channel 0 of y, red channel 2
        bgr: u32,
        /// per grey level, of y's channel 0
        scale0: f32,
        /// per grey level, of y's channel 1
        scale1: f32,
        /// per grey level, of y's channel 2
        scale2: f32,
        /// value of grey level 0, of y's channel 0
        offset0: f32,
        /// value of grey level 0, of y's channel 1
        offset1: f32,
        /// value of grey level 0, of y's channel 2
        offset2: f32,
        /// output rows a tile
        tile_rows: u32,
    }
    /// A crop of a blocked tensor to interleaved RGBA bytes: u8 = clamp(floor(x * scale + offset + 0.5)), with one of each a channel; alpha, and where
    /// x is luma the colours, from the source pixels, by bicubic where y has another size.
    2 pixels_out PixelsOut {
        /// blocked [1, c, x_h, x_w]
        x: Operand,
        /// the source pixels, src_h x src_w x src_channels bytes; absent where neither alpha nor colours are taken from it
        src: Operand,
        /// h x w x 4 bytes
        y: Operand,
        /// of src; alpha is its last channel when 2 or 4, else 255
        src_channels: u32,
        /// of src
        src_w: u32,
        /// of src
        src_h: u32,
        /// 1 (repeated) or 3
        c: u32,
        /// of x
        x_w: u32,
        /// of x
        x_h: u32,
        /// first column of the crop
        left: u32,
        /// first row of the crop
        top: u32,
        /// of y
        w: u32,
        /// of y
        h: u32,
        /// 1: blue is channel 0 of x, red channel 2
        bgr: u32,
        /// 1: x is luma, to which the source's colours are added
        chroma: u32,
        /// grey levels a unit, of x's channel 0
        scale0: f32,
        /// grey levels a unit, of x's channel 1
        scale1: f32,
        /// grey levels a unit, of x's channel 2
        scale2: f32,
        /// grey level of 0, of x's channel 0
        offset0: f32,
        /// grey level of 0, of x's channel 1
        offset1: f32,
        /// grey level of 0, of x's channel 2
        offset2: f32,
        /// output rows a tile
        tile_rows: u32,
    }
    /// A box of elements, bit for bit: element i of axes d0 to d7 lies at start + sum of i * step (of axes in floats) +
    /// channel / 4 * block_stride + channel % 4, where channel = channel_start + sum of i * step (of axes in channels).
    3 move_strided MoveStrided {
        /// source
        x: Operand,
        /// where its first element lies, floats
        x_start: u32,
        /// bit a: axis a steps channels of a blocked layout
        x_channels: u32,
        /// channel of its first element
        x_channel_start: u32,
        /// from one block of four channels to the next, floats
        x_block_stride: u32,
        /// step of axis 0, floats or channels; 0 repeats, negative runs backwards
        x_step0: i32,
        /// step of axis 1, floats or channels; 0 repeats, negative runs backwards
        x_step1: i32,
        /// step of axis 2, floats or channels; 0 repeats, negative runs backwards
        x_step2: i32,
        /// step of axis 3, floats or channels; 0 repeats, negative runs backwards
        x_step3: i32,
        /// step of axis 4, floats or channels; 0 repeats, negative runs backwards
        x_step4: i32,
        /// step of axis 5, floats or channels; 0 repeats, negative runs backwards
        x_step5: i32,
        /// step of axis 6, floats or channels; 0 repeats, negative runs backwards
        x_step6: i32,
        /// step of axis 7, floats or channels; 0 repeats, negative runs backwards
        x_step7: i32,
        /// destination; must not overlap x
        y: Operand,
        /// where its first element lies, floats
        y_start: u32,
        /// bit a: axis a steps channels of a blocked layout
        y_channels: u32,
        /// channel of its first element
        y_channel_start: u32,
        /// from one block of four channels to the next, floats
        y_block_stride: u32,
        /// step of axis 0, floats or channels, positive
        y_step0: i32,
        /// step of axis 1, floats or channels, positive
        y_step1: i32,
        /// step of axis 2, floats or channels, positive
        y_step2: i32,
        /// step of axis 3, floats or channels, positive
        y_step3: i32,
        /// step of axis 4, floats or channels, positive
        y_step4: i32,
        /// step of axis 5, floats or channels, positive
        y_step5: i32,
        /// step of axis 6, floats or channels, positive
        y_step6: i32,
        /// step of axis 7, floats or channels, positive
        y_step7: i32,
        /// size of axis 0, the outermost
        d0: u32,
        /// size of axis 1
        d1: u32,
        /// size of axis 2
        d2: u32,
        /// size of axis 3
        d3: u32,
        /// size of axis 4
        d4: u32,
        /// size of axis 5
        d5: u32,
        /// size of axis 6
        d6: u32,
        /// size of axis 7
        d7: u32,
        /// elements a tile, at most
        tile_elems: u32,
    }
    /// Padding of H and W, and cropping by negative amounts.
    4 pad Pad {
        /// blocked [n, c, h, w]
        x: Operand,
        /// blocked [n, c, top + h + bottom, left + w + right]
        y: Operand,
        /// samples
        n: u32,
        /// channels
        c: u32,
        /// of x
        h: u32,
        /// of x
        w: u32,
        /// rows added above; negative ones are cut off
        top: i32,
        /// rows below, as top
        bottom: i32,
        /// columns before, as top
        left: i32,
        /// columns after, as top
        right: i32,
        /// 0 constant, 1 reflect, 2 replicate
        mode: u32,
        /// of the constant
        value: f32,
        /// output rows (n, channel block, h) a tile
        tile_rows: u32,
    }
    /// Convolution by the direct algorithm: y = program(w * pad(x) + b).
    5 conv2d Conv2d [frame: Frame, sliding: Sliding, loading: Loading, program: Program, epilogue: Epilogue] {
        /// how the weights are packed: 0 blocks of output channels, 1 few outputs (lanes hold input channels)
        packing: u32,
        /// each output reads a part of the input channels: divides c and o, into multiples of 4 unless it is 1
        groups: u32,
        /// output channels a tile, a multiple of 8; no tile has outputs of two groups
        tile_o: u32,
    }
    /// Transposed convolution by sub-pixel decomposition: each of stride_h x stride_w phases of y is a convolution of x.
    6 conv_transpose2d ConvTranspose2d [frame: Frame, loading: Loading, program: Program, epilogue: Epilogue] {
        /// kernel height
        kh: u32,
        /// kernel width
        kw: u32,
        /// rows
        stride_h: u32,
        /// columns
        stride_w: u32,
        /// rows cut off above
        pad_top: u32,
        /// columns cut off before
        pad_left: u32,
        /// input rows (each gives stride_h output rows) a tile
        tile_rows: u32,
        /// input columns a tile
        tile_cols: u32,
        /// output channels a tile, a multiple of 8
        tile_o: u32,
    }
    /// Mean and biased variance from the moments of parts, as the constants of an affine step of `pointwise` and of convolutions' loads apply.
    7 statistics Statistics {
        /// float64: [n, CB, parts, 3 (count, mean, M2), 4]
        partials: Operand,
        /// dense [c] or absent: 1
        gamma: Operand,
        /// dense [c] or absent: 0
        beta: Operand,
        /// of an affine map: [n or 1 (across_batch), CB, 3, 4]
        constants: Operand,
        /// samples
        n: u32,
        /// channels
        c: u32,
        /// parts of a plane
        parts: u32,
        /// a divisor of c: c instance norm, 1 layer norm
        groups: u32,
        /// 1: over the batch too (batch norm), groups = c
        across_batch: u32,
        /// added to the variance
        eps: f32,
    }
    /// Constants of an affine map from stored statistics (prepare).
    9 running_constants RunningConstants {
        /// dense [c]
        mean: Operand,
        /// dense [c]
        var: Operand,
        /// dense [c] or absent: 1
        gamma: Operand,
        /// dense [c] or absent: 0
        beta: Operand,
        /// [1, CB, 3, 4]
        constants: Operand,
        /// channels
        c: u32,
        /// added to the variance
        eps: f32,
    }
    /// Mean or variance over some of the axes of a blocked tensor; reduced axes stay with size 1.
    10 reduce Reduce {
        /// blocked [n, c, h, w]
        x: Operand,
        /// blocked, reduced
        y: Operand,
        /// a temporary where the reduced pixels of an output do not fit a tile, else absent: [output pixels, chunks, 3, 4] float64
        partials: Operand,
        /// samples
        n: u32,
        /// channels
        c: u32,
        /// of x
        h: u32,
        /// of x
        w: u32,
        /// bit 0 N, bit 1 C, bit 2 H, bit 3 W
        axes: u32,
        /// 0 mean, 1 variance
        kind: u32,
        /// the variance divides by count - correction
        correction: u32,
        /// output pixels (n, channel block, h, w; reduced ones 1) a tile
        tile_outputs: u32,
        /// reduced pixels (n, channel block, h, w; others 1) a tile
        chunk_px: u32,
    }
    /// A short program, element by element, over up to four operands. Rows of y lie one behind the other; a row of an operand starts at the sum of i * step over axes d0 to d4.
    11 pointwise Pointwise [program: Program] {
        /// d0 x d1 x d2 x d3 x d4 rows; may be an operand that lies as it does
        y: Operand,
        /// operand 0, which the program begins with
        a: Operand,
        /// operand 1, or absent
        b: Operand,
        /// operand 2, or absent
        c: Operand,
        /// operand 3, or absent
        d: Operand,
        /// four bits an operand, operand 0 in the lowest: its row is 0 a row of floats, 1 a vector for all, 2 the first float of each vector, for all four lanes, 3 a float for all, 4 three vectors for all, of an affine map
        kinds: u32,
        /// floats of a row
        row_elems: u32,
        /// outermost axis of rows
        d0: u32,
        /// axis of rows
        d1: u32,
        /// axis of rows
        d2: u32,
        /// axis of rows
        d3: u32,
        /// innermost axis of rows
        d4: u32,
        /// of operand 0 along axis 0, floats; 0 repeats
        a_step0: u32,
        /// of operand 0 along axis 1, floats; 0 repeats
        a_step1: u32,
        /// of operand 0 along axis 2, floats; 0 repeats
        a_step2: u32,
        /// of operand 0 along axis 3, floats; 0 repeats
        a_step3: u32,
        /// of operand 0 along axis 4, floats; 0 repeats
        a_step4: u32,
        /// of operand 1 along axis 0, floats; 0 repeats
        b_step0: u32,
        /// of operand 1 along axis 1, floats; 0 repeats
        b_step1: u32,
        /// of operand 1 along axis 2, floats; 0 repeats
        b_step2: u32,
        /// of operand 1 along axis 3, floats; 0 repeats
        b_step3: u32,
        /// of operand 1 along axis 4, floats; 0 repeats
        b_step4: u32,
        /// of operand 2 along axis 0, floats; 0 repeats
        c_step0: u32,
        /// of operand 2 along axis 1, floats; 0 repeats
        c_step1: u32,
        /// of operand 2 along axis 2, floats; 0 repeats
        c_step2: u32,
        /// of operand 2 along axis 3, floats; 0 repeats
        c_step3: u32,
        /// of operand 2 along axis 4, floats; 0 repeats
        c_step4: u32,
        /// of operand 3 along axis 0, floats; 0 repeats
        d_step0: u32,
        /// of operand 3 along axis 1, floats; 0 repeats
        d_step1: u32,
        /// of operand 3 along axis 2, floats; 0 repeats
        d_step2: u32,
        /// of operand 3 along axis 3, floats; 0 repeats
        d_step3: u32,
        /// of operand 3 along axis 4, floats; 0 repeats
        d_step4: u32,
        /// strips a tile; a row is cut into strips
        tile_strips: u32,
    }
    /// A stored tensor to dense float32 (prepare).
    13 convert Convert {
        /// stored bytes, little-endian
        src: Operand,
        /// bytes that src holds
        src_bytes: u32,
        /// dense [d0, d1, d2, d3]
        y: Operand,
        /// 0 F32, 1 F16, 2 BF16, 3 F64
        dtype: u32,
        /// outermost size
        d0: u32,
        /// size
        d1: u32,
        /// size
        d2: u32,
        /// innermost size
        d3: u32,
        /// stride of d0, elements
        s0: u32,
        /// stride of d1, elements
        s1: u32,
        /// stride of d2, elements
        s2: u32,
        /// stride of d3, elements
        s3: u32,
    }
    /// Convolution weights, dense [o, c, kh, kw], to the order the kernel reads them in (prepare).
    14 pack_conv2d PackConv2d {
        /// dense [o, c / groups, kh, kw]
        src: Operand,
        /// packed, a group of conv2d after the other
        y: Operand,
        /// output channels
        o: u32,
        /// input channels
        c: u32,
        /// kernel height
        kh: u32,
        /// kernel width
        kw: u32,
        /// as in conv2d
        packing: u32,
        /// of src
        groups: u32,
        /// of conv2d: a divisor of those of src, which are joined with zeros between them
        packed_groups: u32,
    }
    /// Transposed convolution weights, dense [c, o, kh, kw], to the order the kernel reads them in (prepare).
    15 pack_conv_transpose2d PackConvTranspose2d {
        /// dense [c, o / groups, kh, kw]
        src: Operand,
        /// packed, with zeros between groups and between taps: [c, o, dilation_h * (kh - 1) + 1, dilation_w * (kw - 1) + 1]
        y: Operand,
        /// output channels
        o: u32,
        /// input channels
        c: u32,
        /// kernel height
        kh: u32,
        /// kernel width
        kw: u32,
        /// rows
        stride_h: u32,
        /// columns
        stride_w: u32,
        /// rows
        dilation_h: u32,
        /// columns
        dilation_w: u32,
        /// of src
        groups: u32,
    }
    /// A dense vector, filled up with zeros (prepare).
    16 pack_bias PackBias {
        /// dense [c]
        src: Operand,
        /// dense, padded_c floats
        y: Operand,
        /// floats in src
        c: u32,
        /// floats in y
        padded_c: u32,
    }
    /// Convolution, or transposed convolution, by one of Winograd's algorithms: y = program(w * pad(x) + b).
    17 conv_winograd ConvWinograd [frame: Frame, loading: Loading, program: Program, epilogue: Epilogue] {
        /// rows of padding above; those below follow from out_h
        pad_top: u32,
        /// columns of padding before; those after follow from out_w
        pad_left: u32,
        /// 0 zeros, 1 reflect, 2 replicate
        pad_mode: u32,
        /// 0 F(4x4, 3x3), 1 F(3x3, 3x3), 2 F(4x4, 4x4), 3 of stride 2, 4 transposed of stride 2 and padding 1, 5 F(4x5, 3x3), 6 F(5x3, 5x3)
        algorithm: u32,
        /// blocks of taps that the kernel is cut into, rows of them
        blocks_h: u32,
        /// columns of blocks
        blocks_w: u32,
        /// 0 outputs in the lanes, 1 input channels: of at most 3 outputs
        packing: u32,
        /// rows of squares a tile; a square is what the algorithm computes at once
        tile_rows: u32,
        /// columns of squares a tile
        tile_cols: u32,
        /// output channels whose products lie in scratch together, a multiple of 8
        group_o: u32,
        /// output channels a tile, a multiple of 8
        tile_o: u32,
    }
    /// Convolution weights to the products' side of conv_winograd: [o / 8][points][blocks of taps][c][8].
    18 pack_conv_winograd PackConvWinograd {
        /// dense [o, c, kh, kw]; of a transposed convolution [c, o, kh, kw]; or packed by pack_conv2d
        src: Operand,
        /// transformed
        y: Operand,
        /// output channels
        o: u32,
        /// input channels
        c: u32,
        /// kernel rows
        kh: u32,
        /// kernel columns
        kw: u32,
        /// as of conv_winograd
        algorithm: u32,
        /// as of conv_winograd
        packing: u32,
        /// how src lies: 0 dense, 1 as pack_conv2d leaves it (packing 0)
        packed: u32,
    }
    /// Count, mean and M2 of a blocked tensor's channels over parts of its planes, for `statistics`.
    19 partial_moments PartialMoments {
        /// blocked [n, c, h, w]
        x: Operand,
        /// float64: [n, CB, parts of chunk_px pixels, 3, 4]
        partials: Operand,
        /// samples
        n: u32,
        /// channels
        c: u32,
        /// of x
        h: u32,
        /// of x
        w: u32,
        /// pixels a tile
        chunk_px: u32,
    }
    /// Instance norm in one pass: y = program((x - mean) / sqrt(var + eps) * gamma + beta), a tile a plane of four channels. Of the
    /// program there may be seven steps and operands 1 and 2.
    20 instance_norm InstanceNorm [program: Program, epilogue: Epilogue] {
        /// blocked [n, c, h, w]
        x: Operand,
        /// like x; may be x
        y: Operand,
        /// dense [c] or absent: 1
        gamma: Operand,
        /// dense [c] or absent: 0
        beta: Operand,
        /// samples
        n: u32,
        /// channels
        c: u32,
        /// of x
        h: u32,
        /// of x
        w: u32,
        /// added to the variance
        eps: f32,
    }
    /// Matrix products: y = program(a * b [+ bias]), all dense row-major.
    21 matmul Matmul [program: Program, epilogue: Epilogue] {
        /// [batch] matrices of m rows of k floats
        a: Operand,
        /// [batch] of them packed by pack_matmul
        b: Operand,
        /// dense [n], padded to a multiple of 8 by pack_bias; or absent
        bias: Operand,
        /// [batch] matrices of m rows of n floats; must not overlap a
        y: Operand,
        /// matrices
        batch: u32,
        /// rows of a and y
        m: u32,
        /// columns of a, rows of b
        k: u32,
        /// columns of b and y
        n: u32,
        /// floats from one matrix of a to the next; 0: all take the same
        a_step: u32,
        /// floats from one packed matrix of b to the next; 0: all take the same
        b_step: u32,
        /// floats from one matrix of y to the next
        y_step: u32,
        /// floats from one row of a to the next
        a_row_step: u32,
        /// floats from one row of y to the next, at least n
        y_row_step: u32,
        /// rows a tile
        tile_m: u32,
        /// columns a tile, a multiple of 8
        tile_n: u32,
    }
    /// Matrices [k, n], whatever their strides, to the order in which `matmul` reads them: [panels of 8 columns][k][8], the last panel of 4 where no more than 4 columns are left.
    22 pack_matmul PackMatmul {
        /// [batch] matrices of k x n floats
        src: Operand,
        /// packed, k * (n up to a multiple of 4) floats each
        y: Operand,
        /// matrices
        batch: u32,
        /// rows
        k: u32,
        /// columns
        n: u32,
        /// floats from one matrix to the next
        src_step: u32,
        /// floats from one row to the next
        k_step: u32,
        /// floats from one column to the next
        n_step: u32,
        /// panels a tile
        tile_panels: u32,
    }
    /// Depthwise convolution: y = program(w * pad(x) + b), each channel of y of the same channel of x.
    23 conv_depthwise ConvDepthwise [frame: Frame, sliding: Sliding, loading: Loading, program: Program, epilogue: Epilogue] {
        /// blocks of four channels a tile
        tile_blocks: u32,
    }
}
