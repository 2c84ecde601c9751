#!/usr/bin/env node
/** The `gouache` command: picks a command, prints help and errors, sets the exit code. What a command does is in commands/, one file each. */
import { readFile } from 'node:fs/promises';
import { parseCommandLine } from './command.js';
import { paint } from './commands/paint.js';
import { describe, UsageError } from './failure.js';
import { commandHelp, generalHelp } from './help.js';
import { packageFolder } from './package_folder.js';
import { complain, outliveStreams, say } from './terminal.js';

const COMMANDS = [paint];

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

async function version(): Promise<string> {
  const text = await readFile(new URL('package.json', packageFolder), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}

async function run(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    say(...generalHelp(COMMANDS));
    return;
  }
  if (name === '--version' || name === '-v') {
    say(await version());
    return;
  }
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined) {
    const names = COMMANDS.map((one) => one.name).join(', ');
    throw new UsageError(`unknown command '${name}' (there is ${names}); gouache --help tells more`);
  }
  const line = parseCommandLine(command, rest);
  if (line.help) say(...commandHelp(command));
  else if (line.version) say(await version());
  else await command.run(line);
}

function fail(error: unknown): void {
  complain(describe(error));
  process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
}

outliveStreams(fail);
// Not a top-level await: published files have none.
run(process.argv.slice(2)).catch(fail);
