//! The steps of pointwise programs: one table. A row is a code, a name, whether it is plain or a function (which is never kept in registers
//! with others), its parameters (x is acc; the others are numbers or operands), the formula on vectors, and the definition in float64 that
//! tests hold it to, within the relative error that the row names (one rounding where it names none). The argument of an affine map is
//! three vectors, in its definition one number thrice.
//! Codes, names and numbers of arguments are in ts/src/ops/records.gen.ts too, printed by examples/generate_records.rs.

use super::exponential::{exp, log, mish, pow, sigmoid, silu};
use super::{Found, Group, Strip, affine, each, one, three, two};
use crate::micro::activation::{leaky_relu, relu, tanh};
use crate::record::same;
use crate::simd::F32x4;

/// A step as the generator sees it.
pub struct Listing {
    /// In a record.
    pub code: u32,
    /// On both sides.
    pub name: &'static str,
    /// Besides x.
    pub arguments: usize,
    /// Whether its argument is an operand of kind `Affine`, which no other step has.
    pub is_affine: bool,
    /// One line.
    pub about: &'static str,
}

macro_rules! plain {
    (plain $step:ident $acc:ident $i:ident ($x:ident $map:ident: affine) $f:expr) => {{
        let $map = affine($step.arguments[0]);
        one($acc, |$x| $f)
    }};
    (function $step:ident $acc:ident $($rest:tt)*) => {
        $acc
    };
    (plain $step:ident $acc:ident $i:ident ($x:ident) $f:expr) => {
        one($acc, |$x| $f)
    };
    (plain $step:ident $acc:ident $i:ident ($x:ident $a:ident) $f:expr) => {
        two($acc, $step.arguments[0], $i, |$x, $a| $f)
    };
    (plain $step:ident $acc:ident $i:ident ($x:ident $a:ident $b:ident) $f:expr) => {
        three($acc, $step.arguments, $i, |$x, $a, $b| $f)
    };
}

macro_rules! alone {
    ($turn:expr, $step:ident $strip:ident ($x:ident $map:ident: affine) $f:expr) => {{
        let $map = affine($step.arguments[0]);
        each::<{ $turn }>($strip, [$step.arguments[0]; 2], |$x, _, _| $f)
    }};
    ($turn:expr, $step:ident $strip:ident ($x:ident) $f:expr) => {
        each::<{ $turn }>($strip, $step.arguments, |$x, _, _| $f)
    };
    ($turn:expr, $step:ident $strip:ident ($x:ident $a:ident) $f:expr) => {
        each::<{ $turn }>($strip, $step.arguments, |$x, $a, _| $f)
    };
    ($turn:expr, $step:ident $strip:ident ($x:ident $a:ident $b:ident) $f:expr) => {
        each::<{ $turn }>($strip, $step.arguments, |$x, $a, $b| $f)
    };
}

/// Vectors a turn of a step's own loop.
macro_rules! turn {
    (function) => {
        1
    };
    (plain) => {
        4
    };
}

macro_rules! is_function {
    (function) => {
        true
    };
    (plain) => {
        false
    };
}

