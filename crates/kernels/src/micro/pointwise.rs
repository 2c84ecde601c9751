//! Programs of a few steps over one strip of elements: acc = operand 0, then acc = step(acc, arguments), in the first cache.
//!
//! ```text
//! for step in program { for every vector i { acc[i] = f(acc[i], a[i], b[i]) } }
//! ```
//!
//! 1. Each step is compiled once, as a loop over vectors, whatever its arguments are: a number and a repeated vector are a walk of
//!    step 0, the first lane of each vector is spread into a buffer first.
//! 2. The first step reads operand 0 where it lies and the last one writes to y, so that a program of one step costs one pass.
//!    The results between lie in a buffer, never in y: what lies where y does is still an operand.
//!
//! Steps are steps.rs's; not here: where a strip's operands lie (ops/pointwise.rs).

mod exponential;
pub mod steps;

use crate::mem::{Dst, Src};
use crate::simd::{F32x4, LANES};

/// Floats of a strip: four operands, the buffers and y together fit the first cache.
pub const STRIP_ELEMS: usize = 2048;
/// Steps of a program, at most.
pub const MOST_STEPS: usize = 8;
/// Operands of a program, at most.
pub const MOST_OPERANDS: usize = 4;

/// How a row of an operand serves a row of y.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A float for each of y's.
    Same,
    /// One vector for all.
    Vector,
    /// The first float of each vector, for all its lanes.
    First,
    /// One float for all.
    Number,
    /// None: there is no such operand, and no step names it.
    Absent,
}

impl Kind {
    /// From a record's bits; `None` if there is no such kind.
    pub const fn from_word(word: u32) -> Option<Self> {
        match word {
            0 => Some(Self::Same),
            1 => Some(Self::Vector),
            2 => Some(Self::First),
            3 => Some(Self::Number),
            _ => None,
        }
    }
    /// Floats that `elems` of y need.
    pub const fn reach_elems(self, elems: usize) -> usize {
        match self {
            Self::Same | Self::First => elems,
            Self::Vector => LANES,
            Self::Number => 1,
            Self::Absent => 0,
        }
    }
}

/// An operand's part of a strip.
#[derive(Clone, Copy)]
pub struct Row {
    /// From its first float.
    pub src: Src,
    /// How it serves y.
    pub kind: Kind,
}

/// Where a step's argument comes from.
#[derive(Clone, Copy)]
pub enum Argument {
    /// The same number everywhere.
    Number(f32),
    /// An operand by its index.
    Operand(usize),
}

/// A step and its arguments; of a step that takes fewer than two the rest is not read.
#[derive(Clone, Copy)]
pub struct Step {
    /// One of [`steps::LISTINGS`].
    pub code: u32,
    /// Besides acc.
    pub arguments: [Argument; 2],
}

/// What lies between the steps, and arguments that are spread.
pub struct Buffers {
    acc: [f32; STRIP_ELEMS],
    spread: [[f32; STRIP_ELEMS]; 2],
}

impl Buffers {
    /// Of zeros.
    pub const fn new() -> Self {
        Self {
            acc: [0.0; STRIP_ELEMS],
            spread: [[0.0; STRIP_ELEMS]; 2],
        }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self::new()
    }
}

/// An argument vector by vector.
#[derive(Clone, Copy)]
struct Walk {
    from: *const f32,
    /// `LANES`, or 0 where one vector serves all.
    step: usize,
}

/// What one step reads and writes. `x` and `y` are valid for `len` floats, a multiple of `LANES`, and so is an argument that steps; one that
/// does not for `LANES`. Each vector is read before its place is written.
#[derive(Clone, Copy)]
struct Strip {
    x: *const f32,
    arguments: [Walk; 2],
    y: *mut f32,
    len: usize,
}

/// An operand as `walk_strip` sees it: valid for what its kind needs of the strip.
#[derive(Clone, Copy)]
struct Lying {
    from: *const f32,
    kind: Kind,
}

impl Lying {
    /// Its walk over `len` floats, made in `room` where it is not there in vectors.
    ///
    /// # Safety
    /// - The operand is valid for what its kind needs of `len` floats, whole vectors and at most `STRIP_ELEMS`.
    unsafe fn walk(self, room: &mut [f32; STRIP_ELEMS], len: usize) -> Walk {
        let Self { from, kind } = self;
        match kind {
            Kind::Same => Walk { from, step: LANES },
            Kind::Vector => Walk { from, step: 0 },
            // SAFETY: the caller's obligation: one float is there.
            Kind::Number => number(unsafe { from.read() }, room),
            Kind::Absent => number(0.0, room),
            Kind::First => {
                let to = room.as_mut_ptr();
                for i in (0..len).step_by(LANES) {
                    // SAFETY: the caller's obligation: i + 4 <= len, which the room holds too.
                    unsafe { F32x4::load_splat(from.add(i)).store(to.add(i)) };
                }
                let from = to.cast_const();
                Walk { from, step: LANES }
            }
        }
    }
}

/// A number for all vectors.
fn number(x: f32, room: &mut [f32; STRIP_ELEMS]) -> Walk {
    room[..LANES].fill(x);
    Walk {
        from: room.as_ptr(),
        step: 0,
    }
}

/// Runs a program over one strip: y is at most `STRIP_ELEMS` floats, whole vectors.
pub fn run(program: &[Step], rows: &[Row; MOST_OPERANDS], y: Dst, buffers: &mut Buffers) {
    let len = y.len();
    assert!(len <= STRIP_ELEMS && len.is_multiple_of(LANES));
    let operands = rows.map(|Row { src, kind }| {
        assert!(src.len() >= kind.reach_elems(len));
        Lying {
            from: src.as_ptr(),
            kind,
        }
    });
    // SAFETY: operands and y cover the strip.
    unsafe { walk_strip(program, &operands, y.as_mut_ptr(), len, buffers) };
}

