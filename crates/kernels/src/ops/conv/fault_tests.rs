//! How fields that all convolutions' records have come to be wrong, and that they are named.

use crate::micro::pointwise::steps::code_of;
use crate::record::{Epilogue, Frame, Loading, Operand, Program, Record, Sliding, field_index};

/// What all convolutions' records have, to be spoilt.
pub(crate) type Spoil = fn(&mut Frame, &mut Loading, &mut Program, &mut Epilogue);

const FAR: Operand = Operand::new(Operand::ARENA, 1 << 27);

/// Fields that are named, and how they come to be wrong in a record that has constants and ReLU as it loads, of more than one block of outputs.
pub(crate) const SPOILT: &[(&str, Spoil)] = &[
    ("c", |frame, _, _, _| frame.c = 0),
    ("x", |frame, _, _, _| frame.n = 0),
    ("x", |frame, _, _, _| frame.h = u32::MAX),
    ("x", |frame, _, _, _| frame.x = FAR),
    ("y", |frame, _, _, _| frame.out_h = u32::MAX),
    ("y", |frame, _, _, _| frame.y = FAR),
    ("weight", |frame, _, _, _| frame.weight = Operand::ABSENT),
    ("bias", |frame, _, _, _| frame.bias = FAR),
    ("moments", |frame, _, _, _| frame.moments = FAR),
    ("moments", |frame, _, _, _| frame.moments = Operand(7)),
    ("constants", |_, loading, _, _| loading.constants = FAR),
    ("constants_n", |_, loading, _, _| loading.constants_n = 0),
    ("constants_n", |_, loading, _, _| loading.constants_n = 3),
    ("constants_vectors", |_, loading, _, _| {
        loading.constants_vectors = 2
    }),
    ("load_steps", |_, loading, _, _| loading.load_steps = 2),
    // Tanh does not fit registers, and this clamp makes something else of padding.
    ("load_step", |_, loading, _, _| {
        (loading.load_steps, loading.load_step) = (1, code_of("tanh"));
    }),
    ("load_step", |_, loading, _, _| {
        (loading.load_steps, loading.load_step) = (1, code_of("clamp"));
        (loading.load_first, loading.load_second) = (0.5, 1.0);
    }),
    ("steps", |_, _, program, _| program.steps = 9),
    // An operand that is not there.
    ("step0", |_, _, program, _| {
        (program.steps, program.step0) = (1, 4 << 8);
    }),
    ("operand1", |_, _, _, epilogue| epilogue.operand1 = FAR),
    ("operand1", |frame, _, _, epilogue| {
        (epilogue.operand1, epilogue.operand1_inner) = (frame.x, u32::MAX);
    }),
    ("operand_kinds", |frame, _, _, epilogue| {
        (epilogue.operand1, epilogue.operand_kinds) = (frame.x, 5);
    }),
];

/// Each spoilt field is named by the record; `fault_of` is the field that it names.
pub(crate) fn check_spoilt<R: Record>(fault_of: impl Fn(Spoil) -> u32) {
    for (index, &(name, spoil)) in SPOILT.iter().enumerate() {
        let wanted = field_index(R::LISTING.fields, name);
        assert_eq!(fault_of(spoil), wanted, "{name}, {index}");
    }
}

type SpoilSliding = fn(&mut Frame, &mut Sliding);

/// As [`check_spoilt`], of records that slide.
pub(crate) fn check_sliding_spoilt<R: Record>(fault_of: impl Fn(SpoilSliding) -> u32) {
    let spoilt: &[(&str, SpoilSliding)] = &[
        ("kh", |_, sliding| sliding.kh = 0),
        ("kw", |_, sliding| sliding.kw = 0),
        ("weight", |_, sliding| sliding.kh = u32::MAX),
        ("stride_h", |_, sliding| sliding.stride_h = 0),
        ("stride_w", |_, sliding| sliding.stride_w = 0),
        ("dilation_h", |_, sliding| sliding.dilation_h = 0),
        ("dilation_w", |_, sliding| sliding.dilation_w = 0),
        ("pad_top", |_, sliding| sliding.pad_top = u32::MAX),
        ("pad_left", |_, sliding| sliding.stride_w = u32::MAX),
        ("pad_mode", |_, sliding| sliding.pad_mode = 3),
        ("tile_rows", |_, sliding| sliding.tile_rows = 0),
        ("tile_rows", |_, sliding| {
            (sliding.dilation_h, sliding.tile_rows) = (2, 2);
        }),
        ("tile_cols", |_, sliding| sliding.tile_cols = 0),
        // One column, one tap: what a step reaches is nowhere in the picture, but no distance may leave 32 bits.
        ("stride_w", |frame, sliding| {
            (frame.out_w, sliding.stride_w) = (1, 1 << 28);
        }),
        ("dilation_w", |_, sliding| {
            (sliding.kw, sliding.dilation_w) = (1, 1 << 28);
        }),
    ];
    for (index, &(name, spoil)) in spoilt.iter().enumerate() {
        let wanted = field_index(R::LISTING.fields, name);
        assert_eq!(fault_of(spoil), wanted, "{name}, {index}");
    }
}
