/**
 * Pattern for text that goes into a database column: no NUL and no lone surrogate. libsql cuts a bound string at NUL,
 * Postgres refuses it (A18). For the `u` flag, which Ajv sets: an emoji is one character here.
 */
export const CLEAN_TEXT = '^[\\u0001-\\ud7ff\\ue000-\\u{10ffff}]*$'
