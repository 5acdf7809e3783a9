/** No form, flow or session comes near this. Deeper values overflow the stack when they are serialised again. */
const MAX_DEPTH = 64

export const isTooDeep = (value: unknown, depth = 0): boolean =>
  typeof value === 'object' && value !== null &&
  (depth >= MAX_DEPTH || Object.values(value).some((member) => isTooDeep(member, depth + 1)))
