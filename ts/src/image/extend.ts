/**
 * How far a picture is extended before a network sees it: far enough that the frame which zero padding paints is cropped away, and up to a
 * size that the network takes. The contract says which those are; of a network without that rule a few sizes are tried. No pixel is touched.
 */
import { ShapeError } from '../errors.js';
import type { ResolvedContract } from '../picture_contract.js';

const OP = 'engine.paint';
/** Pixels on each side; the frame that zero padding paints was seen to be narrower (with 16, starry-night still showed a line). */
const BORDER_PX = 32;
/** How much larger than the picture with its border a size may be that the contract does not ask for. */
const BEYOND_PX = 64;
/** What sides are tried to be multiples of: halvings, and the strides and windows of 3, 6, 7, 12 and 14 that are seen; pix2pix's U-Net halves eight times. */
const MULTIPLES = [1, 2, 4, 8, 16, 32, 64, 3, 6, 12, 7, 14, 128, 256, 512];

/** Height and width, in pixels. */
export interface Sides {
  readonly height: number;
  readonly width: number;
}

const spelled = ({ height, width }: Sides): string => `${height} x ${width} pixels (H x W)`;

type SideRule = { readonly multipleOf: number; readonly least: number };

/** What decides how a picture is extended. */
export interface Extension {
  readonly sides: ResolvedContract['input']['sides'];
  readonly border: number | null;
  /** Rows, and columns, that the output lacks. */
  readonly crop: number;
}

/** The smallest side that `rule` allows for a picture's side with what surrounds it. */
function extendedSide(px: number, { border, crop }: Extension, { multipleOf, least }: SideRule): number {
  const from = (side: number) => Math.ceil(Math.max(side, least) / multipleOf) * multipleOf;
  const bordered = px + crop + 2 * (border ?? BORDER_PX);
  const extended = from(bordered);
  return border !== null || extended <= bordered + BEYOND_PX ? extended : from(px + crop);
}

function fixedSides(
  picture: Sides,
  { border, crop }: Extension,
  [height, width]: readonly [number, number],
): Sides {
  const around = crop + 2 * (border ?? 0);
  if (picture.height + around <= height && picture.width + around <= width) return { height, width };
  throw new ShapeError('the picture is larger than what the network takes', {
    op: OP,
    got: spelled(picture),
    wanted: `at most ${spelled({ height: height - around, width: width - around })}`,
    hint: 'Shrink it first.',
  });
}

/**
 * The sides at which a network sees a picture.
 * @param refusal why the network does not take these sides, or null where it does; asked only where the contract has no rule
 * @throws {@link ShapeError} when there are none
 */
export function extendedSides(
  picture: Sides,
  how: Extension,
  refusal: (sides: Sides) => ShapeError | null,
): Sides {
  const { sides, border, crop } = how;
  if (sides !== null && 'fixed' in sides) return fixedSides(picture, how, sides.fixed);
  const byRule = (rule: SideRule): Sides => ({
    height: extendedSide(picture.height, how, rule),
    width: extendedSide(picture.width, how, rule),
  });
  if (sides !== null) return byRule(sides);
  // Height and width together, since the innermost size of a deep network may be enough in one direction alone.
  const candidates = MULTIPLES.map((multipleOf) => byRule({ multipleOf, least: 1 }));
  // What a network of one size takes.
  if (border === null) candidates.push({ height: picture.height + crop, width: picture.width + crop });
  let first: ShapeError | null = null;
  for (const candidate of candidates) {
    const refused = refusal(candidate);
    if (refused === null) return candidate;
    first ??= refused;
  }
  throw new ShapeError("the network takes no size near the picture's", {
    op: OP,
    got: `a picture of ${spelled(picture)}`,
    wanted: `its height and width, the next multiples of up to ${Math.max(...MULTIPLES)}, or a rule in pictures.input.sides`,
    hint: first?.message,
    cause: first ?? undefined,
  });
}
