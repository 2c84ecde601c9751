use super::{Panels, Pixels, Place, Walk, conv_rows};
use crate::mem::{Dst, Memory, Region};
use crate::record::Operand;

/// Four floats.
fn with_view(f: impl FnOnce(Dst)) {
    #[repr(align(16))]
    struct Block([f32; 4]);
    let mut block = Block([1.0; 4]);
    // SAFETY: aligned; the view is gone before the block is.
    let arena = unsafe { Region::new(block.0.as_mut_ptr().cast(), 16) };
    let memory = Memory::new(arena, arena);
    f(memory.dst(Operand::new(Operand::ARENA, 0), 4).unwrap());
}

const WALK: Walk = Walk {
    rows: 1,
    row_stride: 0,
    taps: 1,
    tap_stride: 0,
    run: 1,
    px_stride: 1,
    px_row_stride: 0,
};

const PLACE: Place = Place {
    at: 0,
    px_stride: 4,
    px_row_stride: 0,
    plane: 0,
    relu: false,
};

/// A row whose operands are all `y`.
fn row(y: Dst, walk: &Walk, place: &Place, px: usize, vectors: usize) {
    let panels = Panels {
        weights: y.as_src(),
        stride: 0,
        then: y.as_src(),
    };
    conv_rows(
        y.as_src(),
        &panels,
        None,
        y,
        walk,
        place,
        Pixels { rows: 1, cols: px },
        vectors,
    );
}

#[test]
#[should_panic(expected = "assertion failed: vectors > 0")]
fn no_vectors_are_refused() {
    let place = Place {
        at: 1 << 30,
        ..PLACE
    };
    with_view(|y| row(y, &WALK, &place, 1, 0));
}

#[test]
#[should_panic(expected = "assertion failed")]
fn a_number_of_vectors_that_wraps_is_refused() {
    let vectors = 1 << (usize::BITS - 2);
    with_view(|y| row(y, &WALK, &PLACE, 1, vectors));
}

#[test]
#[should_panic(expected = "assertion failed: place.reach")]
fn a_place_at_the_end_of_the_address_space_is_refused() {
    let place = Place {
        at: usize::MAX,
        ..PLACE
    };
    with_view(|y| row(y, &WALK, &place, 1, 1));
}

#[test]
fn without_rows_the_distance_of_pixels_does_not_matter() {
    let walk = Walk {
        rows: 0,
        px_stride: usize::MAX,
        px_row_stride: usize::MAX,
        ..WALK
    };
    let place = Place {
        px_stride: 0,
        ..PLACE
    };
    with_view(|y| {
        let nothing = y.as_src().slice(0, 0);
        let panels = Panels {
            weights: nothing,
            stride: 0,
            then: nothing,
        };
        conv_rows(
            nothing,
            &panels,
            None,
            y,
            &walk,
            &place,
            Pixels { rows: 2, cols: 10 },
            1,
        );
        assert_eq!(y.get(3), 0.0);
    });
}
