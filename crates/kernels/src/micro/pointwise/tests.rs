//! Steps against their definitions in float64, over all of float32's range.

use super::steps::{LISTINGS, alone, bound, code_of, exact, is_function};
use super::{Found, Strip, Walk, in_registers};
use std::vec::Vec;

/// What a step gives on lanes that are all the same.
fn step(code: u32, x: f32, arguments: [f32; 2]) -> f32 {
    let (x, arguments) = ([x; 12], arguments.map(|a| [a; 12]));
    let mut y = [0.0; 32];
    let walk = |from: &[f32; 12]| Walk {
        from: from.as_ptr(),
        step: 0,
    };
    let found = Found {
        code,
        arguments: arguments.each_ref().map(walk),
    };
    alone(
        &found,
        &Strip {
            x: walk(&x),
            y: y.as_mut_ptr(),
            len: y.len(),
        },
    );
    y[0]
}

/// Every plain step in registers, of numbers and of operands, has the bits that its own loop gives.
#[test]
fn steps_in_registers_equal_steps_alone() {
    let x: Vec<f32> = special().collect();
    assert_eq!(x.len(), 32);
    let of_walk = |from: &[f32], step| Walk {
        from: from.as_ptr(),
        step,
    };
    for listing in LISTINGS.iter().filter(|step| !is_function(step.code)) {
        for a in special() {
            let still = [a; 12];
            let mut moving = x.clone();
            moving.rotate_left(7);
            for arguments in [
                [of_walk(&still, 0), of_walk(&moving, 4)],
                [of_walk(&moving, 4), of_walk(&still, 0)],
            ] {
                let found = Found {
                    code: listing.code,
                    arguments,
                };
                let run = |run: &dyn Fn(&Strip)| {
                    let mut y = [0.0f32; 32];
                    run(&Strip {
                        x: of_walk(&x, 4),
                        y: y.as_mut_ptr(),
                        len: 32,
                    });
                    y.map(|y| if y.is_nan() { u32::MAX } else { y.to_bits() })
                };
                assert_eq!(
                    run(&|strip| in_registers(&[found], strip)),
                    run(&|strip| alone(&found, strip)),
                    "{}",
                    listing.name
                );
            }
        }
    }
}

const SPECIAL: [f32; 16] = [
    0.0,
    1e-45,
    1e-40,
    f32::MIN_POSITIVE,
    1e-20,
    0.5,
    1.0,
    2.0,
    3.0,
    16_777_215.0,
    88.7,
    104.0,
    1e20,
    f32::MAX,
    f32::INFINITY,
    f32::NAN,
];

fn special() -> impl Iterator<Item = f32> {
    SPECIAL.into_iter().flat_map(|x| [x, -x])
}

/// The error in units of the value; 0 where the same number, infinity or NaN is wanted, infinite where it is not given.
fn error(got: f32, wanted: f64) -> f64 {
    if (got.is_nan() && wanted.is_nan()) || got == wanted as f32 {
        return 0.0;
    }
    let size = wanted.abs().max(f64::from(f32::MIN_POSITIVE));
    let error = (f64::from(got) - wanted).abs() / size;
    if error.is_nan() { f64::INFINITY } else { error }
}

#[test]
fn every_step_is_within_its_bound_over_all_floats() {
    for listing in LISTINGS.iter().filter(|step| !step.is_affine) {
        let arguments: Vec<[f32; 2]> = match listing.arguments {
            0 => std::vec![[0.0; 2]],
            _ => [0.5, -1.5, 3.0, 2.0, -0.25, 1e-20, 1.0]
                .into_iter()
                .map(|a| [a, 2.5])
                .collect(),
        };
        let every = 16_411 * arguments.len();
        let mut worst = (0.0, 0.0, [0.0; 2]);
        for arguments in arguments {
            // Every few thousandth float, and all numbers of a size that matters more densely.
            let floats = (0..=u32::MAX).step_by(every).map(f32::from_bits);
            let usual = (0..=100_000).map(|i| (i - 50_000) as f32 * 2e-3);
            for x in floats.chain(usual).chain(special()) {
                let wanted = exact(listing.code, f64::from(x), arguments.map(f64::from));
                let error = error(step(listing.code, x, arguments), wanted);
                if error > worst.0 {
                    worst = (error, x, arguments);
                }
            }
        }
        std::println!("{}: {worst:?}", listing.name);
        assert!(
            worst.0 <= bound(listing.code),
            "{}: error {} at {} {:?}",
            listing.name,
            worst.0,
            worst.1,
            worst.2
        );
    }
}

#[test]
fn every_pair_of_special_values_is_as_defined() {
    for listing in LISTINGS.iter().filter(|step| !step.is_affine) {
        for x in special() {
            for a in special() {
                for b in [-0.0, 1.0, f32::INFINITY, f32::NAN] {
                    let got = step(listing.code, x, [a, b]);
                    let wanted = exact(listing.code, f64::from(x), [a, b].map(f64::from));
                    // A float64 definition may hold what is beyond float32, and two roundings of a NaN's comparison are none.
                    assert!(
                        error(got, wanted) <= bound(listing.code),
                        "{} of {x}, {a}, {b} is {got}, wanted {wanted}",
                        listing.name
                    );
                }
            }
        }
    }
}

#[test]
fn zeros_have_the_signs_of_their_definitions() {
    // Of two zeros either may be the smaller one.
    let free = ["min", "max", "clamp", "affine"];
    for listing in LISTINGS.iter().filter(|step| !free.contains(&step.name)) {
        for x in special() {
            for a in special() {
                let got = step(listing.code, x, [a, 1.0]);
                let wanted = exact(listing.code, f64::from(x), [f64::from(a), 1.0]);
                if wanted == 0.0 {
                    assert_eq!(
                        got.to_bits(),
                        (wanted as f32).to_bits(),
                        "{} of {x}, {a}",
                        listing.name
                    );
                }
            }
        }
    }
}

#[test]
fn a_slope_of_zero_is_multiplied_by_and_relu_is_not() {
    // As PyTorch: -inf * 0 is NaN.
    assert!(step(code_of("leaky_relu"), f32::NEG_INFINITY, [0.0; 2]).is_nan());
    assert_eq!(step(code_of("relu"), f32::NEG_INFINITY, [0.0; 2]), 0.0);
}

/// A map is two roundings, of x - m and of what follows.
#[test]
fn an_affine_map_is_within_its_terms() {
    for x in special() {
        for a in special().filter(|a| a.abs() < 1e9) {
            let (wide, map) = (f64::from(x), f64::from(a));
            let size = (wide.abs() + map.abs()) * map.abs() + map.abs();
            let wanted = exact(code_of("affine"), wide, [map; 2]);
            let got = f64::from(step(code_of("affine"), x, [a; 2]));
            let fits = if wanted.is_finite() && size < 1e38 {
                (got - wanted).abs() <= 2e-7 * size + 1e-44
            } else {
                size >= 1e38 || got == wanted || got.is_nan() && wanted.is_nan()
            };
            assert!(fits, "of {x}, {a} is {got}, wanted {wanted}");
        }
    }
}

#[test]
fn codes_are_places_in_the_table() {
    for (place, step) in LISTINGS.iter().enumerate() {
        assert_eq!(step.code as usize, place, "{}", step.name);
        assert!(!step.about.is_empty());
    }
}
