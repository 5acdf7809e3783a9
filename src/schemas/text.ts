/**
 * Pattern for text that goes into a database column: no NUL and no lone surrogate. libsql cuts a bound string at NUL,
 * Postgres refuses it (A18).
 */
export const CLEAN_TEXT = '^(?:[\\u0001-\\ud7ff\\ue000-\\uffff]|[\\ud800-\\udbff][\\udc00-\\udfff])*$'
