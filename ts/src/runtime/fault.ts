/** A plan that kernels refuse: numbers as the host meets it, and words on the façade's side, which knows the records. */
import { GouacheError } from '../errors.js';
import { recordOf } from '../ops/records.gen.js';

/** What the header's fault words say. */
export interface Fault {
  /** The export that refused. */
  readonly op: string;
  /** The record's index, and its op code. */
  readonly record: number;
  readonly code: number;
  /** The field's index. */
  readonly field: number;
  readonly got: number;
  readonly wanted: number;
}

/** Thrown in the host, and sent by it as the numbers. */
export class FaultMet extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super('a kernel refused the plan');
    this.fault = fault;
  }
}

/** The fault in words. */
export function faultError({ op, record, code, field, got, wanted }: Fault): GouacheError {
  const listed = recordOf(code);
  const where = `${listed?.fields[field] ?? 'the plan'} of record ${record}, ${listed?.name ?? 'unknown'}`;
  return new GouacheError('a kernel refused the plan; this is a bug of gouache', {
    op,
    got: `${got} for ${where}`,
    wanted: String(wanted),
  });
}
