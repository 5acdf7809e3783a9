// What the benchmark and its stand-in agree on: session number n belongs to identity number n. Plain JavaScript,
// because what is measured runs without a TypeScript loader in its memory; the types are in sessions.d.mts.

export const IDENTITY_PREFIX = '22078915-db8b-43a8-81b3-'

const digits = (number) => String(number).padStart(12, '0')

export const tokenOf = (number) => `ory_st_bench${'0'.repeat(15)}${digits(number)}`
export const identityOf = (number) => IDENTITY_PREFIX + digits(number)
