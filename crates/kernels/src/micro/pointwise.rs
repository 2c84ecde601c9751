//! Programs of a few steps over one strip of elements: acc = operand 0, then acc = step(acc, arguments).
//!
//! ```text
//! for run of steps in program { for every group of vectors { for step in run { acc[i] = f(acc[i], a[i], b[i]) } } }
//! ```
//!
//! 1. A run is all plain steps up to the next function such as exp, whose constants fill the registers: 8 vectors stay in registers from
//!    step to step, with a jump between two. 0.4 to 0.9 cycles a vector and further step; a pass over the first cache for each took 1.2.
//! 2. A step that is a run by itself is a loop of its own: it waits for memory, and in registers it took 3 to 8 % longer.
//! 3. Whatever its arguments are, a step has the same code: a number and a repeated vector are a walk of step 0, the first lane of each
//!    vector is spread into a buffer first.
//! 4. The first run reads operand 0 where it lies and the last one writes to y. The results between lie in a buffer, never in y: what lies
//!    where y does is still an operand.
//!
//! Steps are steps.rs's; not here: where a strip's operands lie (ops/pointwise.rs).

mod exponential;
mod program;
pub mod steps;

use core::mem::MaybeUninit;

pub use self::program::{Argument, Kind, Row, Step};
use crate::mem::Dst;
use crate::simd::{F32x4, LANES};

/// Floats of a strip: four operands, the buffers and y together fit the first cache.
pub const STRIP_ELEMS: usize = 2048;
/// Steps of a program, at most.
pub const MOST_STEPS: usize = 8;
/// Operands of a program, at most.
pub const MOST_OPERANDS: usize = 4;

/// What lies between runs, operands that are spread, and what calls prepare: to clear that for each call took 4 ns.
pub struct Buffers {
    acc: Room,
    spread: [Room; MOST_OPERANDS],
    numbers: [[[f32; LANES]; 2]; MOST_STEPS],
    alone: [[f32; LANES]; MOST_OPERANDS],
    found: [Found; MOST_STEPS],
}

type Room = [MaybeUninit<f32>; STRIP_ELEMS];

impl Buffers {
    /// Rooms with nothing in them.
    pub const fn new() -> Self {
        let room = [MaybeUninit::uninit(); STRIP_ELEMS];
        let nowhere = Walk {
            from: core::ptr::null(),
            step: 0,
        };
        Self {
            acc: room,
            spread: [room; MOST_OPERANDS],
            numbers: [[[0.0; LANES]; 2]; MOST_STEPS],
            alone: [[0.0; LANES]; MOST_OPERANDS],
            found: [Found {
                code: 0,
                arguments: [nowhere; 2],
            }; MOST_STEPS],
        }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self::new()
    }
}

/// Vectors of a group: 8 leave 7 of V8's registers to arguments and constants, and nothing is spilled. A call of a function between the
/// steps of a group, instead of a run by itself, took a tenth more of all steps.
const GROUP: usize = 8;
const GROUP_ELEMS: usize = GROUP * LANES;
type Group = [F32x4; GROUP];

/// An argument vector by vector.
#[derive(Clone, Copy)]
struct Walk {
    from: *const f32,
    /// `LANES`, or 0 where one vector serves all.
    step: usize,
}

/// A step whose arguments are found.
#[derive(Clone, Copy)]
struct Found {
    code: u32,
    arguments: [Walk; 2],
}

/// What a run of steps reads and writes. `x` and `y` are valid for `len` floats, whole groups, and so is an argument that steps; one that
/// does not for `LANES`. Each group is read before its place is written.
#[derive(Clone, Copy)]
struct Strip {
    x: Walk,
    y: *mut f32,
    len: usize,
}