macro_rules! steps {
    ($(#[doc = $about:literal] $code:literal $name:ident is $sort:ident $(within $within:literal)? ($x:ident $(, $argument:ident $(: $sort_of:ident)?)*) { $f:expr } { $exact:expr })*) => {
        /// Every step.
        pub const LISTINGS: &[Listing] = &[$(Listing {
            code: $code,
            name: stringify!($name),
            arguments: <[&str]>::len(&[$(stringify!($argument)),*]),
            is_affine: <[&str]>::len(&[$($(stringify!($sort_of),)?)*]) > 0,
            about: $about,
        }),*];

        /// Whether the step is always a loop of its own.
        pub(super) fn is_function(code: u32) -> bool {
            match code {
                $($code => is_function!($sort),)*
                _ => false,
            }
        }

        /// A plain step of the group at float `i`; of any other code it does nothing.
        #[inline(always)]
        pub(super) fn plain(step: &Found, acc: Group, i: usize) -> Group {
            match step.code {
                $($code => plain!($sort step acc i ($x $($argument $(: $sort_of)?)*) $f),)*
                _ => acc,
            }
        }

        /// Runs one step over a strip; of a code that no step has it does nothing.
        pub(super) fn alone(step: &Found, strip: &Strip) {
            match step.code {
                $($code => alone!(turn!($sort), step strip ($x $($argument $(: $sort_of)?)*) $f),)*
                _ => {}
            }
        }

        /// How far the step may be off, relative; one rounding where the row says nothing.
        #[cfg(test)]
        pub(crate) fn bound(code: u32) -> f64 {
            match code {
                $($code => [6e-8 $(, $within)?].into_iter().last().unwrap(),)*
                _ => panic!("no step {code}"),
            }
        }

        /// What a step is, in float64.
        #[cfg(test)]
        pub(crate) fn exact(code: u32, x: f64, arguments: [f64; 2]) -> f64 {
            let _ = arguments;
            match code {
                $($code => {
                    let $x = x;
                    let mut _next = arguments.into_iter();
                    $(let $argument = _next.next().unwrap();)*
                    $exact
                })*
                _ => panic!("no step {code}"),
            }
        }
    };
}

/// The code of a step.
///
/// # Panics
/// If no step has the name: meant to be asked at compile time.
pub const fn code_of(name: &str) -> u32 {
    let mut at = 0;
    while at < LISTINGS.len() {
        if same(LISTINGS[at].name.as_bytes(), name.as_bytes()) {
            return LISTINGS[at].code;
        }
        at += 1;
    }
    panic!("no such step")
}

/// The step of a code; `None` if there is none.
pub fn listing(code: u32) -> Option<&'static Listing> {
    LISTINGS.get(code as usize)
}

steps! {
    /// x + a
    0 add is plain (x, a) { x + a } { x + a }
    /// x - a
    1 sub is plain (x, a) { x - a } { x - a }
    /// x * a
    2 mul is plain (x, a) { x * a } { x * a }
    /// x / a
    3 div is plain (x, a) { x / a } { x / a }
    /// a - x
    4 rsub is plain (x, a) { a - x } { a - x }
    /// a / x
    5 rdiv is plain (x, a) { a / x } { a / x }
    /// max(x, 0)
    6 relu is plain (x) { relu(x) } { if x < 0.0 { 0.0 } else { x } }
    /// tanh(x)
    7 tanh is function within 6e-7 (x) { tanh(x) } { x.tanh() }
    /// sqrt(x)
    8 sqrt is plain (x) { x.sqrt() } { x.sqrt() }
    /// x where above 0, elsewhere a * x
    9 leaky_relu is plain (x, a) { leaky_relu(x, a) } { if x > 0.0 { x } else { x * a } }
    /// 1 / (1 + exp(-x))
    10 sigmoid is function within 4e-7 (x) { sigmoid(x) } { 1.0 / (1.0 + (-x).exp()) }
    /// x * sigmoid(x)
    11 silu is function within 4e-7 (x) { silu(x) } { x * (1.0 / (1.0 + (-x).exp())) }
    /// x * tanh(log(1 + exp(x)))
    12 mish is function within 4e-7 (x) { mish(x) } { x * x.exp().ln_1p().tanh() }
    /// min(max(x, a), b); NaN wins
    13 clamp is plain (x, a, b) { x.max(a).min(b) } { if [x, a, b].iter().any(|number| number.is_nan()) { f64::NAN } else { x.max(a).min(b) } }
    /// x to the power of a
    14 pow is function (x, a) { pow(x, a) } { x.powf(a) }
    /// the smaller one; NaN wins
    15 min is plain (x, a) { x.min(a) } { if x.is_nan() || a.is_nan() { f64::NAN } else { x.min(a) } }
    /// the larger one; NaN wins
    16 max is plain (x, a) { x.max(a) } { if x.is_nan() || a.is_nan() { f64::NAN } else { x.max(a) } }
    /// b where x is 0, elsewhere a
    17 select is plain (x, a, b) { F32x4::select(x.equal(F32x4::splat(0.0)), b, a) } { if x == 0.0 { b } else { a } }
    /// exp(x)
    18 exp is function within 1.2e-7 (x) { exp(x) } { x.exp() }
    /// log(x), of base e
    19 log is function within 1.2e-7 (x) { log(x) } { x.ln() }
    /// |x|
    20 abs is plain (x) { x.abs() } { x.abs() }
    /// (x - m) * s + b of a channel
    21 affine is plain (x, map: affine) { (x - map[0]).mul_add(map[1], map[2]) } { (x - map) * map + map }
}
