/** Help texts, made from the commands' own tables so that they cannot disagree with them. */
import { COMMON_OPTIONS, type Command } from './command.js';

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

/** The lines of `gouache --help`. */
export function generalHelp(commands: readonly Command[]): string[] {
  return [
    'Usage: gouache <command> [arguments]',
    '',
    'Commands:',
    ...table(commands.map((command) => [command.name, command.summary])),
    '',
    'gouache <command> --help tells about one; gouache --version prints the version.',
  ];
}

/** The lines of `gouache <command> --help`. */
export function commandHelp(command: Command): string[] {
  const rows = Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(
    ([name, { value, help }]) => [value === undefined ? `--${name}` : `--${name} ${value}`, help] as const,
  );
  return [
    `Usage: gouache ${command.name} ${command.usage}`,
    '',
    command.summary,
    '',
    'Options:',
    ...table(rows),
    ...command.notes.flatMap((note) => ['', ...note.split('\n')]),
  ];
}
