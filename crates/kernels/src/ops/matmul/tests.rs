//! matmul and its packing against the definition in float64, over odd sizes and distances.

use std::vec::Vec;

use crate::micro::pointwise::steps::code_of;
use crate::record::{Epilogue, Matmul, Operand, PackBias, PackMatmul, Program};
use crate::testing::{Random, TestPlan, assert_close};

#[derive(Clone, Copy, Debug)]
struct Case {
    batch: usize,
    m: usize,
    k: usize,
    n: usize,
    /// One a for the whole batch; one b
    shared: (bool, bool),
    /// b lies as [n, k]
    transposed: bool,
    bias: bool,
    /// Floats between rows of a, b and y that belong to none of them
    gaps: [usize; 3],
    tile: (u32, u32),
}

const PLAIN: Case = Case {
    batch: 1,
    m: 13,
    k: 10,
    n: 21,
    shared: (false, false),
    transposed: false,
    bias: true,
    gaps: [0; 3],
    tile: (5, 8),
};

/// Of rows with gaps between them: their distance, and what all take. No gap follows the last row.
fn rows_of(rows: usize, len: usize, gap: usize) -> (usize, usize) {
    (len + gap, rows * (len + gap) - gap)
}

/// A plan's product, and what it is to be.
struct Planned {
    plan: TestPlan,
    record: Matmul,
    /// With NaN between the rows
    wanted: Vec<f64>,
}

impl Case {
    fn planned(&self) -> Planned {
        let &Case { batch, m, k, n, .. } = self;
        let mut random = Random::new((batch * 41 + m * 31 + k * 7 + n) as u32);
        let mut plan = TestPlan::new();
        let count = |shared: bool| if shared { 1 } else { batch };
        let (a_row, a_len) = rows_of(m, k, self.gaps[0]);
        let (b_rows, b_cols) = if self.transposed { (n, k) } else { (k, n) };
        let (b_row, b_len) = rows_of(b_rows, b_cols, self.gaps[1]);
        let (y_row, y_len) = rows_of(m, n, self.gaps[2]);
        let (k_step, n_step) = if self.transposed {
            (1, b_row)
        } else {
            (b_row, 1)
        };
        // What lies in the gaps is NaN, which reaches every sum it is in.
        let with_gaps = |random: &mut Random, count: usize, (row, len): (usize, usize), real| {
            let mut values = random.floats(count * len, -1.0, 1.0);
            for (i, x) in values.iter_mut().enumerate() {
                if i % len % row >= real {
                    *x = f32::NAN;
                }
            }
            values
        };
        let a = with_gaps(&mut random, count(self.shared.0), (a_row, a_len), k);
        let b = with_gaps(&mut random, count(self.shared.1), (b_row, b_len), b_cols);
        let bias = random.floats(n, -1.0, 1.0);

        let mut wanted = std::vec![f64::NAN; batch * y_len];
        for i in 0..batch {
            let a_from = if self.shared.0 { 0 } else { i * a_len };
            let b_from = if self.shared.1 { 0 } else { i * b_len };
            for row in 0..m {
                for col in 0..n {
                    let mut sum = if self.bias { f64::from(bias[col]) } else { 0.0 };
                    for step in 0..k {
                        let [x, w] = [
                            a[a_from + row * a_row + step],
                            b[b_from + step * k_step + col * n_step],
                        ];
                        sum += f64::from(x) * f64::from(w);
                    }
                    wanted[i * y_len + row * y_row + col] = sum;
                }
            }
        }

        let packed = k * n.next_multiple_of(4);
        let pack = PackMatmul {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            src: plan.dense(&b),
            y: plan.room(count(self.shared.1) * packed),
            batch: count(self.shared.1) as u32,
            k: k as u32,
            n: n as u32,
            src_step: b_len as u32,
            k_step: k_step as u32,
            n_step: n_step as u32,
            tile_panels: 2,
        };
        let padded = n.next_multiple_of(8);
        let pack_bias = PackBias {
            scratch: Operand::ABSENT,
            scratch_bytes: 0,
            src: plan.dense(&bias),
            y: plan.room(padded),
            c: n as u32,
            padded_c: padded as u32,
        };
        let width = match n % 8 {
            0 | 4 => 0,
            1..4 => 4,
            _ => 8,
        };
        let scratch_bytes = (self.tile.0.min(m as u32) * width * 4).next_multiple_of(16);
        let record = Matmul {
            scratch: match scratch_bytes {
                0 => Operand::ABSENT,
                bytes => plan.scratch(bytes),
            },
            scratch_bytes,
            a: plan.dense(&a),
            b: pack.y,
            bias: match self.bias {
                true => pack_bias.y,
                false => Operand::ABSENT,
            },
            y: plan.room(batch * y_len),
            batch: batch as u32,
            m: m as u32,
            k: k as u32,
            n: n as u32,
            a_step: if self.shared.0 { 0 } else { a_len as u32 },
            b_step: if self.shared.1 { 0 } else { packed as u32 },
            y_step: y_len as u32,
            a_row_step: a_row as u32,
            y_row_step: y_row as u32,
            tile_m: self.tile.0,
            tile_n: self.tile.1,
            program: Program::default(),
            epilogue: Epilogue::default(),
        };
        plan.push(pack).push(pack_bias).push(record);
        Planned {
            plan,
            record,
            wanted,
        }
    }

