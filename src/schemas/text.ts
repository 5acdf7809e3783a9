/** No NUL (libsql cuts text there, Postgres refuses it), no lone surrogate (A18). Ajv sets the `u` flag. */
export const CLEAN_TEXT = '^[\\u0001-\\ud7ff\\ue000-\\u{10ffff}]*$'
