//! Inner loops that ops share. Safe functions: each asserts once that its operands cover the whole walk, then loads unchecked.

pub mod border;