/// Runs a program over one strip: y is at most `STRIP_ELEMS` floats.
pub fn run(program: &[Step], rows: &[Row; MOST_OPERANDS], y: Dst, buffers: &mut Buffers) {
    let len = y.len();
    assert!(len <= STRIP_ELEMS);
    for Row { src, kind } in rows {
        assert!(src.len() >= kind.reach_elems(len));
    }
    let whole = len / GROUP_ELEMS * GROUP_ELEMS;
    if whole > 0 {
        let operands = rows.map(|Row { src, kind }| (src.as_ptr(), kind));
        // SAFETY: operands and y cover the strip.
        unsafe { run_groups(program, &operands, y.as_mut_ptr(), whole, buffers) };
    }
    if whole < len {
        run_rest(program, rows, y, whole, buffers);
    }
}

/// From float `from` of the strip on: less than a group.
#[inline(never)]
fn run_rest(
    program: &[Step],
    rows: &[Row; MOST_OPERANDS],
    y: Dst,
    from: usize,
    buffers: &mut Buffers,
) {
    let rest = y.len() - from;
    let mut groups = [[0.0; GROUP_ELEMS]; MOST_OPERANDS];
    let operands = core::array::from_fn(|k| {
        let Row { src, kind } = rows[k];
        match kind {
            Kind::Same | Kind::First => {
                for (i, x) in groups[k].iter_mut().enumerate().take(rest) {
                    *x = src.get(from + i);
                }
                (groups[k].as_ptr(), kind)
            }
            // Of one that is absent nothing is read: another worker may be writing there.
            Kind::Vector | Kind::Number | Kind::Affine | Kind::Absent => (src.as_ptr(), kind),
        }
    });
    let mut out = [0.0; GROUP_ELEMS];
    // SAFETY: operands and results are a group each, or what their kind needs.
    unsafe { run_groups(program, &operands, out.as_mut_ptr(), GROUP_ELEMS, buffers) };
    for (i, &x) in out.iter().enumerate().take(rest) {
        y.set(from + i, x);
    }
}

/// # Safety
/// - `y` is valid for `len` floats, whole groups and at most `STRIP_ELEMS`, and so is what each operand's kind needs of them.
unsafe fn run_groups(
    program: &[Step],
    operands: &[(*const f32, Kind); MOST_OPERANDS],
    y: *mut f32,
    len: usize,
    buffers: &mut Buffers,
) {
    let Buffers {
        acc,
        spread,
        numbers,
        alone,
        found,
    } = buffers;
    let walks: [Walk; MOST_OPERANDS] = core::array::from_fn(|k| {
        let (from, kind) = operands[k];
        match kind {
            Kind::Same => Walk { from, step: LANES },
            Kind::Vector => Walk { from, step: 0 },
            // SAFETY: the caller's obligation: one float is there.
            Kind::Number => still(unsafe { from.read() }, &mut alone[k]),
            // A step that wants three vectors finds them there; one that is absent no step names.
            Kind::Affine | Kind::Absent => Walk { from, step: 0 },
            Kind::First => {
                let to = spread[k].as_mut_ptr().cast::<f32>();
                for i in (0..len).step_by(LANES) {
                    // SAFETY: the caller's obligation: i + 4 <= len, which the room holds too.
                    unsafe { F32x4::load_splat(from.add(i)).store(to.add(i)) };
                }
                Walk {
                    from: to,
                    step: LANES,
                }
            }
        }
    });
    for ((found, numbers), step) in found.iter_mut().zip(numbers).zip(program) {
        found.code = step.code;
        for ((walk, number), argument) in
            found.arguments.iter_mut().zip(numbers).zip(step.arguments)
        {
            *walk = match argument {
                Argument::Operand(k) => walks[k],
                Argument::Number(x) => still(x, number),
            };
        }
    }
    let between = acc.as_mut_ptr().cast::<f32>();
    let mut x = walks[0];
    let mut rest = &found[..program.len()];
    while let Some(first) = rest.first() {
        let is_function = |step: &Found| steps::is_function(step.code);
        let plain = rest.iter().position(is_function).unwrap_or(rest.len());
        let (run, after) = rest.split_at(plain.max(1));
        let y = if after.is_empty() { y } else { between };
        let strip = Strip { x, y, len };
        if run.len() == 1 {
            steps::alone(first, &strip);
        } else {
            in_registers(run, &strip);
        }
        x = Walk {
            from: between,
            step: LANES,
        };
        rest = after;
    }
}

