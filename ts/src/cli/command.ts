/** What a command is, and how its command line is read: a thin, typed layer over node:util's parseArgs. No command is named here. */
import { parseArgs } from 'node:util';
import { UsageError } from './failure.js';

/** One option: with `value`, it takes an argument that the help shows by that name; without, it is a switch. */
export interface OptionSpec {
  readonly value?: string;
  readonly help: string;
}

/** A command line that fits its command's options. */
export interface CommandLine {
  readonly positionals: readonly string[];
  /** Options that take an argument, as they were written. */
  readonly values: Readonly<Record<string, string | undefined>>;
  /** Switches that were given. */
  readonly switches: ReadonlySet<string>;
  readonly help: boolean;
  readonly version: boolean;
}

/** A command of `gouache`: one file in commands/, and one entry in main.ts's list. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What follows `gouache <name>`. */
  readonly usage: string;
  /** Paragraphs below the options. */
  readonly notes: readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly maxPositionals: number;
  /** @throws {@link UsageError} or any other error; main.ts prints one line and sets the exit code */
  run(line: CommandLine): Promise<void>;
}

/** Options that every command has. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  help: { help: 'show this' },
  version: { help: "show gouache's version" },
};

function toUsageError(error: unknown, command: Command): unknown {
  if (!(error instanceof Error) || !('code' in error) || !String(error.code).startsWith('ERR_PARSE_ARGS'))
    return error;
  // Its further sentences are advice about '--' that helps few.
  const [first = error.message] = error.message.split(/\.\s|\n/);
  const clause = first.charAt(0).toLowerCase() + first.slice(1).replace(/\.$/, '');
  return new UsageError(`${clause}; gouache ${command.name} --help lists the options`);
}

/**
 * Reads the arguments behind a command's name.
 * @throws {@link UsageError} for an unknown option, a missing argument, or too many positionals
 */
export function parseCommandLine(command: Command, args: readonly string[]): CommandLine {
  const specs = { ...command.options, ...COMMON_OPTIONS };
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {};
  for (const [name, spec] of Object.entries(specs))
    options[name] = { type: spec.value === undefined ? 'boolean' : 'string' };
  options.help = { type: 'boolean', short: 'h' };
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw toUsageError(error, command);
  }
  const values: Record<string, string | undefined> = {};
  const switches = new Set<string>();
  for (const [name, value] of Object.entries(parsed.values)) {
    if (typeof value === 'string') values[name] = value;
    else if (value === true) switches.add(name);
  }
  const help = switches.has('help');
  if (!help && parsed.positionals.length > command.maxPositionals) {
    const extra = parsed.positionals.slice(command.maxPositionals).join(' ');
    throw new UsageError(
      `unexpected argument: ${extra}; gouache ${command.name} takes at most ${command.maxPositionals}`,
    );
  }
  return { positionals: parsed.positionals, values, switches, help, version: switches.has('version') };
}

/**
 * The argument of an option as a whole number.
 * @throws {@link UsageError} when it is none, lies below `least` or above `most`
 */
export function wholeNumber(
  option: string,
  text: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least || value > most) {
    const range = most < Number.MAX_SAFE_INTEGER ? `from ${least} to ${most}` : `from ${least}`;
    throw new UsageError(`--${option} wants a whole number ${range}, got '${text}'`);
  }
  return value;
}
