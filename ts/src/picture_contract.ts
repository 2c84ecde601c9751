/**
 * How pictures enter and leave a network: plain data, a part of every model. A file says it in its metadata, a card (`NAME.json` beside the file) in
 * `input` and `output`, a caller in `model.pictures`; all of them are read here, and none is trusted. What is done with it is image/'s.
 */
import { isPlainObject } from './brand.js';
import type { ErrorFacts, GouacheError } from './errors.js';
import { listedNames, shown } from './spell.js';

/** Lowest and highest value: of pixels going in, or of a painting coming out. */
export type ValueRange = readonly [lowest: number, highest: number];

/**
 * A picture's channels, in the network's order. 'grey' is one, Rec. 601's luma. So is 'luma', but its painting gets the picture's own colours: Cb and
 * Cr, by bicubic where the painting has another size.
 */
export type ChannelOrder = 'RGB' | 'BGR' | 'grey' | 'luma';

/** The order of a picture's axes. */
export type PictureLayout = 'NCHW' | 'NHWC';

/** What numbers pixels are. */
export interface PictureValues {
  /** What black and white are (default [-1, 1]; of a mask [0, 1]). */
  readonly range?: ValueRange | undefined;
  /**
   * Instead of a range, as torchvision's Normalize: value = (level / 255 - mean) / std. One number for all channels, or one a channel in the network's
   * order (default 0).
   */
  readonly mean?: number | readonly number[] | undefined;
  /** As `mean`, above 0 (default 1). */
  readonly std?: number | readonly number[] | undefined;
}

/** The heights and widths that a network takes, in pixels: a rule, or one size. */
export interface PictureSides {
  /** Both are multiples of this (default 1). */
  readonly multipleOf?: number | undefined;
  /** Both are at least this (default 1). */
  readonly least?: number | undefined;
  /** The only size: [height, width], or one number for both. Smaller pictures are extended to it; larger ones are refused. */
  readonly fixed?: number | readonly [height: number, width: number] | undefined;
}

/** How a picture enters. */
export interface PictureInput extends PictureValues {
  /** Default 'RGB'. */
  readonly channelOrder?: ChannelOrder | undefined;
  /** Default 'NCHW'. */
  readonly layout?: PictureLayout | undefined;
  /** Left out, sizes near the picture's are tried. */
  readonly sides?: PictureSides | undefined;
  /**
   * The least that the picture is extended by its reflection, in pixels on each side, and cropped again. 0 shows the network the picture itself, as far as
   * `sides` and `crop` allow. Default: 32; none where a size with so much would be over 64 pixels larger.
   */
  readonly border?: number | undefined;
}

/** How a painting leaves. */
export interface PictureOutput extends PictureValues {
  /** 'mask': one channel, shown as opaque grey (default 'picture', which has the picture's alpha). */
  readonly kind?: 'picture' | 'mask' | undefined;
  /** Default: the input's; of a mask 'grey'. */
  readonly channelOrder?: ChannelOrder | undefined;
  /** Default: the input's. */
  readonly layout?: PictureLayout | undefined;
  /** The painting is so many times as high and as wide as the picture. Default: as many times as the network's output tells. */
  readonly scale?: number | undefined;
  /**
   * Rows, and columns, of its input that the network's output lacks, an even number, half of them on each side: of n rows it makes scale * (n - crop)
   * (default 0).
   */
  readonly crop?: number | undefined;
  /** Which of several outputs: its place in the list, or its key in the record, that `forward` returns. */
  readonly which?: number | string | undefined;
}

/** How pictures enter and leave a network. What is left out has its default. */
export interface PictureContract {
  readonly input?: PictureInput | undefined;
  readonly output?: PictureOutput | undefined;
}

/** Numbers for each of three channels, or thrice the same. */
type Triple = readonly [number, number, number];

/** {@link PictureValues} with nothing left out. */
export type ResolvedValues = { readonly range: ValueRange } | { readonly mean: Triple; readonly std: Triple };

/** {@link PictureContract} with nothing left out; null: to be found out. */
export interface ResolvedContract {
  readonly input: {
    readonly channelOrder: ChannelOrder;
    readonly layout: PictureLayout;
    readonly values: ResolvedValues;
    readonly sides:
      | { readonly multipleOf: number; readonly least: number }
      | { readonly fixed: readonly [height: number, width: number] }
      | null;
    readonly border: number | null;
  };
  readonly output: {
    readonly kind: 'picture' | 'mask';
    readonly channelOrder: ChannelOrder;
    readonly layout: PictureLayout;
    readonly values: ResolvedValues;
    readonly scale: number | null;
    readonly crop: number;
    readonly which: number | string | null;
  };
}

/** The error for a contract that cannot be right: whose it is, callers know. */
export type Refuse = (what: string, facts: ErrorFacts) => GouacheError;

