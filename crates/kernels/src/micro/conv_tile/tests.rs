use super::{ConvRows, Pixels, Place, Views, Walk};
use crate::mem::Dst;
use crate::micro::epilogue::ChannelStep;
use crate::testing::with_view;

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
    px_stride: 4,
    px_row_stride: 0,
    plane: 0,
};

/// A row whose operands are all `y`.
fn row(y: Dst, walk: &Walk, place: &Place, px: usize, vectors: usize) {
    let views = Views {
        a: y.as_src(),
        weights: y.as_src(),
        then: None,
        bias: None,
        step: (ChannelStep::Nothing, 0),
        y,
    };
    ConvRows::new(walk, place, Pixels { rows: 1, cols: px }, vectors, 0).run(&views);
}

#[test]
#[should_panic(expected = "assertion failed: vectors > 0")]
fn no_vectors_are_refused() {
    with_view(4, |y| row(y, &WALK, &PLACE, 1, 0));
}

#[test]
#[should_panic(expected = "assertion failed")]
fn a_number_of_vectors_that_wraps_is_refused() {
    let vectors = 1 << (usize::BITS - 2);
    with_view(4, |y| row(y, &WALK, &PLACE, 1, vectors));
}

#[test]
#[should_panic(expected = "assertion failed: self.y_len")]
fn a_place_at_the_end_of_the_address_space_is_refused() {
    let place = Place {
        plane: usize::MAX,
        ..PLACE
    };
    let walk = Walk { rows: 0, ..WALK };
    with_view(4, |y| row(y, &walk, &place, 1, 2));
}

#[test]
#[should_panic(expected = "assertion failed: self.weights_len")]
fn a_last_panel_at_a_distance_that_wraps_is_refused() {
    let place = Place {
        px_stride: 0,
        ..PLACE
    };
    with_view(4, |y| {
        let views = Views {
            a: y.as_src(),
            weights: y.as_src(),
            then: None,
            bias: None,
            step: (ChannelStep::Nothing, 0),
            y,
        };
        let half = 1 << (usize::BITS - 1);
        ConvRows::new(&WALK, &place, Pixels { rows: 1, cols: 1 }, 5, half).run(&views);
    });
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
    with_view(4, |y| {
        let nothing = y.as_src().slice(0, 0);
        let views = Views {
            a: nothing,
            weights: nothing,
            then: None,
            bias: None,
            step: (ChannelStep::Nothing, 0),
            y,
        };
        ConvRows::new(&walk, &place, Pixels { rows: 2, cols: 10 }, 1, 0).run(&views);
        assert_eq!(y.get(3), 0.0);
    });
}
