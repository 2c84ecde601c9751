/** ONNX's enumerations, which the schema keeps as plain numbers: what an attribute holds, and of what a tensor is made. */

/** AttributeProto.type, as far as gouache writes it. */
export const ATTRIBUTE = { FLOAT: 1, INT: 2, STRING: 3, FLOATS: 6, INTS: 7 } as const;

/** TensorProto.data_type, as far as gouache knows it. */
export const ELEMENT = { FLOAT: 1, INT64: 7, BOOL: 9, FLOAT16: 10, DOUBLE: 11, BFLOAT16: 16 } as const;

export type ElementCode = (typeof ELEMENT)[keyof typeof ELEMENT];