/// A number for all vectors.
fn still(x: f32, vector: &mut [f32; LANES]) -> Walk {
    vector.fill(x);
    Walk {
        from: vector.as_ptr(),
        step: 0,
    }
}

/// `y = the steps' result of x`
#[inline(never)]
fn in_registers(run: &[Found], strip: &Strip) {
    let &Strip { x, y, len } = strip;
    for i in (0..len).step_by(GROUP_ELEMS) {
        let mut acc: Group = [F32x4::splat(0.0); GROUP];
        if x.step == 0 {
            // SAFETY: one vector is there.
            acc.fill(unsafe { F32x4::load(x.from) });
        } else {
            for (v, place) in acc.iter_mut().enumerate() {
                // SAFETY: i + 32 <= len, as everywhere below.
                *place = unsafe { F32x4::load(x.from.add(i).add(v * LANES)) };
            }
        }
        for step in run {
            acc = steps::plain(step, acc, i);
        }
        for (v, x) in acc.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { x.store(y.add(i).add(v * LANES)) };
        }
    }
}

/// `f(x)`
#[inline(always)]
fn one(mut acc: Group, f: impl Fn(F32x4) -> F32x4) -> Group {
    for x in &mut acc {
        *x = f(*x);
    }
    acc
}

/// `f(x, a)`
#[inline(always)]
fn two(mut acc: Group, a: Walk, i: usize, f: impl Fn(F32x4, F32x4) -> F32x4) -> Group {
    if a.step == 0 {
        // SAFETY: one vector is there.
        let a = unsafe { F32x4::load(a.from) };
        return one(acc, |x| f(x, a));
    }
    for (v, x) in acc.iter_mut().enumerate() {
        // SAFETY: i + 32 <= len.
        *x = f(*x, unsafe { F32x4::load(a.from.add(i).add(v * LANES)) });
    }
    acc
}

/// The three vectors of an operand of kind `Affine`.
#[inline(always)]
fn affine(walk: Walk) -> [F32x4; 3] {
    // SAFETY: they are there.
    [0, 1, 2].map(|k| unsafe { F32x4::load(walk.from.add(k * LANES)) })
}

/// `f(x, a, b)`
#[inline(always)]
fn three(
    mut acc: Group,
    [a, b]: [Walk; 2],
    i: usize,
    f: impl Fn(F32x4, F32x4, F32x4) -> F32x4,
) -> Group {
    let (first, second) = (i * (a.step / LANES), i * (b.step / LANES));
    for (v, x) in acc.iter_mut().enumerate() {
        // SAFETY: each argument has a vector, or `len` floats where it steps.
        *x = unsafe {
            f(
                *x,
                F32x4::load(a.from.add(first + v * a.step)),
                F32x4::load(b.from.add(second + v * b.step)),
            )
        };
    }
    acc
}

/// `y[i] = f(x[i], a[i], b[i])`, `T` vectors a turn: a divisor of `GROUP`.
#[inline(always)]
fn each<const T: usize>(
    strip: &Strip,
    [a, b]: [Walk; 2],
    f: impl Fn(F32x4, F32x4, F32x4) -> F32x4,
) {
    let &Strip { x, y, len } = strip;
    let [mut from_x, mut from_a, mut from_b] = [x, a, b].map(|walk| walk.from);
    for i in (0..len).step_by(T * LANES) {
        for v in 0..T {
            // SAFETY: i + 4 T <= len, whole groups; what steps holds as many floats, what does not a vector. The last increment may pass the
            // end, so it wraps.
            unsafe {
                let (x, a, b) = (
                    F32x4::load(from_x),
                    F32x4::load(from_a),
                    F32x4::load(from_b),
                );
                f(x, a, b).store(y.add(i).add(v * LANES));
            }
            from_x = from_x.wrapping_add(x.step);
            from_a = from_a.wrapping_add(a.step);
            from_b = from_b.wrapping_add(b.step);
        }
    }
}

#[cfg(test)]
mod tests;