/** Far beyond any real network, and far below any harm: scales and offsets are float32. */
const MOST_VALUE = 1e6;
const LEAST_STEP = 1e-6;
const MOST_SIDE_PX = 2 ** 16;
const MOST_SCALE = 16;
const MOST_LETTERS = 256;

/** One entry of a contract. */
interface Field<T> {
  readonly wanted: string;
  /** The value, copied; undefined where it cannot be right. */
  read(value: unknown, refuse: Refuse, at: string): T | undefined;
}
type Fields<T> = { readonly [K in keyof T]-?: Field<NonNullable<T[K]>> };

const isWithin = (value: unknown, least: number, most: number): value is number =>
  typeof value === 'number' && value >= least && value <= most;

function oneOf<T extends string>(...names: readonly T[]): Field<T> {
  return {
    wanted: names.map((name) => `'${name}'`).join(' or '),
    read: (value) => names.find((name) => name === value),
  };
}

function whole(least: number, most: number, step = 1): Field<number> {
  return {
    wanted: `${step === 2 ? 'an even' : 'a whole'} number from ${least} to ${most}`,
    read: (value) => (isWithin(value, least, most) && value % step === 0 ? value : undefined),
  };
}

/** A list of at most three entries, copied; null for anything else. */
function shortList(value: unknown): readonly unknown[] | null {
  return Array.isArray(value) && value.length <= 3 ? Array.from(value) : null;
}

const range: Field<ValueRange> = {
  wanted: `[lowest, highest], numbers from -${MOST_VALUE} to ${MOST_VALUE}`,
  read(value) {
    const [low, high, ...others] = shortList(value) ?? [];
    if (!isWithin(low, -MOST_VALUE, MOST_VALUE) || !isWithin(high, low + LEAST_STEP, MOST_VALUE))
      return undefined;
    return others.length === 0 ? [low, high] : undefined;
  },
};

function numbers(least: number): Field<number | readonly number[]> {
  return {
    wanted: `a number from ${least} to ${MOST_VALUE}, or one for each channel`,
    read(value) {
      const isGood = (one: unknown): one is number => isWithin(one, least, MOST_VALUE);
      if (isGood(value)) return value;
      const list = shortList(value);
      return list !== null && (list.length === 1 || list.length === 3) && list.every(isGood)
        ? list
        : undefined;
    },
  };
}

const side = whole(1, MOST_SIDE_PX);
const fixed: Field<number | readonly [number, number]> = {
  wanted: `${side.wanted}, or [height, width]`,
  read(value, ...told) {
    const list = shortList(value);
    if (list === null) return side.read(value, ...told);
    const [height, width] = list.map((one) => side.read(one, ...told));
    return height === undefined || width === undefined || list.length > 2 ? undefined : [height, width];
  },
};

const which: Field<number | string> = {
  wanted: "an output's place in the list, or its key in the record",
  read(value) {
    if (typeof value === 'string') return value.length <= MOST_LETTERS ? value : undefined;
    return Number.isSafeInteger(value) && isWithin(value, 0, MOST_SIDE_PX) ? value : undefined;
  },
};

function objectOf<T extends object>(fields: Fields<T>): Field<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  return {
    wanted: `an object of ${names.join(', ')}`,
    read(given, refuse, at) {
      if (!isPlainObject(given)) return undefined;
      const unknown = Object.keys(given).filter((name) => !(names as readonly string[]).includes(name));
      if (unknown.length > 0) {
        throw refuse(`${at} has an entry that is unknown`, {
          got: listedNames(unknown),
          wanted: names.join(', '),
        });
      }
      const read: Partial<T> = {};
      for (const name of names) {
        const value = (given as Partial<T>)[name];
        if (value !== undefined)
          read[name] = entry(value, fields[name], refuse, `${at}.${name}`) as T[typeof name];
      }
      return read as T;
    },
  };
}

function entry<T>(value: unknown, field: Field<T>, refuse: Refuse, at: string): T {
  const read = field.read(value, refuse, at);
  if (read !== undefined) return read;
  throw refuse(`${at} cannot be right`, { got: shown(value), wanted: field.wanted });
}

const channelOrder = oneOf<ChannelOrder>('RGB', 'BGR', 'grey', 'luma');
const layout = oneOf<PictureLayout>('NCHW', 'NHWC');
const values = { range, mean: numbers(-MOST_VALUE), std: numbers(LEAST_STEP) };

const CONTRACT = objectOf<PictureContract>({
  input: objectOf<PictureInput>({
    channelOrder,
    layout,
    ...values,
    sides: objectOf<PictureSides>({ multipleOf: side, least: side, fixed }),
    border: whole(0, MOST_SIDE_PX),
  }),
  output: objectOf<PictureOutput>({
    kind: oneOf('picture', 'mask'),
    channelOrder,
    layout,
    ...values,
    scale: whole(1, MOST_SCALE),
    crop: whole(0, MOST_SIDE_PX, 2),
    which,
  }),
});

