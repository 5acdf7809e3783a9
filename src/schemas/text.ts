/**
 * No NUL (libsql cuts text there, Postgres refuses it) and no lone surrogate (A18). Ajv sets the `u` flag, so an emoji
 * is one character.
 */
export const CLEAN_TEXT = '^[\\u0001-\\ud7ff\\ue000-\\u{10ffff}]*$'
