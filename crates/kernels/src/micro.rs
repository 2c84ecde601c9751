//! Inner loops that ops share. Safe functions: each asserts once that its operands cover the whole walk, then loads unchecked.

pub mod activation;
pub mod ahead;
pub mod bicubic;
pub mod border;
pub mod conv_tile;
pub mod depthwise;
pub mod dot_tile;
pub mod epilogue;
pub mod group_tile;
pub mod load;
pub mod panels;
pub mod phase;
pub mod pixel;
pub mod pointwise;
pub mod reach;
pub mod rows;
pub mod stage;
pub mod statistics;
pub mod strided;
pub mod widths;
pub mod winograd;
