/**
 * How far a result may lie from the float64 one, each with its argument. `error <= tolerance * scale`, scale being |wanted| (of
 * denormals the smallest normal number) unless it says otherwise. None is loosened without a note here.
 */

/** Moves: the very same bits. */
export const EXACT = 0;

/** One operation, rounded once to nearest: half a unit in the last place, 2^-24 = 6.0e-8, of the result. */
export const ONE_ROUNDING = 6.0e-8;

/** tanh, absolute: the roundings of a quotient t at half the angle, weakened by the doubling, then t^2, 1 + t^2 and a second quotient; 1.53e-7 over all floats. */
export const TANH = 1.6e-7;

/** The same, relative, which is less where tanh is small: 5 units in the last place, measured 4.2 over all floats. */
export const TANH_RELATIVE = 5 * 2 ** -23;

/** exp and log: the polynomial's and the last sum's roundings; 8.9e-8 over all floats (micro/pointwise/tests.rs). */
export const EXPONENTIAL = 1.2e-7;

/** sigmoid, silu and mish: exp's error, and the roundings of a sum, a product and a quotient; 2.6e-7 over all floats. */
export const ACTIVATION = 4e-7;

/**
 * Reductions accumulate in float64 and round once at the end; a variance may also inherit the rounding of one subtraction.
 * Twice the rounding of the result.
 */
export const REDUCTION = 1.2e-7;

/**
 * Convolution, in units of the sum of |w * x| (+ |b|): partial sums are rounded after each of K steps, and K <= 1000 roundings of 2^-24
 * that are as often up as down add to some sqrt(K) * 2^-24 * 0.5 = 1e-6 of it at most; measured 3e-7.
 */
export const CONVOLUTION = 1e-6;

/** Normalisation, also at 1000 +- 0.5 and 1e4 +- 1, in units of max(1, |wanted|), 1 being the deviation: what the project promises. x - m is exact, s and b are rounded once, the product and the sum once each. */
export const NORMALIZATION = 2e-6;

/** A chain of normalised layers, in the same units: each promises 2e-6 and passes its input's error on, scaled by about 1; five of them. */
export const CHAIN = 1e-5;

/** Levels of 255: a float32 value times 255 is off by less than this, so only a level that near a half may round to its other side. */
export const LEVEL = 1e-3;

/** Whole networks of 16 to 24 convolutions against PyTorch in float64: what the project promises, absolute; measured 2.3e-5, with direct kernels alone 1.4e-5. */
export const NETWORK = 1e-4;

/** The nets that ship, which end in Tanh: what the project promises, absolute; measured 3.6e-5, by Winograd 1.9e-5. An 8-bit step of their output is 8e-3. */
export const SHIPPED_NETWORK = 5e-5;

/** One layer of torch.nn in float64: sums of some hundred products, and statistics at 1000 +- 0.5; measured 2e-6. */
export const TORCH_LAYER = 1e-5;

/**
 * The same layer, exported and computed by onnxruntime; of a norm in units of max(1, |mean of the input|): it rounds what it subtracts, so
 * that an input of 1000 +- 0.5 costs three digits; measured 1.1e-5, without a mean 1.4e-6.
 */
export const FOREIGN_LAYER = 2e-5;

/** Weights of 11 significant bits instead of 24, through nine convolutions and a Tanh, absolute; measured 4.1e-3. */
export const HALF_WEIGHTS = 1e-2;

/** Weights of 8 significant bits, absolute; measured 4.0e-2. */
export const BFLOAT16_WEIGHTS = 1e-1;

/**
 * One convolution by Winograd's algorithms, in units of the results' standard deviation: root mean square, measured at most 1.9e-6 at the most
 * channels that each is chosen for (F(4x4, 3x3): 0.6e-6 at 16, 1.6e-6 at 256; F(4x5, 3x3): 1.8e-6 at 160); and the largest of some ten thousand, five times that with room for corners, whose squares are summed from fewer weights.
 */
export const WINOGRAD_RMS = 2e-6;
export const WINOGRAD_LARGEST = 2e-5;