    fn check(&self) {
        let Planned {
            plan,
            record,
            wanted,
        } = self.planned();
        let got = plan.run_everywhere().dense(record.y, wanted.len());
        assert_close(&got, &wanted, 1e-5, &std::format!("{self:?}"));
    }
}

#[test]
fn sizes() {
    for m in [1, 5, 6, 7, 13] {
        for k in [1, 3, 4, 9] {
            for n in (1..=13).chain([16, 17, 24, 31]) {
                Case { m, k, n, ..PLAIN }.check();
            }
        }
    }
    for (m, k, n) in [(1, 70, 1), (40, 33, 1), (1, 33, 40), (50, 300, 20)] {
        Case { m, k, n, ..PLAIN }.check();
    }
}

#[test]
fn tiles() {
    for tile in [(1, 8), (4, 16), (7, 24), (100, 64)] {
        for n in [7, 16, 18, 20, 30] {
            for bias in [false, true] {
                Case {
                    n,
                    tile,
                    bias,
                    ..PLAIN
                }
                .check();
            }
        }
    }
}

#[test]
fn transposed_matrices() {
    for k in [1, 3, 4, 11, 16] {
        for n in [1, 3, 4, 6, 8, 12, 15, 24] {
            Case {
                k,
                n,
                transposed: true,
                ..PLAIN
            }
            .check();
        }
    }
}

#[test]
fn batches() {
    for shared in [(false, false), (true, false), (false, true), (true, true)] {
        for n in [3, 8, 21] {
            for transposed in [false, true] {
                Case {
                    batch: 3,
                    n,
                    shared,
                    transposed,
                    ..PLAIN
                }
                .check();
            }
        }
    }
}

/// Heads of attention and slices lie so: nothing between the rows is read or written.
#[test]
fn distances() {
    for gaps in [[5, 0, 0], [0, 3, 0], [0, 0, 1], [7, 2, 6]] {
        for n in [1, 6, 8, 20, 23] {
            for transposed in [false, true] {
                Case {
                    batch: 2,
                    n,
                    gaps,
                    transposed,
                    ..PLAIN
                }
                .check();
            }
        }
    }
}

/// The first step in registers, the others over rows: a number, a vector a column, a matrix with distances of its own.
#[test]
fn programs() {
    for n in [3, 7, 8, 16, 21] {
        for tile in [(3, 8), (100, 64)] {
            let case = Case {
                batch: 2,
                n,
                tile,
                ..PLAIN
            };
            let Planned {
                mut plan,
                record,
                wanted,
            } = case.planned();
            let (m, y_len) = (case.m, case.m * n);
            let mut random = Random::new(9);
            let row = random.floats(n, -1.0, 1.0);
            let matrix = random.floats(m * (n + 3), -1.0, 1.0);
            let leaky = (code_of("leaky_relu"), [0.25, 0.0]);
            let [add, mul] = ["add", "mul"].map(|name| (code_of(name), [0.0; 2]));
            let mut words = [leaky; 8];
            words[1] = (add.0 | 2 << 8, add.1);
            words[2] = (mul.0 | 3 << 8, mul.1);
            let record = Matmul {
                program: Program::of(3, &words),
                epilogue: Epilogue {
                    operand1: plan.dense(&row),
                    operand2: plan.dense(&matrix),
                    operand2_inner: n as u32 + 3,
                    ..Epilogue::default()
                },
                ..record
            };
            let passed: Vec<f64> = (wanted.iter().enumerate())
                .map(|(i, &y)| {
                    let y = if y > 0.0 { y } else { 0.25 * y };
                    let at = (i / n % m) * (n + 3) + i % n;
                    (y + f64::from(row[i % n])) * f64::from(matrix[at])
                })
                .collect();
            assert_eq!(wanted.len(), 2 * y_len);
            plan.push(record);
            let got = plan.run_everywhere().dense(record.y, wanted.len());
            assert_close(&got, &passed, 1e-5, &std::format!("{n} {tile:?}"));
        }
    }
}

/// Every element is the same sum in the same order, whatever tile it falls in.
#[test]
fn tiles_do_not_change_bits() {
    let bits = |tile| {
        let Planned {
            plan,
            record,
            wanted,
        } = Case { tile, ..PLAIN }.planned();
        plan.run_everywhere().dense(record.y, wanted.len())
    };
    for tile in [(1, 16), (6, 8), (13, 24)] {
        assert_eq!(bits(PLAIN.tile), bits(tile), "{tile:?}");
    }
}

/// An infinite or NaN element reaches its row of y, and no other.
#[test]
fn infinities_stay_in_their_row() {
    for bad in [f32::INFINITY, f32::NAN] {
        let case = Case {
            bias: false,
            ..PLAIN
        };
        let Planned {
            mut plan, record, ..
        } = case.planned();
        let mut a = Random::new(5).floats(case.m * case.k, -1.0, 1.0);
        a[4 * case.k + 9] = bad;
        let a = plan.dense(&a);
        plan.push(Matmul { a, ..record });
        let got = plan.run_everywhere().dense(record.y, case.m * case.n);
        for (i, x) in got.iter().enumerate() {
            assert_eq!(x.is_finite(), i / case.n != 4, "element {i}: {x}");
        }
    }
}
