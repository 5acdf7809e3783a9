export const IDENTITY_PREFIX: string
/** A token of the form that Kratos gives out. */
export function tokenOf (number: number): string
/** The id of the identity that the stand-in answers for that token. */
export function identityOf (number: number): string