/**
 * A copy of what a contract says, each entry checked for itself.
 * @param at what it is called in messages
 * @throws what `refuse` makes, for an entry that is unknown or cannot be right
 */
export function checkContract(given: unknown, refuse: Refuse, at = 'pictures'): PictureContract {
  return entry(given, CONTRACT, refuse, at);
}

/** `over`, and what it leaves out of `under`. Values are one thing: a mean replaces a range. */
export function overlaid(under: PictureContract, over: PictureContract): PictureContract {
  return {
    input: { ...unless(over.input, under.input), ...over.input },
    output: { ...unless(over.output, under.output), ...over.output },
  };
}

function unless<T extends PictureValues>(over: PictureValues | undefined, under: T | undefined): Partial<T> {
  if (under === undefined || over === undefined || !saysValues(over)) return under ?? {};
  const { range: _, mean: __, std: ___, ...others } = under;
  return others as Partial<T>;
}

const saysValues = ({ range, mean, std }: PictureValues): boolean =>
  range !== undefined || mean !== undefined || std !== undefined;

/** How many channels a network takes or gives. */
export function channelsOf(order: ChannelOrder): 1 | 3 {
  return order === 'RGB' || order === 'BGR' ? 3 : 1;
}

/**
 * A checked contract with its defaults.
 * @throws what `refuse` makes, for entries that contradict each other
 */
export function resolveContract(
  { input = {}, output = {} }: PictureContract,
  refuse: Refuse,
): ResolvedContract {
  const { kind = 'picture', scale = null, crop = 0, which = null } = output;
  const { channelOrder: enters = 'RGB', layout = 'NCHW', sides, border = null } = input;
  const leaves = output.channelOrder ?? (kind === 'mask' ? 'grey' : enters);
  if (kind === 'mask' && leaves !== 'grey') {
    throw refuse("a mask's channel is grey", {
      got: `pictures.output of kind 'mask' and channelOrder '${leaves}'`,
      wanted: "'grey'",
    });
  }
  if (kind === 'picture' && (enters === 'luma') !== (leaves === 'luma')) {
    throw refuse("what enters as 'luma' leaves as 'luma'", {
      got: `channelOrder '${enters}' of the input, '${leaves}' of the output`,
      hint: "One channel whose painting has no colours is 'grey'.",
    });
  }
  return {
    input: {
      channelOrder: enters,
      layout,
      values: resolveValues(input, { at: 'pictures.input', order: enters, usual: [-1, 1], refuse }),
      sides: sides === undefined ? null : resolveSides(sides, refuse),
      border,
    },
    output: {
      kind,
      channelOrder: leaves,
      layout: output.layout ?? layout,
      values: resolveValues(output, {
        at: 'pictures.output',
        order: leaves,
        usual: kind === 'mask' ? [0, 1] : [-1, 1],
        refuse,
      }),
      scale,
      crop,
      which,
    },
  };
}

function resolveValues(
  { range, mean, std }: PictureValues,
  told: {
    readonly at: string;
    readonly order: ChannelOrder;
    readonly usual: ValueRange;
    readonly refuse: Refuse;
  },
): ResolvedValues {
  const { at, order, usual, refuse } = told;
  if (mean === undefined && std === undefined) return { range: range ?? usual };
  if (range !== undefined) {
    throw refuse(`${at} says its values twice`, { got: 'range, and mean or std', wanted: 'one of the two' });
  }
  const perChannel = (given: number | readonly number[], name: string): Triple => {
    const list = typeof given === 'number' ? [given] : given;
    if (list.length !== 1 && list.length !== channelsOf(order)) {
      throw refuse(`${at}.${name} is of other channels`, {
        got: `${list.length} numbers`,
        wanted: `one, or one for each channel of '${order}'`,
      });
    }
    const [first = 0, second = first, third = first] = list;
    return [first, second, third];
  };
  return { mean: perChannel(mean ?? 0, 'mean'), std: perChannel(std ?? 1, 'std') };
}

function resolveSides(
  { multipleOf, least, fixed }: PictureSides,
  refuse: Refuse,
): NonNullable<ResolvedContract['input']['sides']> {
  if (fixed === undefined) return { multipleOf: multipleOf ?? 1, least: least ?? 1 };
  if (multipleOf !== undefined || least !== undefined) {
    throw refuse('pictures.input.sides says two things', {
      got: 'fixed, and multipleOf or least',
      wanted: 'a rule or one size',
    });
  }
  return { fixed: typeof fixed === 'number' ? [fixed, fixed] : fixed };
}
