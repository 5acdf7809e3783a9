/** Why Go does not decode a text as base64 for URLs, in its words; undefined if it does. */
export function base64Problem (text: string): string | undefined {
  const illegal = text.search(/[^\w=-]|=(?!=?$)/)
  const at = illegal >= 0 ? illegal : text.length % 4 === 0 ? undefined : text.length - text.length % 4
  return at === undefined ? undefined : `illegal base64 data at input byte ${at}`
}