/// Runs a program over what is left of a row: less than a vector.
pub fn run_rest(program: &[Step], rows: &[Row; MOST_OPERANDS], y: Dst, buffers: &mut Buffers) {
    let mut vectors = [[0.0; LANES]; MOST_OPERANDS];
    for (vector, row) in vectors.iter_mut().zip(rows) {
        // Not even read: another worker may be writing there.
        if row.kind == Kind::Absent {
            continue;
        }
        for (i, x) in vector.iter_mut().enumerate().take(y.len()) {
            *x = row.src.get(if row.kind == Kind::Number { 0 } else { i });
        }
    }
    let operands = core::array::from_fn(|k| Lying {
        from: vectors[k].as_ptr(),
        kind: Kind::Same,
    });
    let mut out = [0.0; LANES];
    // SAFETY: operands and results are a vector each.
    unsafe { walk_strip(program, &operands, out.as_mut_ptr(), LANES, buffers) };
    for (i, &x) in out.iter().enumerate().take(y.len()) {
        y.set(i, x);
    }
}

/// # Safety
/// - `y` is valid for `len` floats, whole vectors and at most `STRIP_ELEMS`, and so is what each operand's kind needs of them.
unsafe fn walk_strip(
    program: &[Step],
    operands: &[Lying; MOST_OPERANDS],
    y: *mut f32,
    len: usize,
    buffers: &mut Buffers,
) {
    let Buffers {
        acc,
        spread: [room_a, room_b],
    } = buffers;
    // SAFETY: the caller's obligation.
    let first = unsafe { operands[0].walk(acc, len) };
    let between = acc.as_mut_ptr();
    let mut x = first.from;
    if first.step == 0 {
        // SAFETY: one vector is there, and acc holds `len` floats.
        unsafe {
            let vector = F32x4::load(x);
            for i in (0..len).step_by(LANES) {
                vector.store(between.add(i));
            }
        }
        x = between;
    }
    let walk = |argument: Argument, room: &mut [f32; STRIP_ELEMS]| match argument {
        Argument::Number(x) => number(x, room),
        // SAFETY: the caller's obligation.
        Argument::Operand(k) => unsafe { operands[k].walk(room, len) },
    };
    for (i, step) in program.iter().enumerate() {
        let [a, b] = step.arguments;
        let strip = Strip {
            x,
            arguments: [walk(a, room_a), walk(b, room_b)],
            y: if i + 1 == program.len() { y } else { between },
            len,
        };
        steps::apply(step.code, &strip);
        x = between;
    }
}

/// `y[i] = f(x[i])`, `T` vectors a turn.
#[inline(always)]
fn one<const T: usize>(strip: &Strip, f: impl Fn(F32x4) -> F32x4) {
    let &Strip { x, y, len, .. } = strip;
    let mut i = 0;
    if T > 1 {
        while i + T * LANES <= len {
            for _ in 0..T {
                // SAFETY: i + 4 <= len.
                unsafe { f(F32x4::load(x.add(i))).store(y.add(i)) };
                i += LANES;
            }
        }
    }
    while i < len {
        // SAFETY: i + 4 <= len, a multiple of 4.
        unsafe { f(F32x4::load(x.add(i))).store(y.add(i)) };
        i += LANES;
    }
}

/// `y[i] = f(x[i], a[i])`, `T` vectors a turn.
#[inline(always)]
fn two<const T: usize>(strip: &Strip, f: impl Fn(F32x4, F32x4) -> F32x4) {
    let &Strip {
        x,
        arguments: [a, _],
        y,
        len,
    } = strip;
    if a.step == 0 {
        // SAFETY: one vector is there.
        let a = unsafe { F32x4::load(a.from) };
        return one::<T>(strip, |x| f(x, a));
    }
    let mut i = 0;
    if T > 1 {
        while i + T * LANES <= len {
            for _ in 0..T {
                // SAFETY: i + 4 <= len.
                unsafe { f(F32x4::load(x.add(i)), F32x4::load(a.from.add(i))).store(y.add(i)) };
                i += LANES;
            }
        }
    }
    while i < len {
        // SAFETY: i + 4 <= len, a multiple of 4.
        unsafe { f(F32x4::load(x.add(i)), F32x4::load(a.from.add(i))).store(y.add(i)) };
        i += LANES;
    }
}

/// `y[i] = f(x[i], a[i], b[i])`.
#[inline(always)]
fn three(strip: &Strip, f: impl Fn(F32x4, F32x4, F32x4) -> F32x4) {
    let &Strip {
        x,
        arguments: [a, b],
        y,
        len,
    } = strip;
    let (mut from_a, mut from_b) = (a.from, b.from);
    let mut i = 0;
    while i < len {
        // SAFETY: i + 4 <= len, a multiple of 4; each argument holds a vector, or `len` floats where it steps. The last increment may pass
        // an argument's end, so it wraps.
        unsafe {
            f(
                F32x4::load(x.add(i)),
                F32x4::load(from_a),
                F32x4::load(from_b),
            )
            .store(y.add(i));
        }
        from_a = from_a.wrapping_add(a.step);
        from_b = from_b.wrapping_add(b.step);
        i += LANES;
    }
}

#[cfg(test)]
mod tests;
